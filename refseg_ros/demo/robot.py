"""A robot to try a pick with: the simulated table, a camera, and a gripper on rails, as ROS topics.

    python -m refseg_ros.demo.robot --ros-args -p seed:=7 -p split:=held_out

It is no arm: the gripper goes straight to where it is sent and hits what is in its way.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from refseg_ros.ros.needed import needed_modules


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node until SIGINT or SIGTERM (exit code 0); exit code 1 when it cannot run."""
    with needed_modules():
        from refseg_ros.demo.robot_config import RobotConfig
        from refseg_ros.demo.robot_node import RobotNode
        from refseg_ros.ros.running import run_node
    return run_node("robot", RobotNode, RobotConfig, arguments)


if __name__ == "__main__":
    sys.exit(main())
