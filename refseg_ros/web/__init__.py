"""The live page: what it knows, draws and serves. Without ROS; its node is node/web_node.py. Needs the extra `web`."""
