"""The letterbox: fits an image of any size into the network's input, and brings logits back to the image.

Training and runtime both use this module, so the network sees on the robot what it was trained on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np


def check_image(image: np.ndarray, maximum_side: int) -> None:
    """Check that an image is (H, W, 3) uint8 with sides of 1 to `maximum_side` pixels.

    Raises:
        ValueError: it is not; the message says what was given and what is expected.
    """
    if not isinstance(image, np.ndarray):
        raise ValueError(f"an image must be a NumPy array (height, width, 3) uint8, this is a {type(image).__name__}")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"an image must be (height, width, 3) uint8 RGB, this is {image.shape} {image.dtype}")
    height, width = image.shape[:2]
    if min(height, width) < 1 or max(height, width) > maximum_side:
        raise ValueError(f"an image of {width} x {height} pixels is refused: each side must have 1 to {maximum_side}")


@dataclass(frozen=True)
class Letterbox:
    """A source image scaled to fit into the input, aspect kept, and centred there. All in pixels."""

    source_height: int
    source_width: int
    input_height: int
    input_width: int
    inner_height: int
    inner_width: int
    top: int
    left: int

    @classmethod
    def fit(cls, source_height: int, source_width: int, input_height: int, input_width: int) -> Letterbox:
        """Compute the letterbox of a source size in an input size; the inner image has at least one pixel per side."""
        scale = min(input_height / source_height, input_width / source_width)
        inner_height = min(input_height, max(1, round(source_height * scale)))
        inner_width = min(input_width, max(1, round(source_width * scale)))
        top, left = (input_height - inner_height) // 2, (input_width - inner_width) // 2
        return cls(source_height, source_width, input_height, input_width, inner_height, inner_width, top, left)

    def apply(self, image: np.ndarray, padding: int) -> np.ndarray:
        """Put an image into the input: area average if it shrinks, bilinear if it grows.

        Args:
            image: (source_height, source_width, 3) uint8, or a mask (source_height, source_width) uint8.
            padding: grey level around it, 0 to 255; 0 for a mask.

        Returns:
            (input_height, input_width, 3) uint8; (input_height, input_width) for a mask.
        """
        shrinks = self.inner_height < self.source_height or self.inner_width < self.source_width
        interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        inner = cv2.resize(image, (self.inner_width, self.inner_height), interpolation=interpolation)
        if inner.shape[:2] == (self.input_height, self.input_width):
            return inner
        canvas = np.full((self.input_height, self.input_width, *image.shape[2:]), padding, np.uint8)
        canvas[self.top : self.top + self.inner_height, self.left : self.left + self.inner_width] = inner
        return canvas

    def restore(self, logits: np.ndarray) -> np.ndarray:
        """Bring logits from the input back to the source image, bilinearly, in one step.

        Args:
            logits: (h, w) float32 over the whole input; any h and w, cells need not align with the inner image.

        Returns:
            (source_height, source_width) float32. Logits centred in the padding have no influence.
        """
        height, width = logits.shape
        rows, step_y, start_y = _axis(height, self.input_height, self.top, self.inner_height, self.source_height)
        columns, step_x, start_x = _axis(width, self.input_width, self.left, self.inner_width, self.source_width)
        to_logits = np.array([[step_x, 0.0, start_x], [0.0, step_y, start_y]])
        return cv2.warpAffine(
            np.ascontiguousarray(logits[rows, columns]),
            to_logits,
            (self.source_width, self.source_height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )


def _axis(cells: int, input_side: int, offset: int, inner_side: int, source_side: int) -> tuple[slice, float, float]:
    """One axis of `Letterbox.restore`.

    Returns:
        The logit cells whose centre lies in the inner image (at least one), and step and start of the map from a source
        pixel to a position among these cells, both counted by their centres.
    """
    per_pixel = cells / input_side
    begin, end = offset * per_pixel, (offset + inner_side) * per_pixel
    first, last = math.ceil(begin - 0.5), math.floor(end - 0.5)
    if last < first:
        first = last = min(cells - 1, math.floor((begin + end) / 2))
    step = inner_side / source_side * per_pixel
    return slice(first, last + 1), step, begin + step / 2 - 0.5 - first
