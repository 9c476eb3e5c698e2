"""What is on a node's command line: what it refuses, what it explains, and what it does without ROS."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")

from refseg_ros.demo.processes import stay_on_this_machine
from refseg_ros.demo.robot_config import RobotConfig
from refseg_ros.ros.node_config import CameraNodeConfig, SegmentNodeConfig
from refseg_ros.speech.config import SpeechConfig
from refseg_ros.web.config import WebConfig
from tests.interrupting import interrupting

ROOT = Path(__file__).parent.parent.parent
CONFIGS = {
    **{"segment_node": SegmentNodeConfig, "camera_node": CameraNodeConfig},
    **{"speech_node": SpeechConfig, "web_node": WebConfig, "demo.robot": RobotConfig},
}
NEEDED = {"speech_node": "pocketsphinx", "web_node": "nicegui", "demo.robot": "mujoco"}
"""What a node needs beside ROS."""


def of_nodes(*cases: object) -> list[tuple]:
    """Cases for one node, and the last of them for the others: what refuses them is `run_node`, which all share."""
    first, *others = CONFIGS
    return [*((first, case) for case in cases), *((node, cases[-1]) for node in others)]


@pytest.fixture(params=list(CONFIGS))
def node(request) -> str:
    if request.param in NEEDED:
        pytest.importorskip(NEEDED[request.param], reason=f"{NEEDED[request.param]} is not installed")
    stay_on_this_machine()
    return request.param


def run(node: str, *given: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", f"refseg_ros.{node}", *given],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("node", "case"),
    of_nodes(
        (["-p", "rate:=5.0"], ["'-p' is no argument; parameters are given as --ros-args -p NAME:=VALUE"]),
        (["--ros-args", "--", "left"], ["'left' is no argument"]),
        (["--ros-args", "-p", "query:=find: the red mug"], ["'-p query:=find: the red mug'", "quotes"]),
        (["--ros-args", "--params-file", "/nowhere.yaml"], ["/nowhere.yaml", "is the file there"]),
        (["--ros-args", "--params-file", "{broken}"], ["{broken}", "line 1", "YAML"]),
        (["--ros-args", "-r", "__ns:=/robot/1"], ["'-r __ns:=/robot/1'", "no digit first"]),
        (["--ros-args", "-r", "__ns:=/robot/"], ["namespace must not end with a '/'"]),
        (["--ros-args", "-r", "/a:=/b c"], ["'-r /a:=/b c'"]),
        (["--ros-args", "--log-level", "loud"], ["'--log-level loud'"]),
        (["--ros-args", "--bogus"], ["'--bogus'"]),
        # What only the making of the node refuses; the others never get so far.
        (["--ros-args", "-p", "use_sim_time:=perhaps"], ["use_sim_time"]),
    ),
    indirect=["node"],
)
def test_what_it_cannot_read_is_refused_in_a_line(node, case, tmp_path) -> None:
    given, words = case
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [b\n  c: d")
    done = run(node, *[word.format(broken=broken) for word in given])
    assert done.returncode == 1
    (line,) = (done.stdout + done.stderr).strip().splitlines()
    assert "[FATAL]" in line
    for word in words:
        assert word.format(broken=broken) in line
    assert "/project/" not in line, "the place in ROS's own sources says nothing to a user"


@pytest.mark.parametrize(("node", "help_"), of_nodes("-h", "--help"), indirect=["node"])
def test_help_describes_each_parameter(node, help_) -> None:
    done = run(node, help_)
    assert (done.returncode, done.stderr) == (0, "")
    words = " ".join(done.stdout.split())
    assert words.startswith(f"usage: python -m refseg_ros.{node} ")
    for field in dataclasses.fields(CONFIGS[node]):
        assert f" {field.name} (" in words and field.metadata["description"] in words


def hide(module: str, folder: Path) -> dict[str, str]:
    """An environment whose Python does not find a module, as where no workspace was sourced."""
    (folder / "sitecustomize.py").write_text(
        "import sys\n"
        "class Hidden:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Hidden())\n"
    )
    return {"PYTHONPATH": f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}


def test_without_ros_it_says_so_in_a_line(node, tmp_path) -> None:
    done = run(node, **hide("rclpy", tmp_path))
    assert done.returncode == 1
    (line,) = (done.stdout + done.stderr).strip().splitlines()
    assert line.startswith("error: the module rclpy is not installed; source ROS 2")


@pytest.mark.parametrize(
    ("of", "module", "cure"),
    [
        ("segment_node", "refseg_ros.msg", "colcon build"),
        ("segment_node", "onnxruntime", "pip install onnxruntime"),
        ("camera_node", "cv2", "python3-opencv"),
        *((node, module, f"pip install {module}") for node, module in NEEDED.items()),
    ],
)
def test_what_one_node_needs_beside_ros_is_said_in_a_line(of, module, cure, tmp_path) -> None:
    done = run(of, **hide(module, tmp_path))
    assert done.returncode == 1
    (line,) = (done.stdout + done.stderr).strip().splitlines()
    assert line.startswith(f"error: the module {module} is not installed; ") and cure in line


@pytest.mark.parametrize("module", ["rclpy", "numpy"])
def test_ctrl_c_while_it_imports_ends_it_without_a_word(node, module, tmp_path) -> None:
    done = run(node, **interrupting(module, tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("by_file", [False, True])
def test_a_misspelt_parameter_is_warned_of(tmp_path, by_file) -> None:
    """On the command line, and in a params file that also has parameters of other nodes."""
    stay_on_this_machine()
    given = {"treshold": 0.5, "max_frame_ago": 2.0, "robot_description": "x", "qos_overrides./a.publisher.depth": 3}
    given |= {"qos_overrides./a.publisher.history": "keep_all", "use_sim_time": True, "model": "/nowhere"}
    if by_file:
        file = tmp_path / "params.yaml"
        file.write_text(json.dumps({"/**": {"ros__parameters": given}}))
        arguments = ["--params-file", str(file)]
    else:
        arguments = [word for name, value in given.items() for word in ("-p", f"{name}:={json.dumps(value)}")]
    done = run("segment_node", "--ros-args", *arguments)
    assert done.returncode == 1, "the model is not there"
    assert [line.split("]: ")[1] for line in done.stderr.splitlines() if "[WARN]" in line] == [
        "there is no parameter 'max_frame_ago'; did you mean max_frame_age?",
        "there is no parameter 'qos_overrides./a.publisher.history'",
        "there is no parameter 'robot_description'",
        "there is no parameter 'treshold'; did you mean threshold?",
    ]


@pytest.mark.parametrize(
    ("nodes", "told"),
    [
        ("/**/segment: {P}", ""),
        ("/**: {P}", ""),
        ("/refseg/segment: {P}\n/other/segment: {P}", ""),
        ("refseg:\n  segment: {P}\nrobot_state_publisher: {P}", ""),
        ("/refseg/web: {P}\n/camera/camera: {P}", ""),
        ("segment: {P}", "'/segment'"),
        ("/refseg/segmnt: {P}", "'/refseg/segmnt'"),
        ("/**: {P}\n/**/segmentor: {P}\n/amcl: {P}", "'/**/segmentor'"),
        ("/*/*/segment: {P}\n/amcl: {P}", "'/*/*/segment', '/amcl'"),
    ],
)
def test_a_params_file_that_names_another_node_is_warned_of(tmp_path, nodes, told) -> None:
    stay_on_this_machine()
    file = tmp_path / "params.yaml"
    file.write_text(nodes.replace("{P}", "{ros__parameters: {use_sim_time: false}}") + "\n")
    done = run("segment_node", "--ros-args", "--params-file", str(file), "-p", "model:=/nowhere")
    warnings = [line.split("]: ")[1] for line in done.stderr.splitlines() if "[WARN]" in line]
    hint = f"{file} has parameters of {told}, which is not this node, /refseg/segment; did you mean /**/segment?"
    assert warnings == ([hint] if told else [])


@pytest.mark.parametrize("content", ["", "hello\n", "# segment: nothing yet\n"])
def test_a_params_file_without_parameters_is_warned_of(tmp_path, content) -> None:
    stay_on_this_machine()
    file = tmp_path / "params.yaml"
    file.write_text(content)
    done = run("segment_node", "--ros-args", "--params-file", str(file), "-p", "model:=/nowhere")
    (warning,) = [line.split("]: ")[1] for line in done.stderr.splitlines() if "[WARN]" in line]
    assert warning == f"{file} has no parameters; they stand in it as NODE: ros__parameters: NAME: VALUE"


@pytest.mark.parametrize(("node", "domain"), of_nodes("233", "seven"), indirect=["node"])
def test_a_domain_that_there_is_not_is_told_in_a_line(node, domain) -> None:
    done = run(node, ROS_DOMAIN_ID=domain)
    assert done.returncode == 1
    (line,) = (done.stdout + done.stderr).strip().splitlines()
    assert f"ROS_DOMAIN_ID is '{domain}'; it must be a number from 0 to 232" in line


@pytest.mark.parametrize(
    ("node", "peers"), of_nodes("192.168.1.5,10.0.0.1", "192.168.1.5:7400", "robot pc"), indirect=["node"]
)
def test_peers_that_are_no_machines_are_told_in_a_line(node, peers) -> None:
    done = run(node, ROS_STATIC_PEERS=peers)
    assert done.returncode == 1
    (line,) = (done.stdout + done.stderr).strip().splitlines()
    assert (
        "[FATAL]" in line and f"{peers}; ROS_STATIC_PEERS holds addresses or names of machines, separated by ;" in line
    )
