"""Who may import what: read from the sources, and tried in an interpreter where the forbidden is missing."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted(path for package in ("refseg_ros", "model_training") for path in (ROOT / package).rglob("*.py"))
OF_RUNTIME = [path for path in MODULES if path.is_relative_to(ROOT / "refseg_ros")]
ROOMS_WITH_ROS = ("node", "ros")
"""Folders of refseg_ros whose modules may import ROS."""
OTHERS_WITH_ROS = (
    *("images/messages.py", "demo/client.py", "demo/robot_node.py"),
    *("doctor/graph.py", "doctor/installation.py", "doctor/listener.py"),
)
"""Modules elsewhere that may: they turn messages into arrays and back, talk to the nodes as a user does, or look
at the running graph."""
ROS = {
    "ament_index_python",
    "builtin_interfaces",
    "cv_bridge",
    "launch",
    "launch_ros",
    "message_filters",
    "rcl_interfaces",
}
AFTER_HUMBLE = {"rclpy.event_handler", "rclpy.logging.get_logger_level", "rclpy.parameter_client"}
"""What rclpy has from Iron on, and Humble's has not."""
TRAINING = {"torch", "torchvision", "safetensors", "onnx", "onnxscript", "model_training"}


@functools.cache
def imports(path: Path) -> list[str]:
    """Dotted names of all that a module imports, wherever in it."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def offenders(paths: Iterable[Path], forbids: Callable[[str], bool]) -> list[str]:
    """The imports of some modules that are forbidden, each with its module."""
    return [f"{path.relative_to(ROOT)}: {name}" for path in paths for name in imports(path) if forbids(name)]


def is_ros(name: str) -> bool:
    first, *rest = name.split(".")
    own_messages = first == "refseg_ros" and rest[:1] in (["msg"], ["srv"], ["action"])
    return first in ROS or first.startswith("rclpy") or first.endswith("_msgs") or own_messages


def test_there_is_something_to_walk():
    assert len(OF_RUNTIME) > 10


def test_the_runtime_imports_nothing_of_training():
    assert not offenders(OF_RUNTIME, lambda name: name.split(".")[0] in TRAINING)


def may_import_ros(path: Path) -> bool:
    inside = path.relative_to(ROOT)
    return inside.parts[0] == "refseg_ros" and (
        inside.parts[1] in ROOMS_WITH_ROS or inside.relative_to("refseg_ros").as_posix() in OTHERS_WITH_ROS
    )


def test_ros_stays_in_its_rooms():
    assert not offenders((path for path in MODULES if not may_import_ros(path)), is_ros)


def test_what_runs_on_a_robot_imports_only_what_rclpy_has_on_humble():
    paths = [path for folder in ("refseg_ros", "launch", "examples") for path in (ROOT / folder).rglob("*.py")]
    assert not offenders(paths, lambda name: name in AFTER_HUMBLE or name.rpartition(".")[0] in AFTER_HUMBLE)


@pytest.mark.parametrize("name", OTHERS_WITH_ROS)
def test_the_modules_elsewhere_do_import_it(name):
    assert any(map(is_ros, imports(ROOT / "refseg_ros" / name)))


def rooms_of(package: str) -> dict[str, set[str]]:
    """Folder of a package -> the folders of it that its modules import from."""
    rooms = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}
    return {
        room: {
            name.split(".")[1]
            for path in (ROOT / package / room).rglob("*.py")
            for name in imports(path)
            if name.startswith(f"{package}.")
        }
        & (rooms - {room})
        for room in rooms
    }


@pytest.mark.parametrize("package", ["refseg_ros", "model_training"])
def test_imports_go_one_way_from_room_to_room(package):
    """So that the rooms can be put in an order in which each imports only from those before it."""
    left = rooms_of(package)
    assert len(left) > 5
    while ready := [room for room, needed in left.items() if not needed & left.keys()]:
        for room in ready:
            del left[room]
    assert not left, "these rooms import each other"


@pytest.mark.parametrize("package", ["refseg_ros", "model_training"])
def test_no_room_imports_a_command(package):
    commands = {f"{package}.{one.stem}" for one in (ROOT / package).glob("*.py") if "@command(" in one.read_text()}
    in_rooms = (ROOT / package).glob("*/**/*.py")
    assert commands and not offenders(in_rooms, lambda name: name.rpartition(".")[0] in commands)


def in_fresh_interpreter(code: str) -> None:
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr


def test_the_package_is_imported_for_nothing():
    in_fresh_interpreter(
        "import sys, refseg_ros\n"
        "heavy = {'numpy', 'cv2', 'onnxruntime', 'rclpy', 'mujoco'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )


def test_the_library_needs_no_ros_no_simulator_and_no_training():
    in_fresh_interpreter(
        "import sys\n"
        "for name in ('rclpy', 'sensor_msgs', 'std_msgs', 'mujoco', 'torch', 'onnx'):\n"
        "    sys.modules[name] = None\n"  # an import of it fails
        "from refseg_ros import *\n"
        "import refseg_ros, refseg_ros.segment, refseg_ros.images.messages\n"
        "import refseg_ros.ros.node_config, refseg_ros.ros.usage\n"
        "assert all(hasattr(refseg_ros, name) for name in refseg_ros.__all__)"
    )


def test_an_unknown_name_is_an_attribute_error():
    import refseg_ros

    with pytest.raises(AttributeError, match="nothing_of_this_name"):
        _ = refseg_ros.nothing_of_this_name


def test_a_second_folder_of_the_package_is_found(tmp_path):
    """The generated messages lie beside the installed sources, not in the source tree."""
    (tmp_path / "refseg_ros" / "generated").mkdir(parents=True)
    (tmp_path / "refseg_ros" / "__init__.py").write_text("")
    (tmp_path / "refseg_ros" / "generated" / "__init__.py").write_text("")
    in_fresh_interpreter(
        f"import sys; sys.path.append({str(tmp_path)!r}); import refseg_ros.generated, refseg_ros.files"
    )
