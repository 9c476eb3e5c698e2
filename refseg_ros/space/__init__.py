"""A box in space from a mask and a depth image. NumPy and OpenCV, no ROS."""
