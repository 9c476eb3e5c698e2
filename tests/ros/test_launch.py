"""The launch files, started by the real launch of ROS 2 where it is installed."""

import dataclasses
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

pytest.importorskip("launch_ros", reason="launch_ros is not installed: it comes with ROS 2 from apt, not as a wheel")

from ament_index_python.packages import PackageNotFoundError, get_package_prefix

from refseg_ros.ros.node_config import CameraNodeConfig, SegmentNodeConfig
from refseg_ros.speech.config import SpeechConfig
from refseg_ros.web.config import WebConfig
from tests.ros.launching import PATIENCE, ROOT, output_until, stopped

SHARED = {field.name for kind in (SegmentNodeConfig, WebConfig) for field in dataclasses.fields(kind)}
SHARED |= {"namespace", "params_file", "use_sim_time", "rviz", "web"}
SPOKEN = {field.name for field in dataclasses.fields(SpeechConfig)} | {"namespace"}
FILMED = {field.name for field in dataclasses.fields(CameraNodeConfig)}
ARGUMENTS = {"segment.launch.py": SHARED, "demo.launch.py": SHARED | FILMED, "speech.launch.py": SPOKEN}


@pytest.mark.parametrize("file", ARGUMENTS)
def test_every_argument_is_described(file):
    from launch.launch_description_sources import get_launch_description_from_python_launch_file

    description = get_launch_description_from_python_launch_file(str(ROOT / "launch" / file))
    arguments = {argument.name: argument for argument in description.get_launch_arguments()}
    assert set(arguments) == ARGUMENTS[file]
    assert all(len(argument.description) > 10 for argument in arguments.values())


def test_segment_starts_with_its_arguments_and_ends_cleanly(launch, bundle_folder):
    # "yes" would reach the node as true if it were not marked as a text.
    arguments = ("image_topic:=/front/image", "query:=yes", "namespace:=left", f"model:={bundle_folder}")
    process = launch("segment.launch.py", *arguments)
    begun = output_until(process, "images on /front/image", "query 1: 'yes'")
    ended = stopped(process)
    assert "query 1: 'yes'" in begun, begun + ended
    assert "images on /front/image" in begun
    assert "[left.segment]" in begun
    assert "process has finished cleanly" in ended
    assert process.returncode == 0


def test_parameters_that_are_no_texts_reach_the_node_as_what_they_are(launch, bundle_folder):
    numbers = ("threshold:=0.25", "max_frame_age:=0", "max_rate:=7", "cameras:=[front, wrist]", "autostart:=false")
    process = launch("segment.launch.py", *numbers, "image_topic:=/{camera}/image", f"model:={bundle_folder}")
    begun = output_until(process, "waits to be configured")
    assert "waits to be configured" in begun, begun
    stopped(process)
    assert process.returncode == 0


def test_a_value_that_the_node_refuses_ends_the_launch_with_its_reason(launch):
    process = launch("segment.launch.py", "max_rate:=fast")
    told = process.communicate()[0]
    assert "max_rate is 'fast'; it must be a number" in told
    assert process.returncode == 1


@pytest.mark.parametrize(
    ("file", "typed", "hint"),
    [
        ("segment.launch.py", "modle", "; did you mean model?"),
        ("demo.launch.py", "quary", "; did you mean query?"),
        ("speech.launch.py", "xyzzy", ""),
    ],
)
def test_an_argument_that_the_launch_file_does_not_have_is_named(launch, file, typed, hint):
    process = launch(file, f"{typed}:=1", "namespace:=/a-b")  # a namespace that ends the launch at its start
    told = process.communicate()[0]
    assert f"warning: there is no launch argument '{typed}'{hint}\n" in told
    assert told.count("there is no launch argument") == 1


