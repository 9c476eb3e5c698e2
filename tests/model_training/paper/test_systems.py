"""Each variant of the paper's tables, exported: ONNX Runtime makes of it what torch makes, for any number of words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from model_training.graphs import onnx_file
from model_training.networks.ablations.choice import chosen_parts
from model_training.networks.cmsa.fusion import ClipFeatures, Fusion
from model_training.networks.cmsa.graphs import query_graphs
from model_training.paper.systems import VARIANTS
from refseg_ros.engines.network import OUTPUTS, WORD_ATTENTION
from refseg_ros.engines.onnx import OnnxEngine
from refseg_ros.engines.reach import WORDS
from tests.model_training import tiny
from tests.model_training.test_export import check_close, some_words

PAPER = replace(tiny.NETWORK, clip=1, **tiny.NOTHING_BEYOND)
"""Nothing beyond the paper."""
CHANNELS, STRIDES = (5, 6, 7), (8, 16, 16)

OF_LEVELS = ("convlstm", "gated", "gmlf-channels")
"""Fusions that look at more than the deepest level; `gmlf` is another, and `test_export.py` exports it."""

# Exporting takes its time: fields that do not touch each other share a graph, all but OF_LEVELS have one level, and
# these have no attention.
SWITCHES: dict[str, dict[str, object]] = {
    "word attention, mean": {"attention": "word", "pooling": "mean", "fusion": "none"},
    "pair attention, max": {"attention": "pair", "pooling": "max", "fusion": "none"},
    "pixel attention, sharp words": {"attention": "pixel", "word_attention_gain": 4.0, "fusion": "none"},
    "sentence": {"representation": "sentence", "fusion": "none"},
    "rmi-lstm": {"representation": "rmi-lstm", "fusion": "none"},
    "rrn-cnn, deconvolution": {"representation": "rrn-cnn", "fusion": "deconvolution"},
    "no attention, ppm": {"attention": "none", "fusion": "ppm"},
    "cvpr projections": {"rectified": True, "fusion": "none"},
    "cvpr keys": {"key_pooling": (1, 2, 2), "fusion": "none"},
    "cvpr": {"rectified": True, "key_pooling": (2, 2, 2), "pooling": "mean", "fusion": "none"},
    **{name: {"attention": "none", "fusion": name} for name in OF_LEVELS},
}


def test_every_switch_of_a_variant_is_exported() -> None:
    exported = {item for changes in SWITCHES.values() for item in changes.items()}
    switched = {item for changes in VARIANTS.values() for item in changes.items()}
    of_clips = {item for item in switched if item[0] in ("clip", "clip_stride")}
    assert switched - of_clips - exported == {("pooled_attention", False)} and not PAPER.pooled_attention


@pytest.mark.parametrize("switch", SWITCHES)
@torch.no_grad()
def test_every_fusion_says_the_same_in_both_runtimes(switch: str) -> None:
    config = replace(PAPER, **SWITCHES[switch])
    levels = 3 if config.fusion in OF_LEVELS else 1
    torch.manual_seed(0)
    fusion = tiny.settled(Fusion(config, CHANNELS[-levels:], STRIDES[-levels:], chosen_parts(config)))
    names = [f"feature_{index}" for index in range(levels)]
    features = tuple(
        torch.randn(1, channels, *level.size) for channels, level in zip(CHANNELS[-levels:], fusion.levels, strict=True)
    )
    known = dict(zip(names, features, strict=True)) | {WORDS: torch.as_tensor(some_words(3, config.max_words))}
    engines = []
    for graph in query_graphs(fusion, names):
        engines.append(OnnxEngine(onnx_file(graph, known), graph.name, 1))
        inputs = (known[name] for name in graph.inputs)
        known |= dict(zip(graph.outputs, graph.module(*inputs), strict=True))
    arrays = {name: feature.numpy() for name, feature in zip(names, features, strict=True)}
    for queries, length in ((1, 1), (2, 1), (1, 16), (3, 2), (5, 7)):
        words = some_words(queries, length)
        padded = np.pad(words, ((0, 0), (0, config.max_words - length)))
        made = arrays | {WORDS: padded}
        for engine in engines:
            made |= engine.run({name: made[name] for name in engine.inputs})
        ours = {name: made[name] for name in OUTPUTS}
        for ids in (words, padded):
            theirs = fusion.answer(ClipFeatures(features), fusion.read(torch.as_tensor(ids)[None]))
            expected = {name: getattr(theirs, name)[0] for name in OUTPUTS}
            shown = ids.shape[1]
            check_close(ours | {WORD_ATTENTION: ours[WORD_ATTENTION][..., :shown]}, expected)
