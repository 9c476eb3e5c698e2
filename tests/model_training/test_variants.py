"""Each variant of the paper's tables, exported: ONNX Runtime makes of it what torch makes, for any number of words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from model_training import export
from model_training.networks.refseg import Fusion
from model_training.variants import VARIANTS
from refseg_ros.engines.manifest import FUSION
from refseg_ros.engines.network import LOGITS, OUTPUTS, PRESENCE, WORDS
from refseg_ros.engines.onnx import OnnxEngine
from tests.model_training import tiny
from tests.model_training.test_export import TOLERANCE, check_close, some_words

PAPER = replace(
    tiny.NETWORK, clip=1, word_layers=0, rounds=(1, 1, 1), bounded=False, modulation=False, shuffle=1, normalise=True
)
"""Nothing beyond the paper."""
CHANNELS, STRIDES = (5, 6, 7), (8, 16, 16)

OF_LEVELS = ("convlstm", "gated", "gmlf-channels")
"""Fusions that look at more than the deepest level; `gmlf` is another, and `test_export.py` exports it."""

# Exporting takes its time: all but these have one level, and what is about fusion has no attention.
SWITCHES: dict[str, dict[str, object]] = {
    **{
        name: {**changes, "fusion": "none"}
        for name, changes in VARIANTS.items()
        if changes.keys() - {"fusion", "clip", "clip_stride"}
    },
    "cvpr, word attention": {"rectified": True, "key_pooling": (1, 2, 2), "fusion": "none"},
    **{name: {"attention": "none", "fusion": name} for name in ("ppm", "deconvolution", *OF_LEVELS)},
}


@pytest.mark.parametrize("switch", SWITCHES)
@torch.no_grad()
def test_every_fusion_says_the_same_in_both_runtimes(switch: str) -> None:
    config = replace(PAPER, **SWITCHES[switch])
    levels = 3 if config.fusion in OF_LEVELS else 1
    torch.manual_seed(0)
    fusion = tiny.settled(Fusion(config, CHANNELS[-levels:], STRIDES[-levels:]))
    names = [f"feature_{index}" for index in range(levels)]
    features = tuple(
        torch.randn(1, channels, *level.size) for channels, level in zip(CHANNELS[-levels:], fusion.levels, strict=True)
    )
    engine = OnnxEngine(export.export_fusion(fusion, features, names), FUSION, 1)
    arrays = {name: feature.numpy() for name, feature in zip(names, features, strict=True)}
    for queries, length in ((1, 1), (2, 1), (1, 16), (3, 2), (5, 7)):
        words = some_words(queries, length)
        ours = engine.run(arrays | {WORDS: words})
        theirs = fusion.answer(features, torch.as_tensor(words)[None])
        check_close(ours, {name: getattr(theirs, name)[0] for name in OUTPUTS})
        padded = engine.run(arrays | {WORDS: np.pad(words, ((0, 0), (0, 2)))})
        for name in (LOGITS, PRESENCE):
            assert np.abs(padded[name] - ours[name]).max() < TOLERANCE, name
