"""Variants in a lower precision: near the graphs that they stand in for, measured, and kept only if they are good."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from model_training import quantize, recording
from refseg_ros.engines import bundle as bundles
from refseg_ros.engines.bundle import Bundle
from refseg_ros.engines.choice import choose_engines
from refseg_ros.engines.graphs import CPU_INT8, KINDS, for_cpu, graph_file, of_precision
from refseg_ros.engines.network import Arrays
from refseg_ros.engines.onnx import OnnxEngine
from tests.model_training import folder

ENCODER, CLIP = "encoder.onnx", "clip_1.onnx"
WIDE = (ENCODER, "level_2.onnx", "level_3.onnx", "fusion.onnx")
"""The graphs with wide convolutions."""
Examples = dict[str, list[Arrays]]


@pytest.fixture(autouse=True)
def few_scenes_and_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "CALIBRATION_SCENES", 4)
    monkeypatch.setattr(quantize, "NARROW", 12)


@pytest.fixture
def bundle(tiny_bundle: Path, tmp_path: Path) -> Bundle:
    return Bundle.load(shutil.copytree(tiny_bundle, tmp_path / "bundle"))


@pytest.fixture(scope="module")
def examples(tiny_bundle: Path) -> Examples:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording, "CALIBRATION_SCENES", 4)
        return recording.calibration(Bundle.load(tiny_bundle), WIDE)


@pytest.mark.parametrize("kind", KINDS)
def test_a_graph_in_lower_precision_is_near_the_one_in_full(bundle: Bundle, examples: Examples, kind: str) -> None:
    made = quantize.lowered(bundle, kind, examples)
    assert set(made) == (set(WIDE) if kind == CPU_INT8 else set(bundle.manifest.graphs))
    for graph in WIDE:
        full, low = (
            [OnnxEngine(file[graph], graph, 1).run(given) for given in examples[graph]]
            for file in (bundle.contents, made)
        )
        assert full[0].keys() == low[0].keys()
        differences = {}
        for name in full[0]:
            expected, got = (np.concatenate([outputs[name] for outputs in runs]) for runs in (full, low))
            assert (got.shape, got.dtype) == (expected.shape, expected.dtype), name
            differences[name] = np.linalg.norm(got - expected) / np.linalg.norm(expected)
        assert 0 < max(differences.values()) < (0.005 if kind == "gpu-fp16" else 0.2), (graph, differences)


@pytest.mark.parametrize(("kind", "weights"), [(CPU_INT8, 63), ("gpu-int8", 127)])
def test_every_convolution_but_the_narrow_has_weights_of_8_bits(
    bundle: Bundle, examples: Examples, kind: str, weights: int
) -> None:
    graph = onnx.load_from_string(quantize.lowered(bundle, kind, examples)[ENCODER]).graph
    tensors = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    narrow = [node for node in convolutions if node.input[1] in tensors]
    assert {min(tensors[node.input[1]].shape[:2]) for node in narrow} == {1, 3, 6, 8}
    wide = [node for node in convolutions if node not in narrow]
    assert len(wide) >= 10
    for node in wide:
        dequantised, filters = makers[node.input[0]], makers[node.input[1]]
        assert min(tensors[filters.input[0]].shape[:2]) >= 12
        assert dequantised.op_type == filters.op_type == "DequantizeLinear"
        assert np.abs(tensors[filters.input[0]].astype(int)).max() in (weights, weights + 1)
        assert tensors[dequantised.input[2]].dtype == (np.uint8 if kind == CPU_INT8 else np.int8)


def test_the_command_adds_good_variants(bundle: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    assert quantize.main([str(bundle.folder), "gpu-fp16", "--expressions", "6"]) == 0
    assert "overall IoU" in capsys.readouterr().out
    more = Bundle.load(bundle.folder)
    added = {graph_file(name, "gpu-fp16") for name in bundle.manifest.graphs}
    assert set(more.contents) == {*bundle.contents, *added}
    assert all(more.contents[name] == data for name, data in bundle.contents.items())
    assert {of_precision(more, name, "fp16") for name in more.manifest.graphs} == added
    assert len(more.contents["encoder.gpu-fp16.onnx"]) < 0.6 * len(more.contents[ENCODER])
    figures = more.manifest.metrics["quantize gpu-fp16 --expressions 6"]
    assert figures["overall IoU, fp32"] - figures["overall IoU"] <= quantize.LARGEST_CHANGE
    assert figures["present called absent"] - figures["present called absent, fp32"] <= quantize.LARGEST_CHANGE


def test_real_pictures_choose_and_judge(bundle: Bundle, tmp_path: Path) -> None:
    frames = folder.write_folder(tmp_path / "own", images=4)
    pictures = recording.calibration(bundle, [ENCODER], [frames])
    assert {name: len(given) for name, given in pictures.items()} == {ENCODER: 3}
    command = [str(bundle.folder), "gpu-fp16", "--expressions", "6", "--real", str(frames)]
    assert quantize.main(command) == 0
    figures = Bundle.load(bundle.folder).manifest.metrics["quantize gpu-fp16 --expressions 6 --real own"]
    (judged,) = (name for name in figures if name.startswith("mean IoU") and not name.endswith("fp32"))
    assert f"{judged}, fp32" in figures


def test_each_folder_of_pictures_is_judged_by_itself(bundle: Bundle, tmp_path: Path) -> None:
    """Although both have one name; one calls its validation split `valid`."""
    folders = [folder.write_folder(tmp_path / parent / "own", images=2) for parent in "ab"]
    listed = folders[1] / "expressions.csv"
    listed.write_text(listed.read_text().replace(",val", ",valid"))
    figures = quantize.evaluated(bundle, {}, 6, folders)
    judged = [name for name in figures if name.startswith("mean IoU, ")]
    assert judged == ["mean IoU, own frames of own (a/own), val", "mean IoU, own frames of own (b/own), valid"]


def test_pictures_of_one_split_alone_are_refused(
    bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = folder.write_folder(tmp_path / "own")
    listed = frames / "expressions.csv"
    listed.write_text(listed.read_text().replace(",train", ",val"))
    assert quantize.main([str(bundle.folder), CPU_INT8, "--real", str(frames)]) == 2
    assert "train" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ({"overall IoU": 0.7, "present called absent": 0.1, "absent told": 0.0}, 0.0),
        ({"overall IoU": 0.68, "present called absent": 0.05, "absent told": 1.0}, 0.02),
        ({"overall IoU": 0.8, "present called absent": 0.13, "absent told": 1.0}, 0.03),
        ({"overall IoU": 0.7, "present called absent": 0.1, "mean IoU, photos of a table": 0.36}, 0.04),
        ({"overall IoU": 0.7, "present called absent": 0.1, "present called absent, photos of a table": 0.25}, 0.05),
    ],
)
def test_the_loss_is_the_largest_change_for_the_worse(figures: dict[str, float], expected: float) -> None:
    full = {"overall IoU": 0.7, "present called absent": 0.1, "absent told": 0.9}
    full |= {"mean IoU, photos of a table": 0.4, "present called absent, photos of a table": 0.2}
    assert quantize.loss(full, full | figures) == pytest.approx(expected)


def test_the_command_keeps_nothing_that_is_not_good(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(quantize, "LARGEST_CHANGE", -2.0)
    assert quantize.main([str(bundle.folder), CPU_INT8, "--expressions", "6"]) == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert "cpu-int8 is not good enough and was not kept (overall IoU" in message and "times faster" in message
    assert Bundle.load(bundle.folder) == bundle
    for asked, told in (
        (["nowhere", CPU_INT8], "nowhere: there is no such folder"),
        ([str(bundle.folder), CPU_INT8, "--expressions", "0"], "--expressions must be at least 1"),
    ):
        assert quantize.main(asked) == 2
        assert told in capsys.readouterr().err


def test_a_cpu_runs_the_variant_for_it(bundle: Bundle, examples: Examples) -> None:
    made = quantize.lowered(bundle, CPU_INT8, examples)
    files = {graph_file(name, CPU_INT8): graph for name, graph in made.items()}
    bundles.write(bundle.folder, bundle.manifest, {**bundle.contents, **files})
    more = Bundle.load(bundle.folder)
    assert for_cpu(more, ENCODER) == "encoder.cpu-int8.onnx" and for_cpu(more, CLIP) == CLIP
    engines = choose_engines(more, lambda engines, _: engines, threads=1, device="cpu").accepted
    for graph in WIDE:
        given = examples[graph][0]
        for name, array in OnnxEngine(made[graph], graph, 1).run(given).items():
            assert np.array_equal(array, engines[graph].run(given)[name]), (graph, name)


def test_a_bundle_without_a_wide_convolution_is_refused(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(quantize, "NARROW", 4096)
    assert quantize.main([str(bundle.folder), CPU_INT8]) == 2
    assert "no graph has a convolution from and to 4096 channels" in capsys.readouterr().err
    assert Bundle.load(bundle.folder) == bundle
