"""What training minimises: Eq. 8 on the mask, and what a small network needs beside it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def at_size(logits: Tensor, size: Sequence[int]) -> Tensor:
    """Mask logits (B, E, h, w), brought bilinearly to the size (H, W) of the masks when theirs is another."""
    if tuple(logits.shape[-2:]) == tuple(size):
        return logits
    return F.interpolate(logits, tuple(size), mode="bilinear", align_corners=False)


def mask_loss(logits: Tensor, masks: Tensor, judged: Tensor) -> Tensor:
    """Binary cross-entropy, mean over the judged pixels (Eq. 8).

    Args:
        logits: (..., H, W).
        masks: of the same shape, shares in [0, 1] of each pixel.
        judged: broadcasts against them; shares in [0, 1] of each pixel that count.
    """
    entropy = F.binary_cross_entropy_with_logits(logits, masks, reduction="none")
    return (entropy * judged).sum() / judged.expand_as(entropy).sum().clamp(min=1)


def dice_loss(logits: Tensor, masks: Tensor, present: Tensor, judged: Tensor) -> Tensor:
    """One minus the soft dice coefficient, mean over the expressions (B, E) that have a target.

    `logits`, `masks` and `judged` are as in `mask_loss`, (B, E, H, W).
    """
    shares = logits.sigmoid() * judged
    overlap = 2 * (shares * masks).sum((-2, -1))
    total = shares.sum((-2, -1)) + masks.sum((-2, -1))
    dice = 1 - (overlap + 1) / (total + 1)
    return (dice * present).sum() / present.sum().clamp(min=1)


def presence_loss(logits: Tensor, present: Tensor) -> Tensor:
    """Binary cross-entropy of (B, E) presence logits."""
    return F.binary_cross_entropy_with_logits(logits, present)


def reference_loss(levels: list[Tensor], shares: list[Tensor], judged: list[Tensor], things: list[Tensor]) -> Tensor:
    """Cross-entropy plus half of dice of candidates, anchors and target, mean over levels.

    The question is which of the things it is: cells of the bare table count a tenth.

    Args:
        levels: (B, E, 3, H, W) logits per level.
        shares: area shares of the same shape per level.
        judged: (B, E, 1, H, W) per level, as in `mask_loss`.
        things: (B, H, W) per level, share of each cell that things cover.
    """
    losses = []
    for logits, share, weight, thing in zip(levels, shares, judged, things, strict=True):
        there = (share.amax((-2, -1)) > 0).float()
        counted = weight * (0.1 + 0.9 * thing[:, None, None])
        losses.append(mask_loss(logits, share, counted) + 0.5 * dice_loss(logits, share, there, weight))
    return torch.stack(losses).mean()


def motion_loss(levels: list[Tensor], shares: list[Tensor]) -> Tensor:
    """Cross-entropy of the motions, where it is known whether they are so; mean over levels.

    Args:
        levels: (B, M, H, W) logits per level.
        shares: (B, 2, M, H, W) per level: shares of each cell of which a motion is so, and is not so.
    """
    losses = []
    for logits, share in zip(levels, shares, strict=True):
        so, not_so = share.unbind(1)
        entropy = so * F.softplus(-logits) + not_so * F.softplus(logits)
        losses.append(entropy.sum() / (so + not_so).sum().clamp(min=1))
    return torch.stack(losses).mean()


def dense_loss(levels: list[Tensor], shares: list[Tensor], never: Tensor) -> Tensor:
    """Cross-entropy of class (background among them) everywhere, and of colour where things are; mean over levels.

    A pair of colour and class that never occurs is no evidence against its class, nor against its colour: it is left
    out of both softmaxes. Otherwise a network learns from the absence of red mugs that what is red is no mug.

    Args:
        levels: (B, 1 + classes + colours, H, W) logits per level.
        shares: area shares of the same shape per level.
        never: (colours, classes) float32, 1 for pairs that never occur.
    """
    classes = never.shape[1]
    losses = []
    for logits, share in zip(levels, shares, strict=True):
        class_share, colour_share = share[:, : 1 + classes], share[:, 1 + classes :]
        things = 1 - class_share[:, :1]
        # Things cover little of a table: their cells count four times.
        weight = 1 + 3 * things
        no_class = torch.einsum("bchw,ck->bkhw", colour_share, never) * (class_share[:, 1:] == 0) > 0.1
        no_colour = torch.einsum("bkhw,ck->bchw", class_share[:, 1:], never) * (colour_share == 0) > 0.1
        class_logits = torch.cat([logits[:, :1], logits[:, 1 : 1 + classes].masked_fill(no_class, -1e4)], 1)
        colour_logits = logits[:, 1 + classes :].masked_fill(no_colour, -1e4)
        by_class = -(class_share * class_logits.log_softmax(1)).sum(1, keepdim=True)
        by_colour = -(colour_share * colour_logits.log_softmax(1)).sum(1)
        losses.append((weight * by_class).sum() / weight.sum() + by_colour.sum() / things.sum().clamp(min=1))
    return torch.stack(losses).mean()
