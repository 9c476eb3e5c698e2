"""Cross-frame self-attention (Sec. 3.4, Eq. 9-11): one clip's features at one level, pooled into the target frame's."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_training.networks.layers.cosine import bounded, new_scale, unit

CLIP_VALUES = {"raw": False, "projected": True}
"""By the names that NetworkConfig.clip_values takes: whether values are projected."""

SHIFT = 6.6
"""Subtracted from logits in [-10, 10] (MAX_SCALE), so that exp needs no row maximum: e^-16.6 is about the least float16
above zero, and a sum of 2000 times e^3.4 is below the greatest."""


class ClipProjection(nn.Module):
    """v_tp -> query, key and value of CFSA. Depends on one frame alone, so a stream computes it once per frame.

    Differs from the paper when `cells` are given: queries and values, which the keys attend to, then come from the G
    cells of a coarser grid. That leaves fewer pairs, and V^ keeps all P positions.

    Args:
        features: channels of a position's feature, C_v.
        places: channels of its coordinates, which follow those of the feature.
        channels: d of query and key, and of a projected value.
        projected: values are a linear projection; otherwise the features themselves, as Eq. 9 has them.
        cosine: queries and keys of unit length, keys times a learnable scale of at most MAX_SCALE. They have one more
            channel, which takes SHIFT off every logit.
    """

    def __init__(
        self, features: int, places: int, channels: int, projected: bool = False, cosine: bool = False
    ) -> None:
        super().__init__()
        self.features = features
        self.parts = 3 if projected else 2
        self.project = nn.Linear(features + places, self.parts * channels)
        self.scale = new_scale() if cosine else None

    def forward(self, features: Tensor, cells: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Project.

        Args:
            features: (B, P, C_v + places).
            cells: (B, G, C_v + places) their mean over each cell of a coarser grid; None: every position is a cell.

        Returns:
            Query (B, G, d), key (B, P, d) and value (B, G, d_v); d_v is d if it is projected, otherwise C_v.
        """
        cells = features if cells is None else cells
        weights, biases = (part.chunk(self.parts) for part in (self.project.weight, self.project.bias))
        query, key, *projected = (
            F.linear(x, weight, bias)
            for x, weight, bias in zip((cells, features, cells)[: self.parts], weights, biases, strict=True)
        )
        if self.scale is not None:
            query = F.pad(unit(query), (0, 1), value=1.0)
            key = F.pad(bounded(self.scale) * unit(key), (0, 1), value=-SHIFT)
        return query, key, projected[0] if projected else cells[..., : self.features]


class AttentionBlocks(NamedTuple):
    """Attention from the keys of a frame to the queries of another, for F pairs of frames.

    Blocks of one key frame are merged by their log-sums: softmax(logsum) over the blocks gives each one's share, the
    sum of share times attended is the softmax over all their queries, and its log-sum is logsumexp(logsum).
    """

    logsum: Tensor
    """(F, P) log of the sum of e^logit over the queries, for each key."""
    attended: Tensor
    """(F, P, d_v) values of the query frame, weighted by the softmax over its queries."""


class Past(NamedTuple):
    """What a stream keeps of the L earlier frames of its clip at one level, in any order; L may be 0."""

    query: Tensor
    """(L, G, d)"""
    key: Tensor
    """(L, P, d)"""
    value: Tensor
    """(L, G, d_v)"""
    logsum: Tensor
    """(L, P) log-sum of each earlier frame's keys over the queries of all earlier frames: the merged blocks."""
    attended: Tensor
    """(L, P, d_v) attended values of the merged blocks."""
    shares: Tensor
    """(L, L, P) shares of the blocks: [u, t, p] is the share of frame u's queries for key p of frame t."""