def test_the_page_is_served_and_the_launch_ends_cleanly(launch, bundle_folder, tmp_path):
    arguments = ("image_topic:=/front/image", f"lessons:={tmp_path}", "port:=0", f"model:={bundle_folder}")
    process = launch("segment.launch.py", "web:=true", *arguments)
    begun = output_until(process, "the page is at http://127.0.0.1:", "images on /front/image")
    ended = stopped(process)
    assert "the page is at http://127.0.0.1:" in begun, begun + ended
    assert ended.count("process has finished cleanly") == 2, ended
    assert process.returncode == 0


def values_of(bench, node: str, names: list[str]) -> list:
    """Values of a node's parameters, once it is there."""
    from rcl_interfaces.srv import GetParameters

    client = bench.client(GetParameters, f"{node}/get_parameters")
    return bench.request(lambda: client.call_async(GetParameters.Request(names=names))).values


@pytest.fixture
def params_file(tmp_path) -> Path:
    """A file that names all nodes by a wildcard, and the page by its name."""
    path = tmp_path / "params.yaml"
    both = {"image_topic": "/{camera}/image", "cameras": ["top", "wrist"], "max_rate": 5.0}
    page = {"port": 0, "lessons": str(tmp_path / "corrections"), "lesons": "misspelt"}
    path.write_text(yaml.safe_dump({"/**": {"ros__parameters": both}, "/refseg/web": {"ros__parameters": page}}))
    return path


def test_the_page_has_what_a_params_file_has_for_the_node_and_for_itself(launch, bench, bundle_folder, params_file):
    arguments = (f"params_file:={params_file}", f"model:={bundle_folder}")
    process = launch("segment.launch.py", "web:=true", *arguments)
    begun = output_until(process, "the page is at http://127.0.0.1:", "images on /top/image")
    image_topic, cameras, lessons = values_of(bench, "/refseg/web", ["image_topic", "cameras", "lessons"])
    ended = stopped(process)
    assert image_topic.string_value == "/{camera}/image", begun + ended
    assert list(cameras.string_array_value) == ["top", "wrist"]
    assert lessons.string_value == str(params_file.parent / "corrections")
    warnings = [line for line in (begun + ended).splitlines() if "there is no parameter" in line]
    assert len(warnings) == 1 and "'lesons'; did you mean lessons?" in warnings[0], warnings


PUSHED = """
from launch import LaunchDescription
from launch.actions import GroupAction, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_ros.actions import PushRosNamespace

def generate_launch_description():
    included = IncludeLaunchDescription(
        PythonLaunchDescriptionSource({file!r}), launch_arguments={arguments!r}.items()
    )
    return LaunchDescription([GroupAction([PushRosNamespace("robot"), included])])
"""


@pytest.mark.parametrize(("argument", "told"), [("", True), ("false", False)])
def test_a_pushed_namespace_and_the_time_of_a_params_file_reach_both_nodes(
    launch, bench, bundle_folder, tmp_path, argument, told
):
    file, including = tmp_path / "params.yaml", tmp_path / "including.launch.py"
    both = {"image_topic": "/front/image", "use_sim_time": True}
    page = {"port": 0, "lessons": str(tmp_path), "cameras": None}
    entries = {"/robot/refseg/segment": both, "/robot/refseg/web": page}
    file.write_text(yaml.safe_dump({name: {"ros__parameters": parameters} for name, parameters in entries.items()}))
    arguments = {"web": "true", "params_file": str(file), "model": str(bundle_folder), "use_sim_time": argument}
    including.write_text(PUSHED.format(file=str(ROOT / "launch" / "segment.launch.py"), arguments=arguments))
    process = launch(including)
    begun = output_until(process, "the page is at http://127.0.0.1:", "images on /front/image")
    for name in ("segment", "web"):
        topic, time = values_of(bench, f"/robot/refseg/{name}", ["image_topic", "use_sim_time"])
        assert (topic.string_value, time.bool_value) == ("/front/image", told), begun
    stopped(process)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["max_rate:= "], "max_rate: ' ' is no value"),
        (["cameras:=[a: b"], "cameras: '[a: b' is no value"),
        (["web:=true", "params_file:={tabbed}"], "{tabbed}: while scanning"),
    ],
)
def test_what_cannot_be_read_is_named(launch, tmp_path, arguments, words):
    tabbed = tmp_path / "tabbed.yaml"
    tabbed.write_text("/**:\n\tros__parameters: {}\n")
    process = launch("segment.launch.py", *(text.format(tabbed=tabbed) for text in arguments))
    assert words.format(tabbed=tabbed) in process.communicate()[0]
    assert process.returncode == 1


