"""The builder: every precision compiles, one command goes from weights to engines, and on a GPU engines agree."""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from model_training import build_engine, quantize, recording
from model_training.learning import checkpoint
from refseg_ros.engines import build, stored
from refseg_ros.engines import bundle as bundles
from refseg_ros.engines.bundle import Bundle
from refseg_ros.engines.choice import choose_engines
from refseg_ros.engines.cuda import first_gpu
from refseg_ros.engines.graphs import ENGINE_PRECISIONS, graph_file
from refseg_ros.engines.onnx import OnnxEngine
from refseg_ros.engines.parity import TOLERANCE, difference, samples
from refseg_ros.errors import UnavailableError
from tests.model_training import tiny


@pytest.fixture(scope="module")
def bundle(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The tiny bundle, with graphs of all precisions."""
    folder = Path(shutil.copytree(tiny_bundle, tmp_path_factory.mktemp("built") / "bundle"))
    plain = Bundle.load(folder)
    contents = dict(plain.contents)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording, "CALIBRATION_SCENES", 8)
        examples = recording.calibration(plain, plain.manifest.graphs)
        for kind in filter(None, ENGINE_PRECISIONS.values()):
            contents |= {graph_file(name, kind): data for name, data in quantize.lowered(plain, kind, examples).items()}
    bundles.write(folder, plain.manifest, contents)
    return Bundle.load(folder)


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_lower_precisions_compile_without_a_gpu(
    bundle: Bundle, precision: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tensorrt_rtx", reason="tensorrt_rtx is not installed (pip install tensorrt-rtx)")
    before = sorted(bundle.folder.iterdir())
    assert build.main([str(bundle.folder), "--check", "--precision", precision]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(bundle.manifest.graphs)
    for name, line in zip(bundle.manifest.graphs, lines, strict=True):
        assert line.startswith(
            f"{graph_file(name, ENGINE_PRECISIONS[precision])}: TensorRT-RTX builds it for SM86 and SM89"
        )
    assert sorted(bundle.folder.iterdir()) == before


def test_the_one_command_stops_at_the_first_step_that_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build_engine.main([str(tmp_path / "missing.safetensors"), str(tmp_path / "bundle")]) == 2
    assert "missing.safetensors: no such checkpoint" in capsys.readouterr().err
    assert not (tmp_path / "bundle").exists()


def test_the_one_command_goes_from_weights_to_compiled_engines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of a network without attention, which is exported soonest."""
    pytest.importorskip("tensorrt_rtx", reason="tensorrt_rtx is not installed (pip install tensorrt-rtx)")
    plain = replace(tiny.NETWORK, **tiny.NOTHING_BEYOND, attention="none", fusion="none")
    weights, folder = tmp_path / "model.safetensors", tmp_path / "bundle"
    facts: dict[str, object] = {"config": "tiny", "network": asdict(plain), "steps": {"joint": 6}}
    checkpoint.save(weights, tiny.network(network=plain).state_dict(), facts)
    assert build_engine.main([str(weights), str(folder), "--check"]) == 0
    assert capsys.readouterr().out.count("TensorRT-RTX builds it") == len(Bundle.load(folder).manifest.graphs) > 1


def references(bundle: Bundle, kind: str = "") -> dict[str, OnnxEngine]:
    return {name: OnnxEngine(bundle.contents[graph_file(name, kind)], name, 1) for name in bundle.manifest.graphs}


def test_parity_tells_precisions_apart(bundle: Bundle) -> None:
    words = len(bundle.tokenizer())
    plain = references(bundle)
    inputs = samples(bundle.manifest, words, plain)
    assert set(inputs) == set(plain) and np.ptp(inputs["encoder.onnx"]["image"]) > 100
    for precision, kind in ENGINE_PRECISIONS.items():
        for name, engine in references(bundle, kind).items():
            found = difference(engine, plain[name], inputs[name])
            assert (found == 0) == (precision == "fp32"), (name, found)
            assert found < TOLERANCE[precision], (name, precision, found)


@pytest.mark.parametrize("precision", ENGINE_PRECISIONS)
def test_on_a_gpu_engines_are_built_stored_and_chosen(bundle: Bundle, precision: str) -> None:
    try:
        gpu, trt = first_gpu(), build.installed()
    except UnavailableError as error:
        pytest.skip(str(error))
    assert build.main([str(bundle.folder), "--precision", precision, "--rebuild"]) == 0
    for name in bundle.manifest.graphs:
        passport = stored.read(bundle, name, stored.machine(trt, gpu))[1]
        assert passport.precision == precision and passport.parity <= TOLERANCE[precision]
    assert build.main([str(bundle.folder), "--precision", precision]) == 0
    choice = choose_engines(bundle, lambda engines, _: engines, threads=1, device="cuda", engine="tensorrt")
    assert tuple(choice.accepted) == bundle.manifest.graphs
