"""How far two runtimes are apart on the same graph and the same inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from refseg_ros.engines.contract import Array, Engine
from refseg_ros.engines.manifest import Manifest
from refseg_ros.engines.network import Network
from refseg_ros.errors import EngineError

TOLERANCE = {"fp32": 0.01, "fp16": 0.05, "int8": 0.25}
"""Largest difference at which an engine of a precision is kept. A GPU rounds the products of fp32 to 10 bits (TF32)."""


def samples(manifest: Manifest, ids: int, references: Mapping[str, Engine]) -> dict[str, dict[str, np.ndarray]]:
    """Inputs for each graph, as in a run of the network: an image of coloured blobs, random words, numbers with noise.

    Args:
        manifest: of the bundle.
        ids: how many ids the tokenizer has.
        references: graph -> an engine of it on the CPU.
    """
    recorders = {name: _Recorder(engine) for name, engine in references.items()}
    Network(recorders, manifest, ids)  # runs them
    rng = np.random.default_rng(0)
    return {
        name: {key: _varied(np.asarray(array), ids, rng) for key, array in recorder.seen.items()}
        for name, recorder in recorders.items()
    }


def difference(engine: Engine, reference: Engine, inputs: Mapping[str, np.ndarray]) -> float:
    """Difference of two engines of a graph, as a share of an output's norm; the largest of all outputs.

    Raises:
        EngineError: an engine failed, or gave values that are not numbers.
    """
    ours, theirs = engine.run(inputs), reference.run(inputs)
    shares = [0.0]
    for name, array in theirs.items():
        expected, got = (np.asarray(values, np.float64) for values in (array, ours[name]))
        if not np.isfinite(got).all():
            raise EngineError(f"`{name}` is not finite")
        shares.append(float(np.linalg.norm(got - expected) / max(np.linalg.norm(expected), 1e-6)))
    return max(shares)


class _Recorder:
    """An engine that remembers what it was given last."""

    def __init__(self, engine: Engine) -> None:
        self.inputs, self.outputs, self.zeros = engine.inputs, engine.outputs, engine.zeros
        self._run = engine.run
        self.seen: dict[str, Array] = {}

    def run(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """See `Engine.run`."""
        self.seen = dict(arrays)
        return self._run(arrays)


def _varied(array: np.ndarray, ids: int, rng: np.random.Generator) -> np.ndarray:
    """Other values of the same shape and type: blobs for an image, random words for words, noise on numbers."""
    kind: Any = array.dtype
    if kind == np.uint8:
        small = rng.integers(0, 256, (6, 8, 3), np.uint8)
        blobs = cv2.resize(small, (array.shape[2], array.shape[1]), interpolation=cv2.INTER_CUBIC)
        return np.repeat(blobs[None], len(array), axis=0)
    if np.issubdtype(kind, np.integer):
        return rng.integers(1, ids, array.shape, kind)
    if np.issubdtype(kind, np.floating) and array.size:
        return (array + 0.1 * array.std() * rng.standard_normal(array.shape)).astype(kind)
    return array
