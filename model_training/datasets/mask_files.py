"""Masks in image files: of one thing, all that is not black, or of several, whose ids are the pixel values."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from model_training.datasets.files import expected
from refseg_ros.images.encodings import ImageError
from refseg_ros.images.headers import header_of
from refseg_ros.images.pictures import decode_picture

LOSSY = {"JPEG": "a JPEG", "JPEG 2000": "a JPEG 2000", "AVIF": "an AVIF"}
"""Kinds of pictures that blur the edges of what is drawn."""


def read_mask(path: Path) -> np.ndarray:
    """Read a mask file of any depth as (H, W) bool: True where any colour channel is above zero and alpha, if any, too.

    Raises:
        FileNotFoundError: the file is missing.
        ValueError: it is no image, not a whole one, or of a lossy kind, which keeps no exact black.
    """
    pixels = _decoded(path, _exact(path))
    if pixels.ndim == 2:
        return pixels > 0
    return (pixels[..., :3] > 0).any(axis=2) & (pixels[..., 3:] > 0).all(axis=2)


def read_ids(path: Path) -> np.ndarray:
    """Read a mask of instance ids, (H, W) int32: palette entries, or grey levels of 8 or 16 bits.

    Grey may be written as three equal channels.

    Raises:
        FileNotFoundError: the file is missing.
        ValueError: it is not an image, a colour image, or of a lossy kind, which keeps no exact numbers.
    """
    data = _exact(path)
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.mode in ("P", "L", "1", "I") or image.mode.startswith("I;16"):
                return np.asarray(image).astype(np.int32)
    except UnidentifiedImageError:
        raise ValueError(f"{path}: not an image that can be read; fetch it again") from None
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path}: not an image that can be read ({error})") from None
    pixels = _decoded(path, data)
    if image.mode != "RGB" or pixels.ndim != 3 or (pixels != pixels[..., :1]).any():
        raise ValueError(
            f"{path}: a palette or grey levels were expected as ids of things, this has colours ({image.mode})"
        )
    return pixels[..., 0].astype(np.int32)


def _exact(path: Path) -> bytes:
    """The content of a file that keeps each pixel as it was drawn."""
    data = expected(path).read_bytes()
    header = header_of(data)
    kind = LOSSY.get(header.kind) if header else None
    if header and header.kind == "WebP" and _has_lossy_part(data):
        kind = "a lossy WebP"
    if kind:
        raise ValueError(f"{path}: {kind} keeps no exact black and no exact numbers, so it is no mask; save it as PNG")
    return data


def _has_lossy_part(webp: bytes) -> bool:
    """Whether a chunk of a WebP, or of its frames, is of the lossy kind."""
    place = 12
    while place + 8 <= len(webp):
        name, size = webp[place : place + 4], int.from_bytes(webp[place + 4 : place + 8], "little")
        if name == b"VP8 ":
            return True
        place += 8 + 16 if name == b"ANMF" else 8 + size + size % 2  # a frame has its own chunks behind 16 bytes
    return False


def _decoded(path: Path, data: bytes) -> np.ndarray:
    try:
        return decode_picture(data, cv2.IMREAD_UNCHANGED)
    except ImageError as error:
        raise ValueError(f"{path}: {error}") from error
