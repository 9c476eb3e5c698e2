"""Small folders in exactly the formats of the data sets, written from masks that the tests know."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import cv2
import h5py
import numpy as np
import scipy.io
from PIL import Image
from pycocotools import mask as coco

from model_training.datasets.formats import open_folder
from model_training.datasets.sample import Reader

HEIGHT, WIDTH = 24, 40


def picture(number: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """(H, W, 3) uint8 RGB, smooth, another one for each number."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 5 + number * 30, y * 9, np.full_like(x, 40 * number)], -1).astype(np.uint8)


def box(left: int, top: int, right: int, bottom: int) -> np.ndarray:
    """(HEIGHT, WIDTH) bool, True within."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top:bottom, left:right] = True
    return mask


BOXES = (box(2, 3, 12, 20), box(20, 5, 36, 9), box(0, 0, 5, 5) | box(30, 18, 40, 24))


def write_image(path: Path, rgb: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.ascontiguousarray(rgb[..., ::-1]))


def runs_of(mask: np.ndarray) -> list[int]:
    """COCO's uncompressed run-length code: down the columns, zeros first."""
    flat = mask.T.ravel().astype(np.int8)
    changes = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff([0, *changes, flat.size]).tolist()
    return [0, *runs] if flat[0] else runs


def python2_pickle(value: object) -> bytes:
    """What Python 2's cPickle writes of plain containers: byte strings and 32-bit numbers, protocol 2."""

    def part(value: object) -> bytes:
        if isinstance(value, dict):
            return b"}(" + b"".join(part(k) + part(v) for k, v in value.items()) + b"u"
        if isinstance(value, list):
            return b"](" + b"".join(part(item) for item in value) + b"e"
        if isinstance(value, str):
            text = value.encode("latin1")
            return b"U" + bytes([len(text)]) + text
        assert isinstance(value, int)
        return b"J" + struct.pack("<i", value)

    return b"\x80\x02" + part(value) + b"."


def refs() -> list[dict[str, object]]:
    """Two images; the first is referred to in two splits; things 10 to 13 have one kind of segmentation each."""
    listed = []
    for ref, (annotation, image, split, texts) in enumerate(
        [
            (10, 7, "train", ["the left one", "caf\xe9 table"]),
            (11, 7, "train", ["right bar"]),
            (12, 7, "val", ["both corners"]),
            (13, 9, "testA", ["wide bar on the right"]),
        ]
    ):
        sentences = [
            {"tokens": text.split(), "raw": text.upper(), "sent_id": 100 * ref + n, "sent": text}
            for n, text in enumerate(texts)
        ]
        facts = {"sent_ids": [s["sent_id"] for s in sentences], "file_name": f"COCO_train2014_{image:012d}_{ref}.jpg"}
        facts |= {"ann_id": annotation, "ref_id": ref, "image_id": image, "split": split, "category_id": 1}
        listed.append(facts | {"sentences": sentences})
    return listed


def write_refer(root: Path, kind: str = "refcoco", maker: str = "unc") -> Path:
    """`root/KIND/refs(MAKER).p` and instances.json, and images where the refer tool has them; returns root/KIND."""
    folder = root / kind
    folder.mkdir(parents=True)
    compressed = coco.encode(np.asfortranarray(BOXES[1], np.uint8))["counts"].decode()
    polygons = [[0, 0, 5, 0, 5, 5, 0, 5], [30, 18, 40, 18, 40, 24, 30, 24], [1, 1, 2, 2]]
    segmentations = {
        10: [[2, 3, 12, 3, 12, 20, 2, 20]],
        11: {"counts": compressed, "size": [HEIGHT, WIDTH]},
        12: polygons,
        13: {"counts": runs_of(BOXES[1]), "size": [HEIGHT, WIDTH]},
    }
    images = [
        {"id": i, "file_name": f"COCO_train2014_{i:012d}.jpg", "height": HEIGHT, "width": WIDTH} for i in (7, 8, 9)
    ]
    annotations = [
        {"id": i, "image_id": 9 if i == 13 else 7, "segmentation": s, "category_id": 1}
        for i, s in segmentations.items()
    ]
    instances = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "bar"}]}
    (folder / f"refs({maker}).p").write_bytes(python2_pickle(refs()))
    (folder / "instances.json").write_text(json.dumps(instances))
    for number in (7, 9):
        write_image(root / "images/mscoco/images/train2014" / f"COCO_train2014_{number:012d}.jpg", picture(number))
    return folder


def write_published_refcoco(root: Path) -> Path:
    """As `refcoco.zip` has it: a second list of the same images, in which all that UNC tests is in `train`."""
    folder = write_refer(root)
    listed = [ref | {"split": "train" if ref["split"] == "testA" else "test"} for ref in refs()]
    (folder / "refs(google).p").write_bytes(python2_pickle(listed))
    return folder


def write_referit(folder: Path) -> Path:
    """Two images of trainval, one of test; MATLAB's masks are 0 on the thing."""
    queries = {
        "trainval": {"38_1": ["sky"], "38_2": ["the man", "man left"], "40_1": ["grass"]},
        "test": {"9_2": ["road"]},
    }
    for split, told in queries.items():
        images = sorted({name.split("_")[0] for name in told})
        (folder / "mask").mkdir(parents=True, exist_ok=True)
        (folder / f"referit_query_{split}.json").write_text(json.dumps(told))
        (folder / f"referit_{split}_imlist.txt").write_text("".join(f"{name}\n" for name in [*images, "77"]))
        for name in images:
            write_image(folder / "images" / f"{name}.jpg", picture(int(name)))
        for name in told:
            mask = BOXES[int(name[-1])]
            scipy.io.savemat(folder / "mask" / f"{name}.mat", {"segimg_t": np.where(mask, 0, 255).astype(np.uint8)})
    return folder


