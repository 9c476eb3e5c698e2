"""Samples as WebDataset shards: `python -m model_training.datasets.shards DIR OUT --split train`.

A shard is a tar file of NAME.json (texts, ids, masks in COCO's run-length code) and NAME.0.jpg, NAME.1.jpg, ... (the
frames of the clip, the target last). `shards.json` beside them says which frames these are, lists the shards and how
many samples each has, and `vocabulary.txt` has the words of their texts. `shard_batches.py` streams them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import webdataset
from tqdm import tqdm

from model_training.datasets import coco_masks
from model_training.datasets.digest import digest_of
from model_training.datasets.files import read_json
from model_training.datasets.formats import open_folder
from model_training.datasets.frames import ImageFiles
from model_training.datasets.sample import STILL, ClipFrames, Expression, Reader, Record, Sample, as_one
from refseg_ros.command import command, program
from refseg_ros.expression import Vocabulary
from refseg_ros.files import replacing, write_bytes
from refseg_ros.images.encodings import ImageError
from refseg_ros.images.pictures import decode_picture, rgb_of

INDEX, VOCABULARY = "shards.json", "vocabulary.txt"
FORMAT = 2
SAMPLES_PER_SHARD = 256
"""About 40 MB with COCO's images."""


def write_shards(reader: Reader, split: str, folder: Path, clip: ClipFrames = STILL) -> list[Path]:
    """Write a split as shards, with its samples in a fixed random order; return the paths of the shards.

    JPEG and PNG files are copied unchanged; frames of video files become PNG.

    Raises:
        ValueError, OSError: a sample cannot be read or has no published masks, a shard cannot be written, or the folder
            has shards of something else.
    """
    records = reader.of_split(split)
    facts = {"format": FORMAT, "name": reader.name, "split": split, "clip": asdict(clip)}
    _refuse_others(folder / INDEX, facts)
    order = np.random.default_rng(0).permutation(len(records))
    folder.mkdir(parents=True, exist_ok=True)
    shards = []
    with tqdm(total=len(records), unit="sample", desc=split) as bar:
        for start in range(0, len(records), SAMPLES_PER_SHARD):
            path = folder / f"{split}-{start // SAMPLES_PER_SHARD:06d}.tar"
            part = order[start : start + SAMPLES_PER_SHARD]
            with replacing(path) as temporary, temporary.open("wb") as file, webdataset.TarWriter(file, mtime=0) as tar:
                for number in part:
                    tar.write({"__key__": f"{number:08d}", **_members(reader, records[number], clip)})
                    bar.update()
            shards.append({"file": path.name, "samples": len(part)})
    write_bytes(folder / VOCABULARY, Vocabulary.of_texts(reader.texts(split)).dump().encode())
    # The digest lets a run notice other masks and texts in the same number of samples.
    held = facts | {"digest": digest_of(reader, split), "shards": shards}
    write_bytes(folder / INDEX, json.dumps(held, indent=1).encode())
    return [folder / str(shard["file"]) for shard in shards]


def _refuse_others(index: Path, facts: Mapping[str, object]) -> None:
    """Raise ValueError if the folder has shards with other facts, which new shards would replace."""
    listed = read_json(index, "the list of shards in OUT") if index.exists() else facts
    held = listed if isinstance(listed, Mapping) else {}
    for name, value in facts.items():
        if (there := held.get(name)) != value:
            raise ValueError(f"{index.parent}: has shards whose {name} is {there!r}, not {value!r}; give another OUT")


