"""What training minimises: Eq. 8 on the mask, and what a small network needs beside it.

Each loss is a mean, or a sum of means, over something that the labels count: judged pixels, expressions with a target.
If a batch goes through in parts, pass the counts of the whole batch, divided by the number of parts: the mean of the
parts' losses is then the loss of the batch. Without counts, those of the arguments are used.
"""

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


def mask_loss(logits: Tensor, masks: Tensor, judged: Tensor, count: Tensor | None = None) -> Tensor:
    """Binary cross-entropy, mean over the judged pixels (Eq. 8).

    Args:
        logits: (..., H, W).
        masks: of the same shape, shares in [0, 1] of each pixel.
        judged: broadcasts against them; how much each pixel counts, in [0, 1].
        count: () judged pixels, as `mask_count` gives them.
    """
    entropy = F.binary_cross_entropy_with_logits(logits, masks, reduction="none")
    return (entropy * judged).sum() / (mask_count(masks, judged).clamp(min=1) if count is None else count)


def mask_count(masks: Tensor, judged: Tensor) -> Tensor:
    """How many pixels `mask_loss` is a mean over, ()."""
    return judged.expand_as(masks).sum()


def dice_loss(logits: Tensor, masks: Tensor, present: Tensor, judged: Tensor, count: Tensor | None = None) -> Tensor:
    """One minus the soft dice coefficient, mean over the expressions (B, E) that have a target.

    `logits`, `masks` and `judged` are as in `mask_loss`, (B, E, H, W); `count` is the number of such expressions, ().
    """
    shares = logits.sigmoid() * judged
    overlap = 2 * (shares * masks).sum((-2, -1))
    total = shares.sum((-2, -1)) + masks.sum((-2, -1))
    dice = 1 - (overlap + 1) / (total + 1)
    return (dice * present).sum() / (present.sum().clamp(min=1) if count is None else count)


def presence_loss(logits: Tensor, present: Tensor) -> Tensor:
    """Binary cross-entropy of (B, E) presence logits."""
    return F.binary_cross_entropy_with_logits(logits, present)


def reference_loss(
    levels: list[Tensor],
    shares: list[Tensor],
    judged: list[Tensor],
    things: list[Tensor],
    counts: Tensor | None = None,
) -> Tensor:
    """Cross-entropy plus half of dice of candidates, anchors and target, mean over levels.

    The task is to choose among the things, so cells of the bare table count a tenth.

    Args:
        levels: (B, E, 3, H, W) logits per level.
        shares: area shares of the same shape per level.
        judged: (B, E, 1, H, W) per level, as in `mask_loss`.
        things: (B, H, W) per level, share of each cell that things cover.
        counts: (levels, 2), as `reference_counts` gives them.
    """
    if counts is None:
        counts = reference_counts(shares, judged, things).clamp(min=1)
    losses = []
    for logits, share, weight, thing, (cells, parts) in zip(levels, shares, judged, things, counts, strict=True):
        entropy = mask_loss(logits, share, _on_things(weight, thing), cells)
        losses.append(entropy + 0.5 * dice_loss(logits, share, _occurs(share), weight, parts))
    return torch.stack(losses).mean()


def reference_counts(shares: list[Tensor], judged: list[Tensor], things: list[Tensor]) -> Tensor:
    """How many cells, and how many candidates, anchors and targets, `reference_loss` is a mean over: (levels, 2)."""
    return torch.stack(
        [
            torch.stack([mask_count(share, _on_things(weight, thing)), _occurs(share).sum()])
            for share, weight, thing in zip(shares, judged, things, strict=True)
        ]
    )


def _on_things(judged: Tensor, things: Tensor) -> Tensor:
    """(B, E or 1, 1, H, W): how much each cell counts."""
    return judged * (0.1 + 0.9 * things[:, None, None])


def _occurs(share: Tensor) -> Tensor:
    """(B, E, 3) float32: 1 where any cell has a share."""
    return (share.amax((-2, -1)) > 0).float()


def motion_loss(levels: list[Tensor], shares: list[Tensor], counts: Tensor | None = None) -> Tensor:
    """Cross-entropy of the motions, where the labels know them; mean over levels.

    Args:
        levels: (B, M, H, W) logits per level.
        shares: (B, 2, M, H, W) per level: shares of each cell for which a motion holds, and does not hold.
        counts: (levels,), as `motion_counts` gives them.
    """
    if counts is None:
        counts = motion_counts(shares).clamp(min=1)
    losses = []
    for logits, share, count in zip(levels, shares, counts, strict=True):
        holds, holds_not = share.unbind(1)
        entropy = holds * F.softplus(-logits) + holds_not * F.softplus(logits)
        losses.append(entropy.sum() / count)
    return torch.stack(losses).mean()


def motion_counts(shares: list[Tensor]) -> Tensor:
    """How many known motions of cells `motion_loss` is a mean over: (levels,)."""
    return torch.stack([share.sum() for share in shares])


def dense_loss(levels: list[Tensor], shares: list[Tensor], never: Tensor, counts: Tensor | None = None) -> Tensor:
    """Cross-entropy of class (background among them) everywhere, and of colour where things are; mean over levels.

    If red mugs never occur, the class softmax of red cells leaves out "mug", and the colour softmax of mugs leaves out
    "red". Otherwise a network learns that nothing red is a mug.

    Args:
        levels: (B, 1 + classes + colours, H, W) logits per level.
        shares: area shares of the same shape per level; where background and classes do not sum up to 1, the rest is
            not known.
        never: (colours, classes) float32, 1 for pairs that never occur.
        counts: (levels, 2), as `dense_counts` gives them.
    """
    classes = never.shape[1]
    if counts is None:
        counts = dense_counts(shares, classes).clamp(min=1)
    losses = []
    for logits, share, (cells, coloured) in zip(levels, shares, counts, strict=True):
        class_share, colour_share = share[:, : 1 + classes], share[:, 1 + classes :]
        no_class = torch.einsum("bchw,ck->bkhw", colour_share, never) * (class_share[:, 1:] == 0) > 0.1
        no_colour = torch.einsum("bkhw,ck->bchw", class_share[:, 1:], never) * (colour_share == 0) > 0.1
        class_logits = torch.cat([logits[:, :1], logits[:, 1 : 1 + classes].masked_fill(no_class, -1e4)], 1)
        colour_logits = logits[:, 1 + classes :].masked_fill(no_colour, -1e4)
        by_class = -(class_share * class_logits.log_softmax(1)).sum(1, keepdim=True)
        by_colour = -(colour_share * colour_logits.log_softmax(1)).sum(1)
        losses.append((_cell_weights(share, classes) * by_class).sum() / cells + by_colour.sum() / coloured)
    return torch.stack(losses).mean()


def dense_counts(shares: list[Tensor], classes: int) -> Tensor:
    """How many weighted cells, and how many cells of a known colour, `dense_loss` is a mean over: (levels, 2)."""
    return torch.stack(
        [torch.stack([_cell_weights(share, classes).sum(), share[:, 1 + classes :].sum()]) for share in shares]
    )


def things_of(share: Tensor, classes: int) -> Tensor:
    """(B, 1 + classes + colours, H, W) area shares -> (B, H, W): the share of each cell that things cover."""
    return share[:, 1 : 1 + classes].sum(1)


def _cell_weights(share: Tensor, classes: int) -> Tensor:
    """(B, 1, H, W): things cover little of a table, so their cells count four times. What is not known counts less."""
    return share[:, :1] + 4 * things_of(share, classes)[:, None]
