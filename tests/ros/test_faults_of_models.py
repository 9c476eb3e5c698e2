"""Whatever is wrong with the files of a model: the node says in one line which file and why, and never runs on it."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import onnx
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

from tests.bundles import encoder, write_bundle
from tests.ros.bench import picture


def missing(folder: Path) -> None:
    (folder / "fusion.onnx").unlink()


def empty(folder: Path) -> None:
    (folder / "encoder.onnx").write_bytes(b"")


def cut(folder: Path) -> None:
    data = (folder / "encoder.onnx").read_bytes()
    (folder / "encoder.onnx").write_bytes(data[: len(data) // 2])


def flipped(folder: Path) -> None:
    data = bytearray((folder / "vocabulary.txt").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "vocabulary.txt").write_bytes(data)


def of_another_version(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"format": 99}))


def reading_other_files(folder: Path) -> None:
    model = encoder()
    tensor = model.graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    write_bundle(folder, encoder=model.SerializeToString())


@pytest.mark.parametrize(
    ("damage", "file", "words"),
    [
        (missing, "fusion.onnx", "No such file"),
        (empty, "encoder.onnx", "is empty"),
        (cut, "encoder.onnx", "SHA-256"),
        (flipped, "vocabulary.txt", "SHA-256"),
        (of_another_version, "manifest.json", "99"),
        (reading_other_files, "encoder.onnx", "../../etc/passwd"),
    ],
)
def test_a_model_that_is_not_whole_is_refused_in_one_line(start, bundle_folder, tmp_path, damage, file, words) -> None:
    folder = Path(shutil.copytree(bundle_folder, tmp_path / "model"))
    damage(folder)
    node = start("segment_node", model=str(folder))
    assert node.process.wait(90) == 1
    (line,) = [line for line in node.log.read_text().splitlines() if "[FATAL]" in line]
    assert str(folder / file) in line and words in line
    assert "Traceback" not in node.log.read_text()


def test_a_model_that_takes_long_to_read_is_told_and_does_not_hold_the_node(
    start, bench, bundle_folder, tmp_path
) -> None:
    """The file is a pipe into which nothing is written until the node has said that it waits."""
    folder = Path(shutil.copytree(bundle_folder, tmp_path / "model"))
    data = (folder / "fusion.onnx").read_bytes()
    (folder / "fusion.onnx").unlink()
    os.mkfifo(folder / "fusion.onnx")
    told: list[DiagnosticStatus] = []
    bench.node.create_subscription(DiagnosticArray, "/diagnostics", lambda array: told.extend(array.status), 10)
    start("segment_node", model=str(folder), threads=1, query="red")

    def loading() -> bool:
        return any(status.message == "the model is being loaded" for status in told)

    bench.until(loading, "a node that is loading", seconds=90.0)
    assert {status.level for status in told} == {DiagnosticStatus.WARN}
    (folder / "fusion.onnx").write_bytes(data)
    assert bench.answer(picture(), "red").query_id == 1
    bench.until(lambda: told[-1].level == DiagnosticStatus.OK, "a node that fares well")
    names = [{pair.key: pair.value for pair in status.values}.get("name of the model") for status in told]
    assert "by-hand" in names, "the parameter `model` is not ignored"


def test_a_signal_ends_it_while_a_model_is_being_read(start, bench, bundle_folder, tmp_path) -> None:
    folder = Path(shutil.copytree(bundle_folder, tmp_path / "model"))
    (folder / "fusion.onnx").unlink()
    os.mkfifo(folder / "fusion.onnx")
    told: list[DiagnosticStatus] = []
    bench.node.create_subscription(DiagnosticArray, "/diagnostics", lambda array: told.extend(array.status), 10)
    node = start("segment_node", model=str(folder))
    bench.until(lambda: told, "a node that is loading", seconds=90.0)
    node.process.send_signal(signal.SIGINT)
    assert node.process.wait(60) == 0, node.tail(50)
