"""Masks and truth as the released code of CSTM scores them, for figures beside published ones [code].

Both ways are kinder to a mask: it is never empty, and the truth grows by up to a pixel of the input. But a thing that
is thinner than the distance of two samples may vanish from the truth. Here a network's logits come back to the video in
one step, and not as a mask by nearest neighbours. LBDT's code has the same truth, but a fixed threshold, and what it
calls F is the dice of masks, not the measure of contours that `evaluate` prints.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from refseg_ros.engines.manifest import Input


def above_half_of_the_peak(logits: np.ndarray) -> np.ndarray:
    """The pixels (H, W) bool whose probability is more than half of the largest one; logits are (H, W) float32."""
    shares = torch.as_tensor(logits).sigmoid()
    return (shares > 0.5 * shares.max()).numpy()


def dilated(truth: np.ndarray, size: Input) -> np.ndarray:
    """A true mask (H, W) bool that went to the input and back.

    It is sampled at the pixels of the input bilinearly, corner on corner. Each sample with any share of the truth
    counts. Then it comes back by nearest neighbours.
    """
    whole = torch.as_tensor(truth, dtype=torch.float32)[None, None]
    touched = F.interpolate(whole, (size.height, size.width), mode="bilinear", align_corners=True) > 0
    return F.interpolate(touched.float(), truth.shape, mode="nearest")[0, 0].numpy() > 0