@pytest.fixture
def rviz(tmp_path) -> Path:
    """An ament prefix with a program in the place of rviz2, which writes the names that it is given to `given`."""
    marker = tmp_path / "share" / "ament_index" / "resource_index" / "packages" / "rviz2"
    program = tmp_path / "lib" / "rviz2" / "rviz2"
    for path in (marker, program):
        path.parent.mkdir(parents=True)
    marker.touch()
    program.write_text(f'#!/bin/sh\necho "$*" >{tmp_path}/given\nexec sleep {PATIENCE}\n')
    program.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(
    "arguments, mask, image",
    [
        (["namespace:=/"], "/mask", "/camera/image_raw"),
        (["namespace:=left"], "/left/mask", "/camera/image_raw"),
        (["namespace:=/robot/left/", "image_topic:=/front"], "/robot/left/mask", "/front"),
        (["cameras:=[front, wrist]", "image_topic:=/{camera}/image"], "/refseg/front/mask", "/front/image"),
        (["image_topic:=image"], "/refseg/mask", "/refseg/image"),
        (["image_topic:=~/image", "namespace:=/"], "/mask", "/segment/image"),
    ],
)
def test_rviz_and_the_node_use_the_same_names(launch, rviz, bundle_folder, arguments, mask, image):
    process = launch("segment.launch.py", "rviz:=true", *arguments, f"model:={bundle_folder}", prefix=rviz)
    begun = output_until(process, "images on ")
    ended = stopped(process)
    assert "images on " in begun and image in begun, begun + ended
    names = (rviz / "given").read_text().split()
    assert f"/refseg/mask:={mask}" in names and f"/camera/image_raw:={image}" in names


def test_rviz_shows_what_a_params_file_has_for_the_node(launch, rviz, bundle_folder, params_file):
    arguments = ("rviz:=true", f"params_file:={params_file}", f"model:={bundle_folder}")
    process = launch("segment.launch.py", *arguments, prefix=rviz)
    begun = output_until(process, "images on /top/image")
    ended = stopped(process)
    names = (rviz / "given").read_text().split()
    assert "/refseg/mask:=/refseg/top/mask" in names and "/camera/image_raw:=/top/image" in names, begun + ended


@pytest.mark.parametrize("file", ["segment.launch.py", "demo.launch.py"])
def test_without_rviz_nothing_is_started_that_would_stay(launch, file):
    with suppress(PackageNotFoundError):
        pytest.skip(f"rviz2 is installed: {get_package_prefix('rviz2')}")
    process = launch(file, "rviz:=true")
    told = process.communicate()[0]
    assert "rviz:=true needs rviz2" in told
    assert "process started" not in told
    assert process.returncode == 1


@pytest.mark.parametrize(
    "given, namespace", [("left", "/left"), ("/robot/left/", "/robot/left"), ("/", "/"), (" ", "/")]
)
def test_speech_starts_with_its_arguments(launch, given, namespace):
    pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed (the extra `speech`)")
    process = launch("speech.launch.py", "source:=/nowhere/said.wav", f"namespace:={given}", "wake_word:= ")
    told = process.communicate()[0]
    assert "/nowhere/said.wav: there is no such file" in told
    assert f"__ns:={namespace} " in told
    assert "Traceback" not in told
    assert process.returncode == 1


@pytest.mark.parametrize("file", ["/nowhere/robot.yaml", "~nobody_of_that_name/robot.yaml"])
def test_missing_parameter_file_is_named(launch, file):
    process = launch("segment.launch.py", f"params_file:={file}")
    told = process.communicate()[0]
    assert process.returncode != 0
    assert f"params_file: there is no file '{file}'" in told