class CrossFrameSelfAttention(nn.Module):
    """V_t := V_t + V^ for the target frame t.

    There is no term for the order in time, so the slots of a ring may hold the frames in any order. Eq. 11 is read as
    the attention that a frame receives, as Eq. 4 is. Differs from the paper where values are projected: an output
    projection W takes V^ back to C_v channels (it starts at zero, so that a still-image network is not disturbed).

    Args:
        features: C_v.
        channels: d of projected values; None where values are the features themselves.
    """

    def __init__(self, features: int, channels: int | None = None) -> None:
        super().__init__()
        self.output: nn.Module = nn.Identity()
        if channels is not None:
            self.output = nn.Linear(channels, features)
            nn.init.zeros_(self.output.weight)
            nn.init.zeros_(self.output.bias)

    def forward(
        self, target: Tensor, query: Tensor, key: Tensor, value: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Update the target frames of B clips at one level.

        Args:
            target: (B, P, C_v) the target frame's features.
            query: (B, T, G, d) of all frames of the clip, the target's among them.
            key: (B, T, P, d) likewise.
            value: (B, T, G, d_v) likewise.
            valid: (B, T) bool, False for empty slots, whose content is ignored; at least one True.

        Returns:
            (B, P, C_v) the updated features; (B, T) the weights of the frames in Eq. 11, zero for empty slots.
        """
        frames, cells = query.shape[1:3]
        queries, values = query.flatten(1, 2).transpose(1, 2), value.flatten(1, 2)
        open_keys = valid[:, :, None].expand(-1, -1, cells).flatten(1)[:, None]  # (B, 1, T*G)
        received, attended = [], []
        for t in range(frames):  # a row of blocks at a time: (P, T*G) instead of T*P * T*G
            logits = (key[:, t] @ queries).masked_fill(~open_keys, float("-inf"))
            attention = logits.softmax(-1)  # Eq. 10
            attended.append(attention @ values)  # Eq. 9
            per_frame = attention.unflatten(-1, (frames, cells)).sum((1, 3)) / key.shape[2]
            received.append(per_frame * valid[:, t, None])
        weights = sum(received).masked_fill(~valid, float("-inf")).softmax(-1)  # (B, T)
        pooled = sum(weights[:, t, None, None] * attended[t] for t in range(frames))  # Eq. 11
        return target + self.output(pooled), weights

    def step(
        self, target: Tensor, query: Tensor, key: Tensor, value: Tensor, past: Past, cosine: bool
    ) -> tuple[Tensor, AttentionBlocks, AttentionBlocks]:
        """The same for the newest frame of a stream: only its own pairs with the earlier frames are computed.

        Args:
            target: (1, P, C_v) the frame's features.
            query, key, value: (1, G, d), (1, P, d), (1, G, d_v) of the frame.
            past: of the frames before it.
            cosine: whether `ClipProjection` bounds the logits, so that exp needs no row maximum.

        Returns:
            (1, P, C_v) the updated features; the blocks of the frame's keys with the queries of each earlier frame and,
            last, its own (L + 1); the blocks of each earlier frame's keys with the frame's queries (L).
        """
        # Sum before slicing, and reduce axes of length L only by matrix products, so that the ONNX is valid for L = 0.
        row = _blocks(key, torch.cat([past.query, query]), torch.cat([past.value, value]), cosine)
        column = _blocks(past.key, query, value, cosine)

        own = row.logsum.softmax(0)  # (L + 1, P) each frame's share for the new keys
        new = (column.logsum - past.logsum).sigmoid()  # (L, P) the new frame's share for the earlier keys
        earlier = past.attended + new[..., None] * (column.attended - past.attended)
        attended = torch.cat([earlier, (own[..., None] * row.attended).sum(0, keepdim=True)])  # Eq. 9-10
        by_past = (past.shares.flatten(1) @ (1 - new).flatten()[:, None])[:, 0] + own.sum(-1)[:-1]
        by_new = torch.cat([new, own[-1:]]).sum()[None]
        weights = (torch.cat([by_past, by_new])[None] / key.shape[1]).softmax(-1)  # (1, L + 1)
        pooled = (weights @ attended.flatten(1)).unflatten(1, attended.shape[1:])  # Eq. 11
        return target + self.output(pooled), row, column


def _blocks(key: Tensor, query: Tensor, value: Tensor, cosine: bool) -> AttentionBlocks:
    """Blocks of keys (F, P, d) with queries and values (F, G, .); a single frame on one side pairs with all others."""
    logits = key @ query.transpose(1, 2)
    shift = None if cosine else logits.amax(-1, keepdim=True)
    weights = (logits if shift is None else logits - shift).exp()
    # ONNX Runtime cannot reduce an empty tensor (L = 0) and drop the axis, so an index drops it.
    total = weights.sum(-1, keepdim=True)[..., 0]
    logsum = total.log() if shift is None else total.log() + shift[..., 0]
    return AttentionBlocks(logsum, weights @ value / total[..., None])
