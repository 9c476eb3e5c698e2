"""The output of the demonstration: a picture per expression, a contact sheet, and a video."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from refseg_ros.demo.processes import DemoError
from refseg_ros.demo.table import Row
from refseg_ros.files import write_bytes
from refseg_ros.media.files import write_png, writing_video
from refseg_ros.media.overlay import COLOURS, heading_height

PICTURE, SHEET, VIDEO = "expression_{}.png", "contact_sheet.png", "video.mp4"
COLUMNS = 4
TILE_WIDTH = 480
LARGEST_VIDEO = (1280, 960)
GAP = 6
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_TRUTH = (255, 0, 255)
"""RGB of the truth's outline; no verdict and hardly any thing has this colour."""
_THIN, _THICK = 1, 5
"""Pixels of the truth's outline and of the answer's below it, which shows on both sides."""


def prepare(folder: Path, source: str) -> None:
    """Make the folder. Files of an earlier run stay until new ones replace them.

    Raises:
        DemoError: the folder is not writable, or the pictures would overwrite the camera's source.
    """
    shown = Path(source).resolve()
    written = shown.name in (SHEET, VIDEO) or shown.match(PICTURE.format("*"))
    if source and (shown == folder.resolve() or (shown.parent == folder.resolve() and written)):
        raise DemoError(f"{source} would be written over by the output; choose another folder with --out (OUT=)")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes(folder / "camera_node.log", b"")
    except OSError as error:
        raise DemoError(
            f"cannot write in {folder}: {error.strerror}; choose another folder with --out (OUT=)"
        ) from error


def write_pictures(folder: Path, rows: Sequence[Row]) -> None:
    """Write expression_01.png, ... as the node drew them, and contact_sheet.png with the truth beside the answers.

    Pictures with higher numbers, left by an earlier run with more expressions, are removed.
    """
    for number, row in enumerate(rows, 1):
        write_png(_picture(folder, number), row.overlay)
    number = len(rows) + 1
    while (old := _picture(folder, number)).exists():
        old.unlink()
        number += 1
    tiles = [_tile(row) for row in rows]
    height = max(tile.shape[0] for tile in tiles)
    columns = min(COLUMNS, len(tiles))
    lines = math.ceil(len(tiles) / columns)
    sheet = np.full((lines * (height + GAP) + GAP, columns * (TILE_WIDTH + GAP) + GAP, 3), 255, np.uint8)
    for index, tile in enumerate(tiles):
        y, x = GAP + index // columns * (height + GAP), GAP + index % columns * (TILE_WIDTH + GAP)
        sheet[y : y + tile.shape[0], x : x + TILE_WIDTH] = tile
    write_png(folder / SHEET, sheet)


def write_video(folder: Path, frames: Sequence[np.ndarray], rate: float) -> None:
    """Write video.mp4 from (H, W, 3) uint8 RGB frames, all resized to the size of the first.

    Raises:
        OSError: the file cannot be written.
    """
    height, width = frames[0].shape[:2]
    shrink = min(1.0, LARGEST_VIDEO[0] / width, LARGEST_VIDEO[1] / height)
    size = (max(2, int(width * shrink) // 2 * 2), max(2, int(height * shrink) // 2 * 2))
    with writing_video(folder / VIDEO, *size, rate) as append:
        for frame in frames:
            append(frame if frame.shape[1::-1] == size else cv2.resize(frame, size, interpolation=cv2.INTER_AREA))


def _picture(folder: Path, number: int) -> Path:
    return folder / PICTURE.format(f"{number:02}")


def _tile(row: Row) -> np.ndarray:
    """The overlay at the width of a tile with the answer's outline, and the truth's if it is known; a line below."""
    height, width = row.overlay.shape[:2]
    size = (TILE_WIDTH, max(1, height * TILE_WIDTH // width))
    picture = cv2.resize(row.overlay, size, interpolation=cv2.INTER_AREA)
    line = np.full((24, TILE_WIDTH, 3), 255, np.uint8)
    heading = picture[: heading_height(row.overlay) * size[1] // height].copy()  # no outline hides its words
    _outline(picture, row.mask, COLOURS[row.verdict], _THICK)
    _write(line, row.judgement(), 4, (40, 40, 40))
    if row.truth is not None and row.truth.any():
        _outline(picture, row.truth.astype(np.uint8), _TRUTH, _THIN)
        cv2.line(line, (TILE_WIDTH - 84, 12), (TILE_WIDTH - 56, 12), _TRUTH, _THIN)
        _write(line, "truth", TILE_WIDTH - 50, (40, 40, 40))
    elif row.truth is not None:
        _write(line, "truth: not there", TILE_WIDTH - 134, (40, 40, 40))
    picture[: len(heading)] = heading
    return np.vstack([picture, line])


def _outline(picture: np.ndarray, mask: np.ndarray, colour: tuple[int, int, int], width: int) -> None:
    """Draw the border of a mask, which is brought to the size of the picture."""
    scaled = cv2.resize(mask, picture.shape[1::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    border, _ = cv2.findContours(scaled, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, border, -1, colour, width)


def _write(line: np.ndarray, text: str, left: int, colour: tuple[int, int, int]) -> None:
    cv2.putText(line, text, (left, 17), _FONT, 0.5, colour, 1, cv2.LINE_AA)
