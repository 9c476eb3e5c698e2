"""One clear line if a module that a node needs is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_CURES = {
    "pocketsphinx": "pip install pocketsphinx",
    "nicegui": "pip install nicegui",
    "refseg_ros": "build the messages and source the workspace: colcon build, then source install/setup.bash",
}
_ROS = "source ROS 2 (source /opt/ros/$ROS_DISTRO/setup.bash) and the workspace that this package is in"


@contextmanager
def needed_modules() -> Iterator[None]:
    """End the process with one line and exit code 1 if an import in the block finds no module."""
    try:
        yield
    except ModuleNotFoundError as error:
        name = error.name or ""
        cure = _CURES.get(name.split(".")[0], _ROS)
        raise SystemExit(f"error: the module {name} is not installed; {cure}") from error
