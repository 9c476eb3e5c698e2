"""Starts the node `web`: a page on which a person types or says what to look at, and watches the mask follow it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from refseg_ros.ros.needed import needed_modules


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node until SIGINT or SIGTERM (exit code 0); exit code 1 when it cannot run."""
    with needed_modules():
        from refseg_ros.errors import BundleError
        from refseg_ros.node.web_node import WebNode
        from refseg_ros.ros.running import run_node
        from refseg_ros.web.config import WebConfig
        from refseg_ros.web.server import AddressError
    return run_node("web", WebNode, WebConfig, arguments, expected=(BundleError, AddressError))


if __name__ == "__main__":
    sys.exit(main())
