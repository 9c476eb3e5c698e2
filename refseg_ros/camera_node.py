"""Starts the node `camera`, for use without a camera driver: simulator, webcam, stream, video file or images."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from refseg_ros.ros.needed import needed_modules


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node until SIGINT, SIGTERM or the end of its source (exit code 0); exit code 1 if it cannot run."""
    with needed_modules():
        from refseg_ros.media.source import SourceError
        from refseg_ros.node.camera_node import CameraNode
        from refseg_ros.ros.node_config import CameraNodeConfig
        from refseg_ros.ros.running import run_node
    return run_node("camera", CameraNode, CameraNodeConfig, arguments, expected=(SourceError,))


if __name__ == "__main__":
    sys.exit(main())
