"""The package as colcon builds and installs it, in both forms."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: there is no ROS 2 to build the package for")
pytestmark = pytest.mark.skipif(not shutil.which("colcon"), reason="colcon is not installed")

ROOT = Path(__file__).parent.parent.parent
PARTS = ("CMakeLists.txt", "package.xml", "action", "cmake", "config", "launch", "msg", "refseg_ros", "srv")
CHECK = """
from pathlib import Path
import refseg_ros
from refseg_ros.msg import BoundingBox, Segmentation
from refseg_ros.ros.node_config import SegmentNodeConfig
from ament_index_python import get_package_prefix, get_package_share_directory

folder = Path(refseg_ros.__file__).parent
prefix = Path(get_package_prefix("refseg_ros"))
assert prefix in folder.parents, folder
share = Path(get_package_share_directory("refseg_ros"))
for name in ("segment.launch.py", "demo.launch.py", "speech.launch.py"):
    assert (share / "launch" / name).is_file(), name
for name in ("segment.yaml", "refseg.rviz", "foxglove_layout.json", "sros2/refseg_policy.xml"):
    assert (share / "config" / name).is_file(), name
for name in ("segment_node", "camera_node", "speech_node", "replay", "build_engine", "doctor", "search", "gpu_check"):
    assert (prefix / "lib" / "refseg_ros" / name).is_file(), name
assert Segmentation(box=BoundingBox(width=3)).box.width == 3
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a copy of the package, so that no module of the source tree helps out."""
    folder = tmp_path_factory.mktemp("workspace")
    package = folder / "src" / "refseg_ros"
    package.mkdir(parents=True)
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, package / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, package)
    return folder


@pytest.fixture(scope="module", params=[(), ("--symlink-install",)], ids=["copied", "linked"])
def workspace(request: pytest.FixtureRequest, source: Path) -> Path:
    """The workspace with the package installed in one form. What was compiled for the other form is used again."""
    environment = dict(os.environ)
    if sys.prefix != sys.base_prefix:
        environment |= {"AMENT_PREFIX_PATH": sys.prefix, "CMAKE_PREFIX_PATH": sys.prefix}
    for other in ("install", "build/refseg_ros/ament_cmake_python"):  # ament replaces no folder by a link
        shutil.rmtree(source / other, ignore_errors=True)
    command = ["colcon", "build", *request.param, "--cmake-args", f"-DPython3_EXECUTABLE={sys.executable}"]
    built = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    return source


def in_workspace(workspace: Path, command: str) -> subprocess.CompletedProcess:
    """Run a shell command with the workspace sourced, away from the source tree and without its path."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
    script = f"source install/setup.bash && {command}"
    return subprocess.run(["bash", "-c", script], cwd=workspace, env=environment, capture_output=True, text=True)


def test_messages_package_launch_files_and_executables_are_found(workspace):
    found = in_workspace(workspace, f"python3 -c '{CHECK.replace(chr(39), chr(34))}'")
    assert found.returncode == 0, found.stderr


def test_the_shipped_bundle_is_found(workspace):
    found = in_workspace(workspace, "python3 -c 'import refseg_ros; print(refseg_ros.Segmenter().manifest.name)'")
    assert found.returncode == 0, found.stderr
    assert found.stdout.strip() == "household"


BAD_PARAMETERS = {
    "segment_node": "device:=abacus",
    "camera_node": "source:=/nowhere.mp4",
    "speech_node": "source:=/nowhere.wav",
}


@pytest.mark.parametrize("executable", BAD_PARAMETERS)
def test_executables_start_and_refuse_a_bad_parameter(workspace, executable):
    if executable == "speech_node":
        pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed (the extra `speech`)")
    parameter = BAD_PARAMETERS[executable]
    run = in_workspace(workspace, f"install/refseg_ros/lib/refseg_ros/{executable} --ros-args -p {parameter}")
    assert run.returncode == 1, run.stderr
    assert parameter.split(":=")[1] in run.stderr
    assert "Traceback" not in run.stderr


def test_the_builder_starts_and_refuses_what_is_no_bundle(workspace):
    run = in_workspace(workspace, "install/refseg_ros/lib/refseg_ros/build_engine /nowhere")
    assert run.returncode == 2 and run.stderr == (
        "error: /nowhere: there is no such folder; a model is a folder with a manifest.json, or one of those that "
        "ship: household, tabletop\n"
    )


def test_the_doctor_starts_and_tells_of_a_model_that_is_not_there(workspace):
    run = in_workspace(workspace, "ROS_DOMAIN_ID=none install/refseg_ros/lib/refseg_ros/doctor --model /nowhere")
    assert run.returncode == 1, run.stderr
    assert "ERROR the model is refused: /nowhere: there is no such folder" in run.stdout
    assert "ERROR ROS_DOMAIN_ID is 'none'" in run.stdout


def test_the_replay_starts_and_refuses_what_is_no_bag(workspace):
    pytest.importorskip("rosbags", reason="rosbags is not installed (the extra `replay`)")
    run = in_workspace(workspace, "install/refseg_ros/lib/refseg_ros/replay /nowhere red")
    assert (run.returncode, run.stderr) == (2, "error: /nowhere: there is no such bag\n")


def test_the_search_starts_its_workers_and_answers(workspace, bundle_folder, tmp_path):
    for module in ("rosbags", "distributed", "pyarrow"):
        pytest.importorskip(module, reason=f"{module} is not installed (the extra `search`)")
    from tests.search.bags import picture, record

    bag, found = record(tmp_path / "bag", [picture(30)]), tmp_path / "found"
    search = f"install/refseg_ros/lib/refseg_ros/search {bag} red --model {bundle_folder} -o {found}"
    run = in_workspace(workspace, search)
    assert run.returncode == 0, run.stderr
    assert any(found.rglob("*.parquet"))
