"""The import of what a node needs: one clear line if a module is missing, and a Ctrl-C that ends the node."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from refseg_ros.interrupts import end_at_interrupt

_CURES = {
    "pocketsphinx": "pip install pocketsphinx",
    "nicegui": "pip install nicegui",
    "mujoco": "pip install mujoco",
    "refseg_ros": "build the messages and source the workspace: colcon build, then source install/setup.bash",
}
_ROS = "source ROS 2 (source /opt/ros/$ROS_DISTRO/setup.bash) and the workspace that this package is in"


@contextmanager
def needed_modules() -> Iterator[None]:
    """End the process with one line and exit code 1 if an import in the block finds no module; with 0 at Ctrl-C."""
    before = end_at_interrupt(0, b"")
    is_main = threading.current_thread() is threading.main_thread()
    try:
        yield
    except ModuleNotFoundError as error:
        name = error.name or ""
        cure = _CURES.get(name.split(".")[0], _ROS)
        raise SystemExit(f"error: the module {name} is not installed; {cure}") from error
    finally:
        if is_main and before is not None:  # a handler that was not set from Python is None
            signal.signal(signal.SIGINT, before)
