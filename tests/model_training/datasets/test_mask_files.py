"""Mask files of all kinds: what is black, what has ids, and what keeps neither."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from model_training.datasets.mask_files import read_ids, read_mask
from tests.model_training.datasets.writers import BOXES, picture


@pytest.mark.parametrize("value", [1, 112, 255, 256, 65535])
@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_a_mask_of_16_bits_shows_what_it_holds(tmp_path: Path, value: int, suffix: str) -> None:
    """Ids up to 255 vanish where 16 bits become 8."""
    path = tmp_path / f"mask{suffix}"
    assert cv2.imwrite(str(path), BOXES[0].astype(np.uint16) * np.uint16(value))
    np.testing.assert_array_equal(read_mask(path), BOXES[0])
    if suffix == ".png":
        np.testing.assert_array_equal(read_ids(path), BOXES[0] * value)


@pytest.mark.parametrize("hidden", [(255, 255, 255), (0, 0, 0)])
def test_what_is_transparent_in_a_mask_is_not_the_thing(tmp_path: Path, hidden: tuple[int, int, int]) -> None:
    """As drawing programs save a layer: the colour of what nobody sees may be any."""
    pixels = np.full((*BOXES[0].shape, 4), (*hidden, 0), np.uint8)
    pixels[BOXES[0] > 0] = 255
    path = tmp_path / "mask.png"
    assert cv2.imwrite(str(path), pixels)
    np.testing.assert_array_equal(read_mask(path), BOXES[0] > 0)


@pytest.mark.parametrize(
    ("kind", "options", "named"),
    [
        ("JPEG", {}, "a JPEG"), ("WEBP", {}, "a lossy WebP"), ("WEBP", {"exif": Image.Exif()}, "a lossy WebP"),
        ("WEBP", {"save_all": True, "append_images": [Image.fromarray(picture(1))]}, "a lossy WebP"),
        ("AVIF", {}, "an AVIF"), ("JPEG2000", {}, "a JPEG 2000"),
    ],
)  # fmt: skip
def test_a_lossy_picture_is_no_mask(kind: str, options: dict, named: str, tmp_path: Path) -> None:
    """Its black is not exact beside an edge, and would be taken for the thing."""
    path = tmp_path / "mask.png"
    pixels = Image.fromarray(np.repeat(BOXES[0][..., None], 3, 2).astype(np.uint8) * 255)
    pixels.save(path, kind, **options)
    for read in (read_mask, read_ids):
        with pytest.raises(ValueError, match=rf"mask\.png: {named} keeps no exact black"):
            read(path)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "GIF", "BMP"])
def test_an_exact_picture_is_a_mask(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "mask"
    Image.fromarray(BOXES[0].astype(np.uint8) * 255).save(path, kind, **({"lossless": True} if kind == "WEBP" else {}))
    np.testing.assert_array_equal(read_mask(path), BOXES[0])


@pytest.mark.parametrize("bits", [8, 16])
def test_grey_in_three_channels_has_ids(bits: int, tmp_path: Path) -> None:
    path = tmp_path / "labels.png"
    ids = BOXES[0].astype(f"uint{bits}") + 2 * BOXES[1].astype(f"uint{bits}")
    assert cv2.imwrite(str(path), np.repeat(ids[..., None], 3, 2))
    np.testing.assert_array_equal(read_ids(path), ids)
