"""Ref-YouTube-VOS, and Ref-DAVIS17 in the same layout: `meta_expressions.json`, JPEG frames, palette PNG masks."""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np

from model_training.datasets.files import as_text, expected, read_json, whole_number
from model_training.datasets.frames import ImageFiles
from model_training.datasets.mask_files import read_ids
from model_training.datasets.sample import Expression, Reader, Record

WHAT = "Ref-YouTube-VOS: meta_expressions/SPLIT/meta_expressions.json, SPLIT/JPEGImages/, SPLIT/Annotations/"


class ReferringVideos(Reader):
    """A record is a frame with all expressions about its video; a thing that is not in the frame has an empty mask.

    In Ref-YouTube-VOS `valid` also lists the videos of `test`; they are left out of `valid`. Each split is a folder in
    `meta_expressions/`. A split whose frames are not there is left out.

    A split without `Annotations/` has no masks, as valid and test in Ref-YouTube-VOS for long. Later archives of valid
    have a folder of masks for each expression, which is not read: such a split counts as one without masks.

    Ref-DAVIS17 has four expressions for each thing, in sequence: from two annotators, for the first frame and for the
    whole video.

    Raises:
        ValueError, OSError: the message names the file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        metas = meta_files(folder)
        if not metas:
            missing = folder / "meta_expressions" / "train" / "meta_expressions.json"
            raise FileNotFoundError(f"{missing}: expected, but not there ({WHAT})")
        videos = {path.parent.name: _videos(path) for path in metas}
        records: list[Record] = []
        for path in metas:
            split = path.parent.name
            frames, is_only_one = folder / split / "JPEGImages", path == metas[-1] and not records
            if not frames.exists() and not is_only_one:
                self.remarks += (f"split {split}, which is left out: {frames} is not there",)
                continue
            if _by_expression(folder / split / "Annotations"):
                self.remarks += (f"split {split}: its masks have a folder for each expression, and are not read",)
            for video, facts in videos[split].items():
                if split == "valid" and video in videos.get("test", {}):
                    continue
                try:
                    records += self._of_video(split, video, facts)
                except (KeyError, TypeError, AttributeError) as error:
                    raise ValueError(f"{path}: {video} has no frames and expressions ({error!r})") from None
                except ValueError as error:
                    raise ValueError(f"{path}: {video} has an expression that cannot be learned: {error}") from None
        of_youtube = all(re.fullmatch("[0-9a-f]{10}", video) for listed in videos.values() for video in listed)
        self.name = "Ref-YouTube-VOS" if of_youtube else "Ref-DAVIS17"
        self.records = tuple(records)

    def _of_video(self, split: str, video: str, facts: dict[str, Any]) -> list[Record]:
        images = expected(self.folder / split / "JPEGImages" / video, WHAT)
        if not isinstance(facts["frames"], list):
            raise TypeError("frames is no list")
        names = [str(name) for name in facts["frames"]]  # in the order of time, whatever their names
        frames = ImageFiles(tuple(images / f"{name}.jpg" for name in names))
        annotations = self.folder / split / "Annotations"
        masked = annotations.is_dir() and not _by_expression(annotations)
        texts = facts["expressions"]
        meant = {key: _thing(text) if masked else 0 for key, text in texts.items()}
        things = sorted(set(meant.values()))
        expressions = tuple(
            Expression(as_text(text["exp"]), f"{video}/{key}", things.index(meant[key])) for key, text in texts.items()
        )
        records = []
        for target, name in enumerate(names):
            path = annotations / video / f"{name}.png"
            truth = tuple((path, thing) for thing in things) if masked else None
            records.append(Record(f"{split}/{video}/{name}", split, expressions, frames, target, truth))
        return records

    def masks(self, record: Record) -> np.ndarray:
        """See `Reader.masks`."""
        (path,) = self.truth_files(record)
        ids = read_ids(path)
        return np.stack([ids == thing for _, thing in record.truth or ()])

    def thing_of(self, record: Record, row: int) -> Hashable:
        """See `Reader.thing_of`: a thing is the same one in all frames of its video."""
        _, thing = (record.truth or ())[row]
        return record.id.rpartition("/")[0], thing


def _by_expression(annotations: Path) -> bool:
    """Whether masks are in VIDEO/EXPRESSION/FRAME.png, and not in VIDEO/FRAME.png."""
    first = next(annotations.glob("[!.]*/[!.]*"), None)
    return first is not None and first.is_dir()


def _thing(text: dict[str, Any]) -> int:
    """The id that the thing of an expression has in the masks."""
    if "obj_id" not in text:
        raise ValueError("it has no obj_id")
    try:
        return whole_number(text["obj_id"], least=1)
    except ValueError as error:
        raise ValueError(f"the obj_id {error}") from None


def _videos(path: Path) -> dict[str, Any]:
    listed = read_json(path, WHAT)
    videos = listed.get("videos") if isinstance(listed, dict) else None
    if not isinstance(videos, dict):
        raise ValueError(f"{path}: has no videos ({WHAT})")
    return videos


def meta_files(folder: Path) -> list[Path]:
    """The expression files in a folder, one per split, training first."""
    found = folder.glob("meta_expressions/*/meta_expressions.json")
    order = {"train": 0, "valid": 1}
    return sorted(found, key=lambda path: (order.get(path.parent.name, 2), path))
