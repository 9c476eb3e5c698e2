"""The demonstration: camera and node as processes, used as a user would. Run `python -m refseg_ros.demo`."""