def write_video(path: Path, frames: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 24, (WIDTH, HEIGHT))
    assert writer.isOpened()
    for number in range(frames):
        writer.write(np.full((HEIGHT, WIDTH, 3), 20 * number, np.uint8))
    writer.release()


def write_a2d(folder: Path) -> Path:
    """One video of train with frames 2 and 4 annotated, one of test, one that is missed.

    Frame 2 of the first: ids 0, 1 and 0 again; frame 4: id 1 alone, with the last axis dropped as MATLAB does.
    """
    texts = folder / "text_annotations"
    rows = [
        ("vid-a", "0", "bird flying left"), ("vid-a", "1", "Bird on the ground."), ("vid-b", "0", "dog, running"),
        ("vid-b", "1 (copy)", "a slip"), ("gone", "0", "never seen"),
    ]  # fmt: skip
    texts.mkdir(parents=True)
    quoted = "".join(f'{v},{i},"{q}"\n' for v, i, q in rows)
    (texts / "a2d_annotation.txt").write_text("video_id,instance_id,query\n" + quoted)
    (texts / "a2d_missed_videos.txt").write_text("gone\n")
    annotated = {"vid-a/00002": ([0, 1, 0], BOXES), "vid-a/00004": ([1], BOXES[1:2]), "vid-b/00001": ([0], BOXES[:1])}
    for name, (ids, masks) in annotated.items():
        path = texts / "a2d_annotation_with_instances" / f"{name}.h5"
        path.parent.mkdir(parents=True, exist_ok=True)
        stored = np.stack([mask.T for mask in masks]).astype(np.uint8)
        with h5py.File(path, "w") as file:
            file["instance"] = np.array(ids, np.float64)
            file["reMask"] = stored if len(ids) > 1 else stored[0]
    lines = [("vid-a", 6, 0), ("vid-b", 3, 1), ("gone", 3, 0), ("untold", 3, 1)]
    (folder / "Release").mkdir()
    listed = "".join(f"{video},13,0:00:01,0:00:05,{HEIGHT},{WIDTH},{n},2,{subset}\n" for video, n, subset in lines)
    (folder / "Release" / "videoset.csv").write_text(listed)
    for video, frames, _ in lines[:2]:
        write_video(folder / "Release" / "clips320H" / f"{video}.mp4", frames)
    return folder


def write_jhmdb(folder: Path) -> Path:
    """A video of 8 frames with 6 masks, and one of 3 frames with a single mask, whose last axis MATLAB dropped."""
    folder.mkdir(parents=True)
    (folder / "jhmdb_annotation.txt").write_text("video_id,query\nwalk_1,man walking\njump_1,a girl jumps\n")
    for action, video, frames, masks in (("walk", "walk_1", 8, 6), ("jump", "jump_1", 3, 1)):
        for number in range(frames):
            write_image(folder / "Rename_Images" / action / video / f"{number + 1:05d}.png", picture(number))
        truth = np.stack([np.roll(BOXES[0], number, axis=1) for number in range(masks)], -1).astype(np.uint8)
        path = folder / "puppet_mask" / action / video / "puppet_mask.mat"
        path.parent.mkdir(parents=True)
        scipy.io.savemat(path, {"part_mask": truth if masks > 1 else truth[..., 0]})
    return folder


def write_referring_videos(folder: Path, video: str = "0a49f5265b") -> Path:
    """A video of train with two things; the second is not in frame 00005. A video of valid without masks."""
    told = {"0": {"exp": "a bar", "obj_id": "2"}, "1": {"exp": "the left thing", "obj_id": "1"}}
    names = ["00000", "00005", "00010"]
    metas = {"train": told, "valid": {key: {"exp": one["exp"]} for key, one in told.items()}}
    for split, expressions in metas.items():
        path = folder / "meta_expressions" / split / "meta_expressions.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"videos": {video: {"expressions": expressions, "frames": names}}}))
        for number, name in enumerate(names):
            write_image(folder / split / "JPEGImages" / video / f"{name}.jpg", picture(number))
    for name in names:
        ids = BOXES[0].astype(np.uint8) + 2 * (BOXES[1] & (name != "00005"))
        image = Image.fromarray(ids.astype(np.uint8))
        image.putpalette([0, 0, 0, 236, 95, 103, 249, 145, 87])
        path = folder / "train" / "Annotations" / video / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)
    return folder


def write_own_frames(folder: Path) -> Path:
    """Two frames; in the second, which is of another split, one expression fits nothing."""
    for name, number in (("a.png", 1), ("b.jpg", 2)):
        write_image(folder / "images" / name, picture(number))
    for number in (0, 1):
        write_image(folder / "masks" / f"{number}.png", np.repeat(BOXES[number][..., None], 3, 2) * np.uint8(255))
    rows = ["image,expression,mask,split", 'a.png,"the mug, left",0.png,', "a.png,the bar,1.png,train"]
    rows += ["b.jpg,the tall mug,0.png,test", "b.jpg,the spoon,,test", "a.png,the long bar,1.png,train"]
    (folder / "expressions.csv").write_text("\n".join(rows) + "\n")
    return folder


def texts(reader: Reader) -> dict[str, list[str]]:
    return {record.id: [one.text for one in record.expressions] for record in reader.records}


def masks(reader: Reader, record: int) -> np.ndarray:
    """(E, H, W) of all expressions of a record."""
    sample = reader.load(reader.records[record])
    return np.stack([sample.mask_of(row) for row in range(len(reader.records[record].expressions))])


def only(folder: Path) -> Reader:
    (reader,) = open_folder(folder)
    return reader
