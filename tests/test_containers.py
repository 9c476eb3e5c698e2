"""The containers and the workflow name what there is; `make lint` checks their form."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest
import yaml

from refseg_ros.ros.node_config import CameraNodeConfig, SegmentNodeConfig
from refseg_ros.web.config import WebConfig

ROOT = Path(__file__).parent.parent
COMPOSE = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())
CONFIGS = {"camera": CameraNodeConfig, "segment": SegmentNodeConfig, "web": WebConfig}


@pytest.mark.parametrize("service", CONFIGS)
def test_each_service_runs_a_node_of_ours_with_its_own_parameters(service: str) -> None:
    command = COMPOSE["services"][service]["command"]
    assert command.startswith(f"ros2 run refseg_ros {service}_node --ros-args ")
    given = dict(re.findall(r"-p '?(\w+):=(\S+)", command))
    assert given and given.keys() <= {field.name for field in dataclasses.fields(CONFIGS[service])}


def test_node_and_page_listen_to_the_same() -> None:
    segment, web = (
        dict(re.findall(r"-p '?(\w+):=(\S+)", COMPOSE["services"][name]["command"])) for name in ("segment", "web")
    )
    assert segment == web and {"image_topic", "model"} < segment.keys()


def test_what_is_copied_and_run_is_there() -> None:
    files = [*(ROOT / "docker").glob("*.Dockerfile")]
    assert {file.name for file in files} == {"cpu.Dockerfile", "nvidia.Dockerfile", "jetson.Dockerfile"}
    for file in files:
        for name in re.findall(r"^COPY (\S+)|(?<=src/refseg_ros/)(requirements/\S+)", file.read_text(), re.M):
            assert (ROOT / "".join(name)).exists(), name
    workflow = (ROOT / ".github" / "workflows" / "test.yaml").read_text()
    named = re.findall(r"tests/\S+\.py|docker/\S+|\.ci/run", workflow)
    assert len(named) >= 6 and all((ROOT / name).exists() for name in named)


def asked_for_by_setup() -> set[str]:
    """Names of the system packages that tools/setup.sh may ask for."""
    setup = (ROOT / "tools" / "setup.sh").read_text()
    body = setup[setup.index("missing_packages() {") : setup.index("find_library() {")]
    wanted = {name for line in re.findall(r"\|\| echo ([a-z0-9.+ \-]+)", body) for name in line.split()}
    assert {"cmake", "chromium", "libegl1"} < wanted
    return wanted


def test_the_workflow_installs_what_setup_would_ask_for_and_github_has_not() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yaml").read_text())
    installed = {name for step in workflow["jobs"]["suite"]["steps"] for name in step.get("run", "").split()}
    assert asked_for_by_setup() - {"g++", "make", "cmake", "chromium"} < installed


def test_the_editors_container_has_what_setup_would_ask_for() -> None:
    folder = ROOT / ".devcontainer"
    settings = json.loads((folder / "devcontainer.json").read_text())
    container = (folder / settings["build"]["dockerfile"]).read_text()
    target = settings["postCreateCommand"].removeprefix("make ")
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.M)
    assert re.search(rf"\buseradd .*\b{settings['remoteUser']}\b", container)
    wanted = asked_for_by_setup()
    assert not [name for name in wanted if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", container)]


def test_versions_for_the_gpu_are_those_of_the_requirements() -> None:
    pinned = (ROOT / "requirements" / "gpu.txt").read_text() + (ROOT / "requirements" / "robot.txt").read_text()
    container = (ROOT / "docker" / "nvidia.Dockerfile").read_text()
    for package, version in re.findall(r"(cuda-bindings|onnxruntime)==(\S+); python_version >=", pinned):
        assert re.search(rf'{package}(-gpu\[\S+\])?=={re.escape(version)}["\s]', container), package
