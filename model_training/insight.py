"""What goes on inside the network for one expression: attention over its words, over the image and over the clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from model_training.export import THRESHOLDS
from model_training.networks.refseg import ReferringSegmentation
from refseg_ros.answer import Answer, conclude
from refseg_ros.engines.network import Outcome
from refseg_ros.expression import Vocabulary
from refseg_ros.geometry import Letterbox


@dataclass(frozen=True, eq=False)
class Insight:
    """One expression on one target frame of (H, W) pixels."""

    answer: Answer
    """Its `word_attention` (levels, words) is Eq. 4 at each level."""
    heat: np.ndarray
    """(H, W) float32 in [0, 1]: the response to the expression, the mask's logits from their least to their greatest.

    The paper draws the one channel of the last feature map that is activated most. In a small network that one often
    shows another thing than the mask, so all channels are drawn, as the mask's convolution weighs them (Eq. 7).
    """
    frame_weights: np.ndarray
    """(levels, T) float32, rows sum to one: the weights of the clip's frames in Eq. 11, the target's last; (0, T)
    where the network has no clip."""


@torch.no_grad()
def look(
    model: ReferringSegmentation, vocabulary: Vocabulary, frames: Sequence[np.ndarray], texts: Sequence[str]
) -> list[Insight]:
    """Run the network and look inside.

    Args:
        model: in evaluation mode.
        vocabulary: of its words.
        frames: T of them, each (H, W, 3) uint8 RGB and of one size, the target last.
        texts: the expressions.

    Raises:
        ValueError: an expression has no word that the network knows.
    """
    config = model.config
    encoded = [vocabulary.encode(text, config.max_words) for text in texts]
    for text, words in zip(texts, encoded, strict=True):
        if not words.understood:
            raise ValueError(f"{text!r}: the network knows none of these words")
    letterbox = Letterbox.fit(*frames[-1].shape[:2], config.height, config.width)
    clip = torch.as_tensor(np.stack([letterbox.apply(frame) for frame in frames]))[None]
    words = torch.as_tensor(np.stack([one.ids for one in encoded]))[None]

    clips: list[tuple[Tensor, ...]] = []
    hooks = [part.register_forward_pre_hook(lambda _, inputs: clips.append(inputs)) for part in model.fusion.clip]
    try:
        fused = model(clip, words)
    finally:
        for hook in hooks:
            hook.remove()
    levels = [frame_weights(query, key, valid)[0] for _, query, key, _, valid in clips]
    weights = torch.stack(levels).float().numpy() if levels else np.zeros((0, len(frames)), np.float32)
    insights = []
    for index, (text, one) in enumerate(zip(texts, encoded, strict=True)):
        outcome = Outcome(
            fused.logits[0, index].numpy(), float(fused.presence[0, index]), fused.word_attention[0, index].numpy()
        )
        answer = conclude(text, one, outcome, letterbox, THRESHOLDS)
        heat = letterbox.restore(outcome.logits)
        heat = (heat - heat.min()) / max(float(np.ptp(heat)), 1e-6)
        insights.append(Insight(answer, heat, weights))
    return insights


def frame_weights(query: Tensor, key: Tensor, valid: Tensor) -> Tensor:
    """The weights of a clip's frames in Eq. 11, from the inputs of `CrossFrameSelfAttention`.

    Args:
        query, key: (B, T, P, d).
        valid: (B, T) bool.

    Returns:
        (B, T), zero for empty slots.
    """
    frames, positions = query.shape[1:3]
    queries = query.flatten(1, 2).transpose(1, 2)
    closed = ~valid[:, :, None].expand(-1, -1, positions).flatten(1)[:, None]
    received = torch.zeros_like(query[:, :, 0, 0])
    for t in range(frames):
        attention = (key[:, t] @ queries).masked_fill(closed, float("-inf")).softmax(-1)
        shares = attention.unflatten(-1, (frames, positions)).sum((1, 3)) / positions
        received = received + shares * valid[:, t, None]
    return nn.functional.softmax(received.masked_fill(~valid, float("-inf")), -1)
