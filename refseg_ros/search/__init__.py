"""Searching many bags for what expressions name, on one machine or many. Without ROS."""
