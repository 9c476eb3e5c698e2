"""Spoken queries: turns sound into an expression in the model's words, offline. No ROS; needs the extra `speech`."""