def _members(reader: Reader, record: Record, clip: ClipFrames) -> dict[str, bytes]:
    """A sample in its shard: extension -> content."""
    sample = reader.load(record, clip)
    if sample.masks is None:
        raise ValueError(f"{record.id}: the masks of the split {record.split} are not published")
    expressions = [[one.text, one.id, one.referent] for one in record.expressions]
    height, width = sample.masks.shape[1:]
    codes = [coco_masks.encode_mask(mask).decode("ascii") for mask in sample.masks]
    facts = {
        "id": record.id,
        "split": record.split,
        "size": [height, width],
        "expressions": expressions,
        "masks": codes,
    }
    members = {"json": json.dumps(facts).encode()}
    indices = clip.indices(record.target, len(record.frames)) if len(record.frames) > 1 else [0]
    for number, (index, frame) in enumerate(zip(indices, sample.frames, strict=True)):
        (path,) = record.frames.files([index])
        kind = path.suffix.lower().replace("jpeg", "jpg").lstrip(".")
        as_it_is = isinstance(record.frames, ImageFiles) and not record.frames.as_displayed and kind in ("jpg", "png")
        if not as_it_is:
            kind = "png"
        content = path.read_bytes() if as_it_is else cv2.imencode(".png", frame[..., ::-1])[1].tobytes()
        members[f"{number}.{kind}"] = content
    return members


@dataclass(frozen=True)
class _Encoded:
    """Encoded frames in memory."""

    name: str
    contents: tuple[bytes, ...]

    def __len__(self) -> int:
        return len(self.contents)

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """See `Frames.read`."""
        try:
            return [rgb_of(decode_picture(self.contents[index])) for index in indices]
        except ImageError as error:
            raise ValueError(f"{self.name}: a frame in it is no image ({error}); write the shard again") from error

    def files(self, indices: Sequence[int]) -> list[Path]:
        """See `Frames.files`."""
        return [Path(self.name)]


def read_record(members: dict[str, Any], name: str) -> Record:
    """A sample of a shard as a record; `load` decodes its pixels.

    Raises:
        ValueError: the sample has another format; the message contains the `name` of the shard.
    """
    try:
        facts = json.loads(members["json"])
        expressions = tuple(
            Expression(str(text), str(known_as), int(row)) for text, known_as, row in facts["expressions"]
        )
        height, width = facts["size"]
        truth = tuple((str(code).encode("ascii"), int(height), int(width)) for code in facts["masks"])
        if not expressions or not all(0 <= one.referent < len(truth) for one in expressions):
            raise ValueError("an expression without a mask")
        numbered = sorted((int(key.split(".")[0]), value) for key, value in members.items() if key[0].isdigit())
        frames = _Encoded(f"{name}: {facts['id']}", tuple(value for _, value in numbered))
        if not numbered:
            raise ValueError("no frame")
        return Record(str(facts["id"]), str(facts["split"]), expressions, frames, len(numbered) - 1, truth)
    except (KeyError, TypeError, ValueError, UnicodeError) as error:
        raise ValueError(f"{name}: not a shard of samples ({error!r}); write it again") from None


def load(record: Record) -> Sample:
    """Load the pixels of a record of a shard.

    Raises:
        ValueError: a frame or a mask is damaged; the message names the shard.
    """
    frames = record.frames.read(range(len(record.frames)))
    try:
        masks = np.stack([coco_masks.decode(*coco_masks.checked(*truth)) for truth in record.truth or ()])
        return Sample(record, np.stack(frames), masks)
    except ValueError as error:
        raise ValueError(f"{record.frames.files([0])[0]}: {error}; write the shard again") from None


@command()
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog=program(), description=__doc__.splitlines()[0])
    parser.add_argument(
        "source", type=Path, metavar="DIR", help="folder or refs file of one data set, or of several to join"
    )
    parser.add_argument("folder", type=Path, metavar="OUT", help="folder of shards to make")
    parser.add_argument("--split", default="train", help="split to write (%(default)s)")
    parser.add_argument("--images", type=Path, help="folder of COCO's images, if not in a usual place")
    parser.add_argument(
        "--past", type=int, default=ClipFrames.past, help="frames of a video before the target (%(default)s)"
    )
    parser.add_argument(
        "--future", type=int, default=ClipFrames.future, help="frames of a video after the target (%(default)s)"
    )
    parser.add_argument(
        "--stride", type=int, default=ClipFrames.stride, help="step from one of these to the next (%(default)s)"
    )
    options = parser.parse_args(arguments)
    reader = as_one(open_folder(options.source, options.images))
    clip = ClipFrames(options.past, options.future, options.stride)
    shards = write_shards(reader, options.split, options.folder, clip)
    print(f"wrote {len(shards)} shards and {options.folder / INDEX}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
