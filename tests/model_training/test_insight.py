"""Looking inside the network, against the equations as they are written."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from model_training.datasets.tabletop import tabletop_vocabulary
from model_training.insight import frame_weights, look
from model_training.networks.cfsa import ClipProjection, CrossFrameSelfAttention
from model_training.networks.refseg import ReferringSegmentation
from refseg_ros.geometry import Letterbox
from tests.model_training import literal, tiny

TEXTS = ["the red mug left of the bowl", "the can"]
FRAMES = [np.random.default_rng(seed).integers(0, 256, (60, 90, 3), np.uint8) for seed in range(3)]


@pytest.mark.parametrize("bounded", [True, False])
def test_the_weights_of_frames_as_written(bounded: bool) -> None:
    torch.manual_seed(1)
    project = ClipProjection(6, 4, bounded).double()
    attention = CrossFrameSelfAttention(6, 4).double()
    clip = 2 * torch.randn(3, 5, 6, dtype=torch.float64)
    _, expected = literal.cross_frame(project, attention, clip[-1], clip)
    query, key, _ = (part[None] for part in project(clip))
    weights = frame_weights(query, key, torch.ones(1, 3, dtype=torch.bool))
    assert expected.max() - expected.min() > 0.01
    assert torch.allclose(weights[0], expected, atol=1e-12)


def test_empty_slots_weigh_nothing() -> None:
    torch.manual_seed(2)
    query, key = torch.randn(2, 1, 4, 5, 6)
    valid = torch.tensor([[True, False, True, True]])
    weights = frame_weights(query, key, valid)
    alone = frame_weights(query[:, [0, 2, 3]], key[:, [0, 2, 3]], torch.ones(1, 3, dtype=torch.bool))
    assert weights[0, 1] == 0 and torch.allclose(weights[:, [0, 2, 3]], alone, atol=1e-6)


@pytest.fixture(scope="module")
def network() -> ReferringSegmentation:
    return tiny.network()


def test_what_is_seen_is_what_the_network_returns(network: ReferringSegmentation) -> None:
    vocabulary = tabletop_vocabulary()
    insights = look(network, vocabulary, FRAMES, TEXTS)
    letterbox = Letterbox.fit(60, 90, tiny.NETWORK.height, tiny.NETWORK.width)
    clip = torch.as_tensor(np.stack([letterbox.apply(frame) for frame in FRAMES]))[None]
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


def test_equal_frames_weigh_alike_and_one_weighs_all(network: ReferringSegmentation) -> None:
    (same,) = look(network, tabletop_vocabulary(), [FRAMES[0]] * 3, TEXTS[:1])
    assert np.allclose(same.frame_weights, 1 / 3, atol=1e-5)
    (alone,) = look(network, tabletop_vocabulary(), FRAMES[:1], TEXTS[:1])
    assert alone.frame_weights.tolist() == [[1.0]] * 3
    assert np.allclose(alone.heat, same.heat, atol=1e-3)


def test_words_that_say_nothing_are_refused(network: ReferringSegmentation) -> None:
    with pytest.raises(ValueError, match="'gizmo': the network knows none"):
        look(network, tabletop_vocabulary(), FRAMES[:1], ["the can", "gizmo"])
