"""Starts the node `segment`: images and an expression in; mask, box and the whole answer out."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from refseg_ros.ros.needed import needed_modules


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node until SIGINT or SIGTERM (exit code 0); 1 if it cannot start, with the reason in one line."""
    with needed_modules():
        from refseg_ros.node.segment_node import SegmentNode
        from refseg_ros.ros.node_config import SegmentNodeConfig
        from refseg_ros.ros.running import run_node
    return run_node("segment", SegmentNode, SegmentNodeConfig, arguments)


if __name__ == "__main__":
    sys.exit(main())
