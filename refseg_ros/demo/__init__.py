"""The demonstration: camera and node as processes, asked as a user asks. Run it with `python -m refseg_ros.demo`."""
