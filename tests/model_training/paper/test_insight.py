"""Looking inside the network, against the equations as they are written."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from model_training.datasets.scene_batches import tabletop_vocabulary
from model_training.networks.refseg import ReferringSegmentation
from model_training.paper.insight import look
from refseg_ros.geometry import Letterbox
from tests.model_training import literal, tiny

TEXTS = ["the red mug left of the bowl", "the can"]
FRAMES = [np.random.default_rng(seed).integers(0, 256, (60, 90, 3), np.uint8) for seed in range(3)]


@pytest.mark.parametrize("cell", [16, 0])
def test_the_weights_of_frames_as_written(cell: int) -> None:
    """At levels whose keys attend to cells, and at those where they attend to every position."""
    model = tiny.network(network=replace(tiny.NETWORK, clip_cell=cell)).double()
    (insight,) = look(model, tabletop_vocabulary(), FRAMES, TEXTS[:1])
    letterbox = Letterbox.fit(60, 90, tiny.NETWORK.height, tiny.NETWORK.width)
    clip = torch.as_tensor(np.stack([letterbox.apply(frame, model.config.padding) for frame in FRAMES]))
    assert (cell > 0) is (max(model.encoder.cells) > 1)
    with torch.no_grad():
        features = model.encoder.backbone_features(clip)
        for level, found in enumerate(insight.frame_weights):
            height, width = features[level].shape[-2:]
            places = getattr(model.encoder, f"places_{level}").double().expand(len(FRAMES), -1, -1)
            frames = torch.cat([features[level].flatten(2).transpose(1, 2), places], -1)
            side = model.encoder.cells[level]
            parts = frames.unflatten(1, (height // side, side, width // side, side))
            modules = model.encoder.clip[level], model.fusion.clip[level]
            target = features[level][-1].flatten(1).T
            _, expected = literal.cross_frame(*modules, target, frames, parts.mean((2, 4)).flatten(1, 2))
            assert expected.max() - expected.min() > 1e-3
            assert np.abs(found - expected.numpy()).max() < 1e-6


@pytest.fixture(scope="module")
def network() -> ReferringSegmentation:
    return tiny.network()


def test_what_is_seen_is_what_the_network_returns(network: ReferringSegmentation) -> None:
    vocabulary = tabletop_vocabulary()
    insights = look(network, vocabulary, FRAMES, TEXTS)
    letterbox = Letterbox.fit(60, 90, tiny.NETWORK.height, tiny.NETWORK.width)
    clip = torch.as_tensor(np.stack([letterbox.apply(frame, tiny.NETWORK.padding) for frame in FRAMES]))[None]
    with torch.no_grad():
        fused = network(clip, torch.as_tensor(vocabulary.encode_all(TEXTS, tiny.NETWORK.max_words))[None])
    for index, one in enumerate(insights):
        words = len(one.answer.words)
        assert one.answer.text == TEXTS[index] and words == len(TEXTS[index].split())
        assert np.allclose(one.answer.word_attention, fused.word_attention[0, index, :, :words], atol=1e-5)
        assert np.allclose(one.answer.word_attention.sum(1), 1, atol=1e-5)
        logits = letterbox.restore(fused.logits[0, index].numpy())
        assert one.heat.shape == (60, 90) and (one.heat.min(), one.heat.max()) == (0, 1)
        assert np.corrcoef(one.heat.ravel(), logits.ravel())[0, 1] > 0.999
        assert one.frame_weights.shape == (3, 3) and np.allclose(one.frame_weights.sum(1), 1, atol=1e-5)


def test_equal_frames_weigh_the_same_and_one_weighs_all(network: ReferringSegmentation) -> None:
    (same,) = look(network, tabletop_vocabulary(), [FRAMES[0]] * 3, TEXTS[:1])
    assert np.allclose(same.frame_weights, 1 / 3, atol=1e-5)
    (alone,) = look(network, tabletop_vocabulary(), FRAMES[:1], TEXTS[:1])
    assert alone.frame_weights.tolist() == [[1.0]] * 3
    assert np.allclose(alone.heat, same.heat, atol=1e-3)


def test_words_that_say_nothing_are_refused(network: ReferringSegmentation) -> None:
    with pytest.raises(ValueError, match="'gizmo': the network knows none"):
        look(network, tabletop_vocabulary(), FRAMES[:1], ["the can", "gizmo"])
