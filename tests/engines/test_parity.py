"""How far two engines of a graph are apart: known for graphs that are changed by a known factor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from refseg_ros.engines.bundle import Bundle
from refseg_ros.engines.onnx import OnnxEngine
from refseg_ros.engines.parity import difference, samples
from refseg_ros.engines.reach import WORDS
from refseg_ros.errors import EngineError
from tests.bundles import HEIGHT, MANIFEST, MAX_WORDS, WIDTH

ENCODER, _, FUSION = MANIFEST.graphs
Inputs = dict[str, dict[str, np.ndarray]]


@pytest.fixture(scope="module")
def references(bundle_folder: Path) -> dict[str, OnnxEngine]:
    contents = Bundle.load(bundle_folder).contents
    return {name: OnnxEngine(contents[name], name, 1) for name in MANIFEST.graphs}


@pytest.fixture(scope="module")
def inputs(references: dict[str, OnnxEngine]) -> Inputs:
    return samples(MANIFEST, 5, references)


@pytest.fixture
def with_white(bundle_folder: Path) -> Callable[[float], OnnxEngine]:
    """The encoder with another number than 255 to divide colours by."""

    def make(value: float) -> OnnxEngine:
        graph = onnx.load_from_string(Bundle.load(bundle_folder).contents[ENCODER])
        (white,) = (item for item in graph.graph.initializer if item.name == "white")
        white.CopyFrom(numpy_helper.from_array(np.float32(value), "white"))
        return OnnxEngine(graph.SerializeToString(), ENCODER, 1)

    return make


def test_samples_are_of_every_input_and_varied(references: dict[str, OnnxEngine], inputs: Inputs) -> None:
    assert {name: set(arrays) for name, arrays in inputs.items()} == {
        name: set(engine.inputs) for name, engine in references.items()
    }
    image, words = inputs[ENCODER]["image"], inputs[FUSION][WORDS]
    assert (image.shape, image.dtype) == ((1, HEIGHT, WIDTH, 3), np.uint8) and np.ptp(image) > 100
    assert (words.shape, words.dtype) == ((2, MAX_WORDS), np.int64)
    assert 1 <= words.min() < words.max() < 5


def test_an_engine_does_not_differ_from_itself(references: dict[str, OnnxEngine], inputs: Inputs) -> None:
    for name, engine in references.items():
        assert difference(engine, engine, inputs[name]) == 0


@pytest.mark.parametrize("factor", [1.5, 1.02, 0.5])
def test_the_difference_is_a_share_of_the_norm(
    references: dict[str, OnnxEngine], inputs: Inputs, with_white: Callable[[float], OnnxEngine], factor: float
) -> None:
    found = difference(with_white(255 / factor), references[ENCODER], inputs[ENCODER])
    assert found == pytest.approx(abs(factor - 1), rel=1e-4)


def test_what_is_no_number_is_refused(
    references: dict[str, OnnxEngine], inputs: Inputs, with_white: Callable[[float], OnnxEngine]
) -> None:
    with pytest.raises(EngineError, match="`feature_1` is not finite"):
        difference(with_white(0), references[ENCODER], inputs[ENCODER])
