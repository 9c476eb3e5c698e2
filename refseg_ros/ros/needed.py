"""The import of what a node needs: one clear line if a module is missing, and a Ctrl-C that ends the node."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from refseg_ros.interrupts import end_at_interrupt

_CURES = {
    "onnxruntime": "pip install onnxruntime",
    "cv2": "sudo apt install python3-opencv, or pip install opencv-python-headless",
    "numpy": "sudo apt install python3-numpy, or pip install numpy",
    "pocketsphinx": "pip install pocketsphinx",
    "nicegui": "pip install nicegui",
    "mujoco": "pip install mujoco",
    "refseg_ros": "build the messages and source the workspace: colcon build, then source install/setup.bash",
}
_ROS = "source ROS 2 (source /opt/ros/$ROS_DISTRO/setup.bash) and the workspace that this package is in"


def words_of(error: ModuleNotFoundError) -> str:
    """Which module is missing, and what to do about it."""
    name = error.name or ""
    return f"the module {name} is not installed; {_CURES.get(name.split('.')[0], _ROS)}"


@contextmanager
def needed_modules() -> Iterator[None]:
    """End the process with one line and exit code 1 if an import in the block finds no module; with 0 at Ctrl-C."""
    before = end_at_interrupt(0, b"")
    is_main = threading.current_thread() is threading.main_thread()
    try:
        yield
    except ModuleNotFoundError as error:
        raise SystemExit(f"error: {words_of(error)}") from error
    finally:
        if is_main and before is not None:  # a handler that was not set from Python is None
            signal.signal(signal.SIGINT, before)
