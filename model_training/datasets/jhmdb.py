"""JHMDB-Sentences: frames of JHMDB, one sentence per video, and puppet masks; all of it is a test set."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from model_training.datasets.files import expected, read_json, read_table
from model_training.datasets.frames import ImageFiles, numbered
from model_training.datasets.matlab import matrix_shape, read_matrix
from model_training.datasets.sample import Expression, Reader, Record

FRAMES_OF_A_VIDEO = 3
"""Target frames per video, evenly spaced. The paper does not say which frames it used."""

CHOSEN = "jhmdb_sentences_samples_metadata.json"
"""If the folder holds this file of the MTTR project, its frames are used: three random ones per video, as in later
papers.
"""

WHAT = "JHMDB-Sentences: jhmdb_annotation.txt, Rename_Images/, puppet_mask/"


class JHMDBSentences(Reader):
    """A record is a target frame with the sentences about its video; the published list has one for each video.

    Masks may end before the video; frames after the last mask are neither targets nor part of a clip.

    Args:
        folder: holds `jhmdb_annotation.txt`, `Rename_Images/ACTION/VIDEO/00001.png` and
            `puppet_mask/ACTION/VIDEO/puppet_mask.mat`.

    Raises:
        ValueError, OSError: the message names the file.
    """

    name = "JHMDB-Sentences"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        rows = read_table(folder / "jhmdb_annotation.txt", ("video_id", "query"), WHAT)
        frames = {path.name: path for path in expected(folder / "Rename_Images", WHAT).glob("*/*")}
        masks = {path.name: path for path in expected(folder / "puppet_mask", WHAT).glob("*/*")}
        chosen = read_choice(folder / CHOSEN) if (folder / CHOSEN).exists() else None
        sentences: dict[str, list[str]] = {}
        for _, row in rows:
            sentences.setdefault(row["video_id"], []).append(row["query"].strip())
        records: list[Record] = []
        for video, texts in sentences.items():
            names = [video] if len(texts) == 1 else [f"{video}/{number}" for number in range(len(texts))]
            expressions = tuple(Expression(text, name, 0) for text, name in zip(texts, names, strict=True))
            if video not in frames:
                raise FileNotFoundError(f"{folder}/Rename_Images/ACTION/{video}: expected, but not there ({WHAT})")
            if video not in masks:
                raise FileNotFoundError(f"{folder}/puppet_mask/ACTION/{video}: expected, but not there ({WHAT})")
            truth = masks[video] / "puppet_mask.mat"
            shape = matrix_shape(truth, "part_mask")
            paths = numbered(frames[video], (".png",))[: shape[2] if len(shape) == 3 else 1]
            clip = ImageFiles(paths)
            for target in _spread(len(paths)) if chosen is None else chosen.get(video, []):
                if not 0 <= target < len(paths):
                    raise ValueError(f"{folder / CHOSEN}: {video} has no masked frame {target + 1}, only {len(paths)}")
                name = f"{video}/{paths[target].stem}"
                records.append(Record(name, "test", expressions, clip, target, (truth,)))
        self.records = tuple(records)

    def masks(self, record: Record) -> np.ndarray:
        """See `Reader.masks`."""
        array = read_matrix(self.truth_files(record)[0], "part_mask", (2, 3))
        return np.atleast_3d(array)[None, ..., record.target] > 0  # MATLAB drops the last axis of a single mask

    def truth_files(self, record: Record) -> tuple[Path, ...]:
        """See `Reader.truth_files`."""
        return record.truth or ()


def _spread(count: int) -> list[int]:
    """The middle frames of FRAMES_OF_A_VIDEO equal parts."""
    return sorted({(2 * part + 1) * count // (2 * FRAMES_OF_A_VIDEO) for part in range(FRAMES_OF_A_VIDEO)})


def read_choice(path: Path) -> dict[str, list[int]]:
    """Video -> indices of its target frames, from a file [[video, path of a frame, ...], ...] that counts from 1.

    Raises:
        ValueError, OSError: the message names the file.
    """
    found: dict[str, list[int]] = {}
    try:
        for video, frame, *_ in read_json(path, "a choice of frames"):
            found.setdefault(video, []).append(int(Path(frame).stem) - 1)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a list of [video, path of a frame, ...] ({error})") from None
    return found
