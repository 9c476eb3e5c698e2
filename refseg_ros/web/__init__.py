"""The live page: what it knows, draws and serves. Without ROS, which its node, node/web_node.py, has. Needs the extra
`web`.
"""
