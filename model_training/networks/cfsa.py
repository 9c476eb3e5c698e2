"""Cross-frame self-attention (Sec. 3.4, Eq. 9-11): one clip's features at one level, pooled into the target frame's."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_training.networks.cmsa import MAX_SCALE, NORM_EPSILON


class ClipProjection(nn.Module):
    """v_tp -> query, key and value of CFSA. Depends on one frame alone, so a stream computes it once per frame.

    Args:
        inputs: channels of a position's feature, C_v (with the coordinates, C_v + 8).
        channels: of query, key and value.
        bounded: queries and keys of unit length, keys times a learnable scale of at most MAX_SCALE.
    """

    def __init__(self, inputs: int, channels: int, bounded: bool = False) -> None:
        super().__init__()
        self.project = nn.Linear(inputs, 3 * channels)
        self.scale = nn.Parameter(torch.tensor(4.0)) if bounded else None

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, P, C) -> query, key, value, each (B, P, d)."""
        query, key, value = self.project(features).chunk(3, -1)
        if self.scale is not None:
            query, key = (F.normalize(part, dim=-1, eps=NORM_EPSILON) for part in (query, key))
            key = self.scale.clamp(max=MAX_SCALE) * key
        return query, key, value


class CrossFrameSelfAttention(nn.Module):
    """V_t := V_t + W V^ for the target frame t.

    There is no term for the order in time, so the slots of a ring may hold the frames in any order. Differs from the
    paper: an output projection W takes V^ back to C_v channels (it starts at zero, so that a still-image network is not
    disturbed), and Eq. 11 is read as the attention that a frame receives, as Eq. 4 is.
    """

    def __init__(self, features: int, channels: int) -> None:
        super().__init__()
        self.output = nn.Linear(channels, features)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, target: Tensor, query: Tensor, key: Tensor, value: Tensor, valid: Tensor) -> Tensor:
        """One level of one clip each.

        Args:
            target: (B, P, C_v) the target frame's features.
            query, key, value: (B, T, P, d) of all frames of the clip, the target's among them.
            valid: (B, T) bool, False for empty slots, whose content is ignored; at least one True.

        Returns:
            (B, P, C_v) the updated features.
        """
        frames, positions = query.shape[1:3]
        queries, values = query.flatten(1, 2).transpose(1, 2), value.flatten(1, 2)
        open_keys = valid[:, :, None].expand(-1, -1, positions).flatten(1)[:, None]  # (B, 1, T*P)
        received, attended = [], []
        for t in range(frames):  # a row of blocks at a time: (P, T*P) instead of (T*P)^2
            logits = (key[:, t] @ queries).masked_fill(~open_keys, float("-inf"))
            attention = logits.softmax(-1)  # Eq. 10
            attended.append(attention @ values)  # Eq. 9
            per_frame = attention.unflatten(-1, (frames, positions)).sum((1, 3)) / positions
            received.append(per_frame * valid[:, t, None])
        weights = sum(received).masked_fill(~valid, float("-inf")).softmax(-1)  # (B, T)
        pooled = sum(weights[:, t, None, None] * attended[t] for t in range(frames))  # Eq. 11
        return target + self.output(pooled)
