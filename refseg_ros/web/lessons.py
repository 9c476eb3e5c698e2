"""Corrections as own frames (docs/datasets.md), ready for `python -m model_training.train --frames`.

A correction under way is a draft. Image, mask and draft are on the disk from the first moment on, and after every
stroke; only `keep` writes the row that training reads. All browsers share one draft.
"""

from __future__ import annotations

import json
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from refseg_ros.files import write_bytes
from refseg_ros.images.pictures import read_picture
from refseg_ros.media.files import write_png
from refseg_ros.media.own_frames import COLUMNS, EMPTY_TABLE, SPLIT, TABLE
from refseg_ros.media.tables import Table

WHAT = "corrections are rows of a table of own frames, see docs/datasets.md"
DRAFT = "draft.json"
UNDO = 20
"""Strokes that can be taken back."""

Mask = npt.NDArray[np.uint8]


@dataclass(eq=False)
class Draft:
    """A correction under way."""

    name: str
    """File name of its image and mask, without the suffix."""
    text: str
    """The expression."""
    rgb: npt.NDArray[np.uint8]
    """(H, W, 3) RGB."""
    mask: Mask
    """(H, W), 0 or 255."""
    before: deque[Mask] = field(default_factory=lambda: deque(maxlen=UNDO))
    """Masks before the last strokes."""


class Lessons:
    """A folder of own frames that corrections are added to. For one thread.

    Attributes:
        draft: the correction under way.
    """

    def __init__(self, folder: Path) -> None:
        """Open the folder, which need not exist yet, and a draft that was left in it."""
        self.folder = folder
        self.draft: Draft | None = self._left()

    @property
    def count(self) -> int:
        """Corrections that were kept.

        Raises:
            OSError, ValueError: the table exists, but cannot be read.
        """
        return len(self._table().rows)

    def begin(self, rgb: npt.NDArray[np.uint8], text: str, mask: Mask) -> Draft:
        """Begin a correction of a mask, (H, W) uint8, on an image, (H, W, 3) uint8 RGB.

        Raises:
            OSError: it cannot be written.
        """
        name = str(time.time_ns())
        for part in ("images", "masks"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        draft = Draft(name, " ".join(text.split()), rgb.copy(), mask.copy())
        try:
            write_png(self._image(name), rgb)
            write_bytes(self._mask(name), _png(mask))
            write_bytes(self.folder / DRAFT, json.dumps({"name": name, "text": draft.text}).encode())
        except OSError:
            self._forget(name)
            raise
        self.draft = draft
        return draft

    def change(self, mask: Mask) -> None:
        """Give the draft another mask.

        Raises:
            OSError: it cannot be written; the draft stays as it was.
        """
        if self.draft is not None:
            write_bytes(self._mask(self.draft.name), _png(mask))
            self.draft.before.append(self.draft.mask)
            self.draft.mask = mask

    def undo(self) -> None:
        """Take the last change back.

        Raises:
            OSError: it cannot be written; the draft stays as it was.
        """
        if self.draft is not None and self.draft.before:
            write_bytes(self._mask(self.draft.name), _png(self.draft.before[-1]))
            self.draft.mask = self.draft.before.pop()

    def keep(self) -> None:
        """Add the draft to the table. An empty mask says that there is no such thing in the image.

        Raises:
            OSError: it cannot be written; the draft stays.
            ValueError: no row can be added to the table, because a person edited it; the draft stays.
        """
        if self.draft is None:
            return
        name = self.draft.name
        shown = bool(self.draft.mask.any())
        row = (f"{name}.png", self.draft.text, f"{name}.png" if shown else "", SPLIT)
        write_bytes(self.folder / TABLE, self._table().with_row(dict(zip(COLUMNS, row, strict=True))).data)
        self._end()
        if not shown:
            self._mask(name).unlink(missing_ok=True)

    def discard(self) -> None:
        """Forget the draft.

        Raises:
            OSError: not all of its files can be removed.
        """
        if self.draft is not None:
            name = self.draft.name
            self._end()
            self._forget(name)

    def _end(self) -> None:
        (self.folder / DRAFT).unlink(missing_ok=True)
        self.draft = None

    def _forget(self, name: str) -> None:
        for path in (self._image(name), self._mask(name)):
            path.unlink(missing_ok=True)

    def _left(self) -> Draft | None:
        """The draft that a page or a node left behind; None also where a part of it is gone."""
        try:
            told = json.loads((self.folder / DRAFT).read_text())
            name, text = str(told["name"]), str(told["text"])
            mask = read_picture(self._mask(name))[..., 0]
            return Draft(name, text, read_picture(self._image(name)), np.ascontiguousarray(mask))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _table(self) -> Table:
        """What was kept; only the header where there is nothing yet."""
        path = self.folder / TABLE
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            data = b""
        return Table.of(data or EMPTY_TABLE, path, COLUMNS[:3], WHAT)

    def _image(self, name: str) -> Path:
        return self.folder / "images" / f"{name}.png"

    def _mask(self, name: str) -> Path:
        return self.folder / "masks" / f"{name}.png"


def stroke(mask: Mask, points: npt.NDArray[np.int32], tool: str, width: int) -> Mask:
    """A mask after a stroke.

    Args:
        mask: (H, W) uint8, 0 or 255; it is not changed.
        points: (N, 2) pixels, x and y.
        tool: "brush" adds a line, "eraser" takes one away, "polygon" adds what the points surround.
        width: of the line, pixels.
    """
    changed = mask.copy()
    line = np.concatenate([points, points[-1:]]).reshape(-1, 1, 2)  # a single point is a dot
    if tool == "polygon":
        cv2.fillPoly(changed, [line], 255)
    else:
        cv2.polylines(changed, [line], False, 255 if tool == "brush" else 0, max(1, width))
    return changed


def _png(mask: Mask) -> bytes:
    return cv2.imencode(".png", mask)[1].tobytes()
