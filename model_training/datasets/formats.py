"""Recognises the format of a data folder by its files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from model_training.datasets import a2d, jhmdb, labelled_frames, own_frames, photos, referit, referring_videos
from model_training.datasets.instances import INSTANCES
from model_training.datasets.refer import Refer, refs_files
from model_training.datasets.sample import Reader
from refseg_ros.media.own_frames import TABLE

SIGNS = {
    "UNC, UNC+, G-Ref": "refs(unc).p",
    "ReferIt": "referit_query_trainval.json",
    "A2D-Sentences": "a2d_annotation.txt",
    "JHMDB-Sentences": "jhmdb_annotation.txt",
    "Ref-YouTube-VOS, Ref-DAVIS17": "meta_expressions/train/meta_expressions.json",
    "photos with instances in the format of COCO": INSTANCES,
    "labelled frames of a table": labelled_frames.LABELS,
    "labelled frames of a shelf": labelled_frames.SHELF,
    "own frames": TABLE,
}
"""Format -> the file by which it is recognised."""


def open_folder(folder: Path, images: Path | None = None, dataset: str = "") -> list[Reader]:
    """Open the data sets in a folder, or else those in its subfolders, to learn or to score them.

    Args:
        folder: as in `open_every_list`.
        images: as there.
        dataset: name of the one to open; if none has this name, all are opened.

    Raises:
        ValueError, OSError: as there; or several are lists of the same images, and one trains on what another tests.
    """
    opened = open_every_list(folder, images)
    found = [reader for reader in opened if reader.name == dataset][:1] or opened
    lists: dict[Path, list[Refer]] = {}
    for reader in found:
        if isinstance(reader, Refer):
            lists.setdefault(reader.folder, []).append(reader)
    for place, several in lists.items():
        if len(several) > 1:
            choices = " or ".join(f"'{one.refs}' ({one.name})" for one in several)
            raise ValueError(
                f"{place}: holds several lists of the same images, and what one trains on another tests; "
                f"give one list in place of the folder: {choices}"
            )
    return found


def open_every_list(folder: Path, images: Path | None = None) -> list[Reader]:
    """Open all data sets in a folder, or else in its subfolders, to inspect them, even lists of the same images.

    Records without an expression are left out.

    Args:
        folder: in a published layout; docs/datasets.md shows the layouts. Or a `refs` file of such a folder, for this
            list alone.
        images: folder of COCO's images, for UNC, UNC+ and G-Ref, if not in a usual place.

    Raises:
        ValueError, OSError: there is no data set, or an incomplete one, or one without an expression; the message names
            the expected file.
    """
    alone = _is_list(folder)
    if not alone and not folder.is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder")
    found: list[Reader] = [Refer(folder, images)] if alone else _in(folder, images)
    if not found:
        found = [reader for part in sorted(folder.iterdir()) if part.is_dir() for reader in _in(part, images)]
    if not found:
        wanted = ", ".join(f"{file} ({name})" for name, file in SIGNS.items())
        raise FileNotFoundError(f"{folder}: no data set is known by its files; expected is one of: {wanted}")
    for reader in found:
        _leave_out_silent(reader)
    return found


def is_data_set(path: Path) -> bool:
    """Whether a path is one that `open_every_list` would open for what it holds itself, not in its subfolders."""
    return _is_list(path) or bool(_openers(path, None))


def _is_list(path: Path) -> bool:
    return path in refs_files(path.parent)


def _leave_out_silent(reader: Reader) -> None:
    """Leave out records without expressions, because no batch can be made of them."""
    spoken = tuple(record for record in reader.records if record.expressions)
    if not spoken:
        raise ValueError(f"{reader.folder}: {reader.name} has no expressions, so there is nothing to learn or score")
    silent = [record.id for record in reader.records if not record.expressions]
    if silent:
        reader.remarks += (f"left out, because nothing is said of them: {len(silent)}, first {silent[0]}",)
    reader.records = spoken


def _in(folder: Path, images: Path | None) -> list[Reader]:
    return [opened() for opened in _openers(folder, images)]


def _openers(folder: Path, images: Path | None) -> list[Callable[[], Reader]]:
    """What opens each data set in a folder; nothing is read before."""
    found: list[Callable[[], Reader]] = [partial(Refer, path, images) for path in refs_files(folder)]
    if referit.query_files(folder):
        found.append(partial(referit.ReferIt, folder))
    if (folder / "a2d_annotation.txt").exists() or (folder / "text_annotations" / "a2d_annotation.txt").exists():
        found.append(partial(a2d.A2DSentences, folder))
    if (folder / "jhmdb_annotation.txt").exists():
        found.append(partial(jhmdb.JHMDBSentences, folder))
    if referring_videos.meta_files(folder):
        found.append(partial(referring_videos.ReferringVideos, folder))
    if not found and (folder / INSTANCES).exists():
        found.append(partial(photos.Photos, folder, images))
    if (folder / labelled_frames.LABELS).exists() or (folder / labelled_frames.SHELF).exists():
        found.append(partial(labelled_frames.LabelledFrames, folder))
    if (folder / TABLE).exists():
        found.append(partial(own_frames.OwnFrames, folder))
    return found
