"""Which runtime is taken: the best that works, what is said of the better ones, and what is refused."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from refseg_ros import Segmenter
from refseg_ros.engines import bundle as bundles
from refseg_ros.engines.bundle import Bundle
from refseg_ros.engines.choice import Choice, Engines, choose_engines
from refseg_ros.engines.graphs import CPU_INT8, graph_file
from refseg_ros.errors import BundleError, EngineError, UnavailableError

ON_CPU = "runs on ONNX Runtime on the CPU"


@pytest.fixture(scope="module")
def bundle(bundle_folder: Path) -> Bundle:
    return Bundle.load(bundle_folder)


def choose(bundle: Bundle, device: str = "auto", engine: str = "auto") -> Choice[Engines]:
    return choose_engines(bundle, lambda engines, _: engines, threads=1, device=device, engine=engine)


def test_without_a_gpu_the_cpu_is_taken_and_the_reason_is_said_once(bundle: Bundle, no_gpu: None) -> None:
    line = choose(bundle).line
    pattern = rf"{ON_CPU}; not on TensorRT, TensorRT-RTX, ONNX Runtime on the GPU \((no GPU|cuda-bindings) .+\)"
    assert re.fullmatch(pattern, line), line


def test_the_engines_run_what_the_bundle_has(bundle: Bundle) -> None:
    engines = choose(bundle, "cpu").accepted
    assert tuple(engines) == bundle.manifest.graphs
    size = bundle.manifest.input
    image = np.full((1, size.height, size.width, 3), 255, np.uint8)
    assert np.allclose(engines["encoder.onnx"].run({"image": image})["feature_1"], 1)
    zeros = engines["fusion.onnx"].zeros((2, 0, 3), np.float32)
    assert (zeros.shape, zeros.dtype) == ((2, 0, 3), np.float32)


def test_what_was_asked_for_needs_no_reasons(bundle: Bundle) -> None:
    assert choose(bundle, "cpu").line == choose(bundle, "cpu", "onnx").line == ON_CPU


def test_a_variant_for_the_cpu_is_taken_and_said(bundle: Bundle, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(bundle.folder, tmp_path / "bundle"))
    same = {graph_file("encoder.onnx", CPU_INT8): bundle.contents["encoder.onnx"]}
    bundles.write(folder, bundle.manifest, {**bundle.contents, **same})
    assert choose(Bundle.load(folder), "cpu").line == f"{ON_CPU} with encoder.cpu-int8.onnx"


@pytest.mark.parametrize(
    ("device", "engine", "words"),
    [
        ("cuda", "auto", ["device 'cuda'", "TensorRT, TensorRT-RTX, ONNX Runtime on the GPU ("]),
        ("auto", "tensorrt", ["engine 'tensorrt'", "TensorRT, TensorRT-RTX ("]),
        ("cuda", "onnx", ["device 'cuda' with engine 'onnx'", ": ONNX Runtime on the GPU ("]),
    ],
)
def test_what_needs_a_gpu_is_refused_without_one(
    bundle: Bundle, no_gpu: None, device: str, engine: str, words: list[str]
) -> None:
    with pytest.raises(UnavailableError) as caught:
        choose(bundle, device, engine)
    assert "\n" not in str(caught.value) and all(word in str(caught.value) for word in words), caught.value


def test_what_cannot_be_is_refused(bundle: Bundle) -> None:
    with pytest.raises(UnavailableError, match="engine 'tensorrt' does not run on device 'cpu'"):
        choose(bundle, "cpu", "tensorrt")
    with pytest.raises(ValueError, match="device is 'gpu'; it must be one of auto, cuda, cpu"):
        Segmenter(bundle.folder, device="gpu")
    with pytest.raises(ValueError, match="engine is 'onnxruntime'; it must be one of auto, tensorrt, onnx"):
        Segmenter(bundle.folder, engine="onnxruntime")


def test_a_segmenter_says_what_it_runs_on(bundle: Bundle) -> None:
    assert Segmenter(bundle.folder, threads=1, device="cpu").runtime == ON_CPU
    assert Segmenter(bundle.folder, threads=1).runtime.startswith("runs on ")


@pytest.mark.parametrize("error", [BundleError("fusion.onnx: bad"), EngineError("it failed")])
def test_on_the_cpu_the_bundle_is_to_blame(bundle: Bundle, error: Exception) -> None:
    def refuse(engines: Engines, at_once: int) -> None:
        raise error

    with pytest.raises(type(error), match=str(error)):
        choose_engines(bundle, refuse, threads=1)
