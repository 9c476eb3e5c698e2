"""Spoken queries: sound in, an expression of the model's words out, offline. Without ROS; needs the extra `speech`."""
