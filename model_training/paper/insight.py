"""Looks inside the network for one expression: attention over its words, the image and the clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from model_training.networks.base import System
from model_training.scoring.certainty import UNCALIBRATED
from refseg_ros.answer import Answer, conclude
from refseg_ros.engines.manifest import Certainty
from refseg_ros.engines.network import Outcome
from refseg_ros.geometry import Letterbox
from refseg_ros.open_vocabulary import Tokenizer


@dataclass(frozen=True, eq=False)
class Insight:
    """The inner values for one expression on one target frame of (H, W) pixels."""

    answer: Answer
    """The answer; its `word_attention` (levels, words) is Eq. 4 at each level."""
    heat: np.ndarray
    """(H, W) float32 in [0, 1]: the response to the expression, the mask's logits scaled to this range.

    The paper draws only the most active channel of the last feature map. In a small network that channel often shows
    another thing than the mask, so all channels are drawn, weighted by the mask's convolution (Eq. 7).
    """
    frame_weights: np.ndarray
    """(levels, T) float32, rows sum to one: the weights of the clip's frames in Eq. 11, the target last; (0, T) for a
    network that does not weigh frames. The same for all expressions."""


@torch.no_grad()
def look(model: System, vocabulary: Tokenizer, frames: Sequence[np.ndarray], texts: Sequence[str]) -> list[Insight]:
    """Run the network and collect its inner values.

    Args:
        model: in evaluation mode.
        vocabulary: of the network.
        frames: T of them, each (H, W, 3) uint8 RGB and of one size, the target last.
        texts: the expressions.

    Raises:
        ValueError: the network knows no word of an expression.
    """
    config = model.config
    encoded = [vocabulary.encode(text, config.max_words) for text in texts]
    for text, words in zip(texts, encoded, strict=True):
        if not words.readable:
            raise ValueError(f"{text!r}: the network knows none of these words")
    letterbox = Letterbox.fit(*frames[-1].shape[:2], config.height, config.width)
    clip = torch.as_tensor(np.stack([letterbox.apply(frame, config.padding) for frame in frames]))[None]
    words = torch.as_tensor(np.stack([one.ids for one in encoded]))[None]

    said = model(clip, words)
    levels = said.frame_weights
    weights = torch.cat(levels).float().numpy() if levels else np.zeros((0, len(frames)), np.float32)
    insights = []
    for index, (text, one) in enumerate(zip(texts, encoded, strict=True)):
        outcome = Outcome(
            said.logits[0, index].numpy(), float(said.presence[0, index]), said.word_attention[0, index].numpy()
        )
        answer = conclude(text, one, outcome, letterbox, UNCALIBRATED, Certainty())
        heat = letterbox.restore(outcome.logits)
        heat = (heat - heat.min()) / max(float(np.ptp(heat)), 1e-6)
        insights.append(Insight(answer, heat, weights))
    return insights
