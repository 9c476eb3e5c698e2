"""The user's own frames: a folder with `expressions.csv`, `images/` and `masks/`; see docs/datasets.md."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from model_training.datasets.files import expected, read_table
from model_training.datasets.frames import ImageFiles
from model_training.datasets.mask_files import read_mask
from model_training.datasets.sample import Expression, Reader, Record
from model_training.datasets.splits import LEARNED, VALIDATION
from refseg_ros.media.own_frames import COLUMNS, SPLIT, TABLE

WHAT = f"own frames: {TABLE} with the columns {', '.join(COLUMNS[:3])}, images/ and masks/"


class OwnFrames(Reader):
    """A record is an image with its expressions of one split.

    Args:
        folder: holds TABLE, `images/` and, if any expression fits something, `masks/`. A row has a file in `images/`,
            an expression, a file in `masks/` (the thing is what is neither black nor transparent; no file if nothing
            fits), and a split.

    Raises:
        ValueError, OSError: the message names the file and, in the table, the line.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.name = folder, f"own frames of {folder.resolve().name}"
        rows = read_table(folder / TABLE, COLUMNS[:3], WHAT)
        if not rows:
            raise ValueError(f"{folder / TABLE}: has no rows yet; write one for each expression: {','.join(COLUMNS)}")
        grouped: dict[tuple[str, str], list[tuple[int, str, str]]] = {}
        for line, row in rows:
            image, text, mask = row["image"].strip(), row["expression"].strip(), row["mask"].strip()
            if not image or not text:
                raise ValueError(f"{folder / TABLE}, row {line}: needs an image and an expression")
            for part, name in (("images", image), ("masks", mask)):
                if name and (Path(name).is_absolute() or ".." in Path(name).parts):
                    raise ValueError(f"{folder / TABLE}, row {line}: {name!r} does not lie in {part}/")
            grouped.setdefault((_split(row), image), []).append((line, text, mask))
        self.records = tuple(self._record(split, image, lines) for (split, image), lines in grouped.items())

    def _record(self, split: str, image: str, lines: list[tuple[int, str, str]]) -> Record:
        masks = list(dict.fromkeys(mask for _, _, mask in lines))
        expressions = tuple(Expression(text, f"row {line}", masks.index(mask)) for line, text, mask in lines)
        path = expected(self.folder / "images" / image, f"{TABLE} row {lines[0][0]}")
        truth = tuple(self.folder / "masks" / mask if mask else None for mask in masks)
        return Record(f"{split}/{image}", split, expressions, ImageFiles((path,), as_displayed=True), truth=truth)

    def masks(self, record: Record) -> np.ndarray:
        """See `Reader.masks`."""
        files = self.truth_files(record)
        found = {path: read_mask(path) for path in files}
        shape = found[files[0]].shape if files else record.frames.read([0])[0].shape[:2]
        for path, mask in found.items():
            if mask.shape != shape:
                raise ValueError(f"{path}: another size than {files[0].name}, a mask of the same image")
        nothing = np.zeros(shape, bool)
        return np.stack([nothing if path is None else found[path] for path in record.truth or ()])

    def truth_files(self, record: Record) -> tuple[Path, ...]:
        """See `Reader.truth_files`."""
        return tuple(path for path in record.truth or () if path is not None)


def _split(row: dict[str, str]) -> str:
    """The split of a row; "Train" of a spreadsheet program is "train"."""
    said = (row.get("split") or "").strip() or SPLIT
    return said.lower() if said.lower() in (*LEARNED, *VALIDATION, "test") else said
