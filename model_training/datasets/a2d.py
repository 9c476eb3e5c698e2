"""A2D-Sentences: the videos of A2D, sentences about their actors, and masks of some frames in HDF5."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import h5py
import numpy as np

from model_training.datasets.files import expected, first_existing, read_table, read_text
from model_training.datasets.frames import Frames, ImageFiles, VideoFile, numbered
from model_training.datasets.sample import Expression, Reader, Record
from refseg_ros.media.files import in_order

SUBSETS = {"0": "train", "1": "test"}
"""Value in the last column of `videoset.csv` -> split."""

FRAME_FOLDERS = ("Release/frames", "Release/pngs320H")
"""Folders of extracted frames, `VIDEO/00001.png`; used instead of the videos if they exist."""

VIDEO_FOLDERS = ("Release/clips320H", "Release/CLIPS320")

WHAT = "A2D-Sentences: a2d_annotation.txt, a2d_annotation_with_instances/, Release/videoset.csv, Release/clips320H/"


def read_annotation(path: Path) -> list[tuple[str, int, str]]:
    """(video, instance, sentence) of each row of `a2d_annotation.txt`.

    One row of the published file has the instance "1 (copy)" by mistake; it is skipped.

    Raises:
        ValueError, OSError: the message names the file.
    """
    found = []
    for line, row in read_table(path, ("video_id", "instance_id", "query"), WHAT):
        if row["instance_id"] == "1 (copy)":
            continue
        try:
            found.append((row["video_id"], int(row["instance_id"]), row["query"].strip()))
        except ValueError:
            raise ValueError(
                f"{path}, line {line}: {row['video_id']} has an instance {row['instance_id']!r}, no number"
            ) from None
    return found


class A2DSentences(Reader):
    """A record is an annotated frame with the sentences about its actors.

    Videos in `a2d_missed_videos.txt` are left out. A sentence belongs to the frames whose instance ids include its
    actor. If an id occurs twice, the mask is the union of both masks.

    Args:
        folder: holds `Release/`, and the annotations either directly or in `text_annotations/`.

    Raises:
        ValueError, OSError: the message names the file.
    """

    name = "A2D-Sentences"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        texts = folder if (folder / "a2d_annotation.txt").exists() else folder / "text_annotations"
        sentences: dict[str, list[tuple[int, str]]] = {}
        for video, instance, text in read_annotation(texts / "a2d_annotation.txt"):
            sentences.setdefault(video, []).append((instance, text))
        videos = _videos(folder / "Release" / "videoset.csv")
        missed = set(read_text(texts / "a2d_missed_videos.txt", WHAT).split())
        self._truth = expected(texts / "a2d_annotation_with_instances", WHAT)
        self._source = first_existing([folder / name for name in (*FRAME_FOLDERS, *VIDEO_FOLDERS)], WHAT)
        if unknown := sorted(sentences.keys() - videos.keys() - missed):
            raise ValueError(f"{folder}/Release/videoset.csv: has no video {unknown[0]}, a2d_annotation.txt has")
        records: list[Record] = []
        for video, (split, count) in videos.items():
            if video in sentences and video not in missed:
                records += self._of_video(video, split, count, sentences[video])
        self.records = tuple(records)

    def _of_video(self, video: str, split: str, count: int, sentences: list[tuple[int, str]]) -> list[Record]:
        frames = self._frames(video, count)
        numbered = [(instance, text, f"{video}/{instance}/{n}") for n, (instance, text) in enumerate(sentences)]
        records = []
        for path in in_order(expected(self._truth / video, WHAT).glob("*.h5")):
            shown, _ = _instances(path)
            instances = sorted({instance for instance, _ in sentences} & set(shown.tolist()))
            expressions = tuple(
                Expression(text, known_as, instances.index(instance))
                for instance, text, known_as in numbered
                if instance in instances
            )
            if not expressions:
                continue
            if not path.stem.isdecimal() or not 1 <= int(path.stem) <= len(frames):
                raise ValueError(f"{path}: the number of a frame from 1 to {len(frames)} was expected as its name")
            name, truth = f"{video}/{path.stem}", tuple((path, instance) for instance in instances)
            records.append(Record(name, split, expressions, frames, int(path.stem) - 1, truth))
        return records

    def _frames(self, video: str, count: int) -> Frames:
        if self._source.name in ("frames", "pngs320H"):
            return ImageFiles(numbered(self._source / video, (".png", ".jpg")))
        return VideoFile(expected(self._source / f"{video}.mp4", WHAT), count)

    def masks(self, record: Record) -> np.ndarray:
        """See `Reader.masks`. The files are in MATLAB's column order: (n, W, H), or (W, H) for a single mask."""
        (path,) = self.truth_files(record)
        shown, found = _instances(path)
        with h5py.File(path, "r") as file:
            stored = np.asarray(file["reMask"])
        stored = stored[None] if stored.ndim == 2 else stored
        if stored.ndim != 3 or len(stored) != found:
            raise ValueError(f"{path}: reMask is {stored.shape}, not one mask for each of {found} instances")
        upright = stored.transpose(0, 2, 1) > 0
        return np.stack([upright[shown == instance].any(axis=0) for _, instance in record.truth or ()])

    def _fitted(self, record: Record, masks: np.ndarray, height: int, width: int) -> np.ndarray:
        """Resize the masks if the frames were extracted at another size."""
        if masks.shape[1:] != (height, width) and abs(masks.shape[2] * height / (masks.shape[1] * width) - 1) < 0.02:
            size, how = (width, height), cv2.INTER_NEAREST_EXACT
            masks = np.stack([cv2.resize(mask.astype(np.uint8), size, interpolation=how) > 0 for mask in masks])
        return super()._fitted(record, masks, height, width)


def _videos(path: Path) -> dict[str, tuple[str, int]]:
    """Video -> (split, number of frames) from `videoset.csv`, which has no header."""
    rows = [row for row in csv.reader(read_text(path, WHAT).splitlines()) if any(map(str.strip, row))]
    try:
        return {row[0]: (SUBSETS[row[8].strip()], max(1, int(float(row[6])))) for row in rows}
    except (IndexError, KeyError, ValueError, OverflowError) as error:
        raise ValueError(f"{path}: not nine columns with frames (7th) and subset 0 or 1 (9th): {error!r}") from None


def _instances(path: Path) -> tuple[np.ndarray, int]:
    """The instance ids of the masks of a frame, and the number of masks."""
    try:
        with h5py.File(path, "r") as file:
            ids = np.asarray(file["instance"]).ravel().astype(np.int64)
            if "reMask" not in file:
                raise KeyError("reMask")
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not the HDF5 file with instance and reMask expected there ({error})") from None
    return ids, len(ids)
