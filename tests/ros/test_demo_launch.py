"""demo.launch.py: a table, a camera and what segment.launch.py starts; by the library behind `ros2 launch`."""

from __future__ import annotations

import os
import re
import signal

import pytest

pytest.importorskip("launch_ros", reason="launch_ros is not installed: it comes with ROS 2 from apt, not as a wheel")
pytest.importorskip("mujoco", reason="mujoco is not installed (the extra `simulation`)")


from refseg_ros.demo.scene import ASKED, THINGS
from tests.ros.launching import output_until, stopped
from tests.ros.test_launch import PUSHED, ROOT


def test_demo_shows_a_table_with_what_the_pages_ask_for_and_places_it(launch, bench):
    process = launch("demo.launch.py", f"query:={'; '.join(ASKED)}", "max_frame_age:=0")  # however slow this machine is
    begun = output_until(process, "on the table", "images on /camera/image_raw")
    assert ", ".join(THINGS) in begun, begun

    def found() -> bool:
        answers = {one.query: one for one in bench.results}
        return answers.keys() == ASKED.keys() and all(
            one.verdict == one.FOUND and one.placement.known for one in answers.values()
        )

    bench.until(found, "an answer with a place to each question")
    ended = stopped(process)
    assert ended.count("process has finished cleanly") == 2, ended
    assert process.returncode == 0


def test_parameters_of_the_camera_reach_it(launch, bench, bundle_folder):
    smaller = ("width:=160", "height:=120", "rate:=20", "seed:=3", "frame_id:=front", "query:=the mug")
    process = launch("demo.launch.py", *smaller, f"model:={bundle_folder}")
    begun = output_until(process, "publishes /camera/image_raw", "images on /camera/image_raw")
    bench.until(lambda: bench.results, "an answer")
    ended = stopped(process)
    assert bench.results[0].header.frame_id == "front" and bench.results[0].mask.width == 160
    assert "on the table" not in begun + ended, "it is another table"


def test_a_pushed_namespace_is_that_of_the_camera_and_of_those_who_listen_to_it(launch, tmp_path):
    including = tmp_path / "including.launch.py"
    including.write_text(PUSHED.format(file=str(ROOT / "launch" / "demo.launch.py"), arguments={"width": "160"}))
    process = launch(including)
    begun = output_until(process, "publishes /robot/camera/image_raw", "images on /robot/camera/image_raw")
    assert "images on /robot/camera/depth" in begun, begun
    stopped(process)


def test_a_folder_that_the_camera_does_not_find_ends_the_launch(launch, bundle_folder):
    process = launch("demo.launch.py", "objects:=/nowhere/parts", f"model:={bundle_folder}")
    told = process.communicate()[0]
    assert process.returncode == 1 and "/nowhere/parts" in told, told


@pytest.mark.parametrize("killed, left", [("segment_node", "camera_node"), ("camera_node", "segment_node")])
def test_a_node_that_dies_ends_the_launch(launch, bundle_folder, killed, left):
    process = launch("demo.launch.py", f"model:={bundle_folder}")
    begun = output_until(process, "publishes /camera/image_raw", "images on /camera/image_raw")
    os.kill(int(re.search(rf"{killed}-\d\]: process started with pid \[(\d+)\]", begun)[1]), signal.SIGKILL)
    told = process.communicate()[0]
    assert process.returncode == 1
    assert re.search(rf"{killed}-\d ended with exit code -9", told)
    assert re.search(rf"{left}-\d\]: process has finished cleanly", told)


def test_the_model_of_a_params_file_goes_before_the_one_for_the_table(launch, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("/**/segment: {ros__parameters: {model: /nowhere}}")
    process = launch("demo.launch.py", f"params_file:={file}")
    assert "/nowhere: there is no such folder" in process.communicate()[0]
    assert process.returncode == 1
