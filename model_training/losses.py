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


def mask_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Binary cross-entropy, mean over all pixels (Eq. 8). Both (..., H, W); masks may be area shares in [0, 1]."""
    return F.binary_cross_entropy_with_logits(logits, masks)


def dice_loss(logits: Tensor, masks: Tensor, present: Tensor) -> Tensor:
    """One minus the soft dice coefficient, mean over the expressions (B, E) that have a target."""
    shares = logits.sigmoid()
    overlap = 2 * (shares * masks).sum((-2, -1))
    total = shares.sum((-2, -1)) + masks.sum((-2, -1))
    dice = 1 - (overlap + 1) / (total + 1)
    return (dice * present).sum() / present.sum().clamp(min=1)


def presence_loss(logits: Tensor, present: Tensor) -> Tensor:
    """Binary cross-entropy of (B, E) presence logits."""
    return F.binary_cross_entropy_with_logits(logits, present)


def reference_loss(levels: list[Tensor], shares: list[Tensor]) -> Tensor:
    """Binary cross-entropy plus dice of candidates and anchors, mean over levels; both (B, E, 2, H, W) per level."""
    losses = []
    for logits, share in zip(levels, shares, strict=True):
        there = (share.amax((-2, -1)) > 0).float()
        losses.append(mask_loss(logits, share) + 0.2 * dice_loss(logits, share, there))
    return torch.stack(losses).mean()


def dense_loss(levels: list[Tensor], shares: list[Tensor], classes: int) -> Tensor:
    """Cross-entropy of class (background among them) everywhere, and of colour where things are; mean over levels.

    Args:
        levels: (B, 1 + classes + colours, H, W) logits per level.
        shares: area shares of the same shape per level.
        classes: how many of the entries behind the background are classes.
    """
    losses = []
    for logits, share in zip(levels, shares, strict=True):
        class_share, colour_share = share[:, : 1 + classes], share[:, 1 + classes :]
        things = 1 - class_share[:, :1]
        # Things cover little of a table: their cells count four times.
        weight = 1 + 3 * things
        by_class = -(class_share * logits[:, : 1 + classes].log_softmax(1)).sum(1, keepdim=True)
        by_colour = -(colour_share * logits[:, 1 + classes :].log_softmax(1)).sum(1)
        losses.append((weight * by_class).sum() / weight.sum() + by_colour.sum() / things.sum().clamp(min=1))
    return torch.stack(losses).mean()
