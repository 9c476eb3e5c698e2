"""Which format a folder has, told by its files."""

from __future__ import annotations

from pathlib import Path

from model_training.datasets import a2d, jhmdb, own_frames, referit, referring_videos
from model_training.datasets.refer import Refer, refs_files
from model_training.datasets.sample import Reader

SIGNS = {
    "UNC, UNC+, G-Ref": "refs(unc).p",
    "ReferIt": "referit_query_trainval.json",
    "A2D-Sentences": "a2d_annotation.txt",
    "JHMDB-Sentences": "jhmdb_annotation.txt",
    "Ref-YouTube-VOS, Ref-DAVIS17": "meta_expressions/train/meta_expressions.json",
    "own frames": own_frames.TABLE,
}
"""Format -> the file that it is told by."""


def open_folder(folder: Path, images: Path | None = None) -> list[Reader]:
    """All data sets of a folder: those in itself, else those in its folders.

    Args:
        folder: as people have it; docs/datasets.md shows the layouts.
        images: where the images of COCO lie, for UNC, UNC+ and G-Ref, if not in a usual place.

    Raises:
        ValueError, OSError: no data set is there, or one that is not whole; the message names the file expected.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder")
    found = _in(folder, images)
    if not found:
        found = [reader for part in sorted(folder.iterdir()) if part.is_dir() for reader in _in(part, images)]
    if not found:
        wanted = ", ".join(f"{file} ({name})" for name, file in SIGNS.items())
        raise FileNotFoundError(f"{folder}: no data set is told by its files; expected is one of: {wanted}")
    return found


def _in(folder: Path, images: Path | None) -> list[Reader]:
    found: list[Reader] = [Refer(path, images) for path in refs_files(folder)]
    if referit.query_files(folder):
        found.append(referit.ReferIt(folder))
    if (folder / "a2d_annotation.txt").exists() or (folder / "text_annotations" / "a2d_annotation.txt").exists():
        found.append(a2d.A2DSentences(folder))
    if (folder / "jhmdb_annotation.txt").exists():
        found.append(jhmdb.JHMDBSentences(folder))
    if referring_videos.meta_files(folder):
        found.append(referring_videos.ReferringVideos(folder))
    if (folder / own_frames.TABLE).exists():
        found.append(own_frames.OwnFrames(folder))
    return found
