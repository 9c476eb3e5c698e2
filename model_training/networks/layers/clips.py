"""A clip of a fixed number of frames from what there is."""

from __future__ import annotations

import torch
from torch import Tensor

from model_training.networks.base import Window


def window_of(past: Tensor, now: Tensor, window: Window) -> Tensor:
    """The frames of a window in the order of time.

    (L, ...) before the target, the oldest first, and the target (1, ...) -> (T, ...).
    Indices are clamped one by one, as at the ends of a video: where L is smaller than `window.before` the oldest frame
    stands for those before it, and the target for those after it.
    """
    frames = torch.cat([past, now])
    last = past.shape[0]
    places = torch.arange(-window.before, window.after + 1, device=now.device) + last
    return frames[places.clamp(min=0).minimum(torch.full_like(places, last))]


def whole_window(clip: Tensor, window: Window) -> Tensor:
    """(B, T, ...) as `System.forward` takes it -> (B, window.frames, ...) in the order of time."""
    if clip.shape[1] == window.frames:
        before, after, target = clip.split((window.before, window.after, 1), 1)
        return torch.cat([before, target, after], 1)
    by_time = clip.transpose(0, 1)
    return window_of(by_time[:-1], by_time[-1:], window).transpose(0, 1)
