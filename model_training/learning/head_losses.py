"""What systems with several heads minimise: cross-entropy and dice of every head, and of the outlines."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from model_training.configs.head_weights import HeadWeights
from model_training.learning.losses import at_size, dice_loss
from model_training.networks.base import Answer

EDGE_RADIUS = 2
"""Of EFN's outlines, in pixels of the map."""


def head_loss(
    answer: Answer,
    masks: Tensor,
    judged: Tensor,
    weights: HeadWeights,
    pixels: Tensor | None = None,
    count: Tensor | None = None,
) -> Tensor:
    """The weighted sum over the heads of an answer.

    Args:
        answer: of a system.
        masks: (B, E, H, W) float32 in [0, 1]; a coarse head is judged by their mean over each of its cells.
        judged: broadcasts against them; how much each pixel counts, in [0, 1].
        weights: of the terms.
        pixels: () judged pixels, as `losses.mask_count` gives them.
        count: () expressions that have a target, as `dice_loss` takes it.
    """
    judged = judged.expand_as(masks)
    share = (judged.sum() if pixels is None else pixels).clamp(min=1) / masks.numel()

    def of_head(logits: Tensor) -> Tensor:
        return mask_terms(logits, pooled(masks, logits), pooled(judged, logits), share, weights, count)

    total = weights.final * of_head(at_size(answer.logits, masks.shape[-2:]))
    for logits in answer.coarse if weights.coarse else ():
        total = total + weights.coarse * of_head(logits)
    for logits in answer.edges if weights.edges else ():
        outline = edges((pooled(masks, logits) >= 0.5).to(masks.dtype))
        entropy = F.binary_cross_entropy_with_logits(logits, outline, pooled(judged, logits))
        total = total + weights.edges * entropy / share
    return total


def mask_terms(
    logits: Tensor, masks: Tensor, judged: Tensor, share: Tensor, weights: HeadWeights, count: Tensor | None = None
) -> Tensor:
    """Cross-entropy and dice of one head.

    Args:
        logits, masks, judged: (B, E, h, w), as in `head_loss`.
        share: () mean of `judged` over the whole batch.
        weights, count: as in `head_loss`.
    """
    positive = logits.new_tensor(weights.positive)
    total = weights.entropy * F.binary_cross_entropy_with_logits(logits, masks, judged, pos_weight=positive) / share
    if weights.dice:
        present = (masks.amax((-2, -1)) > 0).to(masks.dtype)
        total = total + weights.dice * dice_loss(logits, masks, present, judged, count)
    return total


def pooled(masks: Tensor, logits: Tensor) -> Tensor:
    """Masks, or how much their pixels count, at the size of a head."""
    return F.adaptive_avg_pool2d(masks, logits.shape[-2:])


def edges(masks: Tensor, radius: int = EDGE_RADIUS) -> Tensor:
    """1 within `radius` of a mask's boundary, on either side: (B, E, h, w) of 0 and 1."""
    side = 2 * radius + 1
    grown = F.max_pool2d(masks, side, 1, radius)
    shrunk = -F.max_pool2d(-masks, side, 1, radius)
    return grown - shrunk
