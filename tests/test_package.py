"""What the package promises beside its code: one version, messages with units, a true parameter file, pins."""

import dataclasses
import re
import runpy
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from packaging.requirements import Requirement

from refseg_ros.ros.node_config import SegmentNodeConfig

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
MESSAGES = sorted(path for kind in ("msg", "srv", "action") for path in (ROOT / kind).glob(f"*.{kind}"))
EXTRAS = {
    "simulation": ["simulation"],
    "gpu": ["gpu"],
    "training": ["simulation", "training"],
    "speech": ["speech"],
    "replay": ["training"],
    "hub": ["training"],
    "search": ["training", "search"],
    "web": ["web"],
    "test": ["test", "docs"],
}


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def output(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def pins(name: str) -> list[Requirement]:
    lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def test_version_stands_in_package_xml_alone():
    version = ElementTree.parse(ROOT / "package.xml").findtext("version")
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert output(sys.executable, "setup.py", "--version").split()[-1] == version
    copy = re.compile(rf"version\w*\W+{re.escape(version)}\b", re.IGNORECASE)
    kinds = ("*.py", "*.toml", "*.txt", "*.in")
    sources = [ROOT / name for name in output("git", "ls-files", *kinds).split()]
    assert not [path for path in sources if path.exists() and copy.search(path.read_text())]


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_every_message_field_has_a_comment_with_its_unit(path):
    comments: list[str] = []
    for line in path.read_text().splitlines():
        if line.startswith("#"):
            comments.append(line)
            continue
        if line == "---":
            continue
        if line and "=" in line:
            assert comments, f"{line}: no comment"
        elif line:
            assert re.search(r"\[[^\]]+\]$", " ".join(comments)), f"{line}: the comment names no unit"
        comments = []


def test_page_and_file_of_the_parameters_are_as_they_are_written():
    written = runpy.run_path(str(ROOT / "tools" / "write_parameters.py"))
    assert (ROOT / "docs" / "parameters.md").read_text() == written["page"]()
    text = (ROOT / "config" / "segment.yaml").read_text()
    assert text == written["file"]()
    values = yaml.safe_load(text)["/**/segment"]["ros__parameters"]
    fields = dataclasses.fields(SegmentNodeConfig)
    assert values == {field.name: [] if field.default == () else field.default for field in fields}


def test_rviz_layout_shows_overlay_mask_camera_and_the_things_in_space():
    layout = yaml.safe_load((ROOT / "config" / "refseg.rviz").read_text())
    topics = {display["Topic"]["Value"] for display in layout["Visualization Manager"]["Displays"]}
    shown = {f"/refseg/{name}" for name in ("overlay", "mask", "markers", "pose", "cloud")}
    assert topics == shown | {SegmentNodeConfig.image_topic}


def test_requirements_are_pinned_for_every_python():
    for path in (ROOT / "requirements").glob("*.txt"):
        for pin in pins(path.stem):
            assert [part.operator for part in pin.specifier] == ["=="], f"{path.name}: {pin}"
    for python in ("3.10", "3.11", "3.12", "3.13", "3.14"):
        names = [pin.name for pin in pins("robot") if not pin.marker or pin.marker.evaluate({"python_version": python})]
        assert sorted(names) == ["numpy", "onnxruntime", "opencv-python-headless"], f"Python {python}"


def test_pins_are_within_what_the_library_allows():
    metadata = project()
    wanted = [(text, ["robot"]) for text in metadata["dependencies"]]
    wanted += [(text, EXTRAS[extra]) for extra, texts in metadata["optional-dependencies"].items() for text in texts]
    for text, files in wanted:
        requirement = Requirement(text)
        if requirement.name == "refseg_ros":
            continue
        found = [pin for file in files for pin in pins(file) if pin.name == requirement.name]
        versions = [next(iter(pin.specifier)).version for pin in found]
        assert versions, f"{text}: not in requirements/ {files}"
        assert all(requirement.specifier.contains(version) for version in versions), text


def test_the_demo_installs_no_torch():
    for name in ("robot", "ros", "simulation"):
        assert not {"torch", "torchvision"} & {pin.name for pin in pins(name)}
