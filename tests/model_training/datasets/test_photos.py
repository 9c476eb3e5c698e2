"""Photos with instances of COCO: what is said of them is so, the same again, and nothing of crowds."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from model_training.datasets.formats import open_folder
from model_training.datasets.inspection import report
from model_training.datasets.photos import Photos
from refseg_ros.simulation.appearance import COLOURS
from tests.model_training.datasets.test_real_data import folder

HEIGHT, WIDTH = 120, 160
KINDS = {1: "cup", 2: "couch", 3: "person", 4: "dining table", 5: "banana"}


def rectangle(x: int, y: int, w: int, h: int) -> list[list[int]]:
    return [[x, y, x + w, y, x + w, y + h, x, y + h]]


def write(path: Path, things: list[tuple[int, tuple[int, int, int, int], str, bool]], name: str = "a.png") -> Path:
    """A photo of coloured rectangles: (category, box, colour, crowd)."""
    image = np.full((HEIGHT, WIDTH, 3), (200, 190, 170), np.uint8)
    annotations = []
    for number, (kind, (x, y, w, h), colour, crowd) in enumerate(things, start=1):
        image[y : y + h, x : x + w] = COLOURS[colour]
        shape = {"segmentation": rectangle(x, y, w, h), "bbox": [x, y, w, h], "area": w * h}
        annotations.append({"id": number, "image_id": 7, "category_id": kind, "iscrowd": int(crowd), **shape})
    (path / "images").mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path / "images" / name), image[..., ::-1])
    listed = {
        "images": [{"id": 7, "file_name": name, "height": HEIGHT, "width": WIDTH}],
        "categories": [{"id": number, "name": kind} for number, kind in KINDS.items()],
        "annotations": annotations,
    }
    (path / "instances.json").write_text(json.dumps(listed))
    return path


CUPS = [(1, (10, 50, 20, 20), "red", False), (1, (70, 50, 20, 20), "blue", False), (1, (130, 50, 20, 20), "red", False)]


def said(path: Path, seed: int = 0) -> dict[str, tuple[int, int, int, int] | None]:
    """Every expression with the box of its mask."""
    found: dict[str, tuple[int, int, int, int] | None] = {}
    (record,) = Photos(path, seed=seed).records
    sample = Photos(path, seed=seed).load(record)
    for index, expression in enumerate(record.expressions):
        mask = sample.mask_of(index)
        found[expression.text] = cv2.boundingRect(mask.astype(np.uint8)) if mask.any() else None
    return found


def test_what_is_said_is_so(tmp_path: Path) -> None:
    path = write(tmp_path, [*CUPS, (5, (60, 90, 30, 8), "yellow", False)])
    told = {text: box and box[0] for seed in range(40) for text, box in said(path, seed).items()}
    assert any("blue cup" in text for text in told) and any("from the" in text for text in told)
    for text, left in told.items():
        if "not" in text or "of" in text.split() or "than" in text or left is None:
            continue
        if text.endswith("banana") and "cup" not in text:
            assert left == 60
        if "leftmost cup" in text or "first cup from the left" in text or "third cup from the right" in text:
            assert left == 10, text
        if "second cup from" in text or text.endswith(("blue cup", "cup that is blue", "middle cup")):
            assert left == 70, text
        if "rightmost cup" in text or "third cup from the left" in text:
            assert left == 130, text
    absent = [text for text, left in told.items() if left is None]
    assert absent and not {"the cup", "the red cup", "the banana", "the yellow banana", "the blue cup"} & {*absent}


def test_the_same_seed_says_the_same_and_another_something_else(tmp_path: Path) -> None:
    path = write(tmp_path, CUPS)
    assert said(path, 3) == said(path, 3) != said(path, 4)


def test_of_a_crowd_and_of_a_rough_category_nothing_is_said(tmp_path: Path) -> None:
    crowd = (3, (60, 5, 40, 30), "green", True)
    things = [*CUPS, (3, (5, 5, 20, 40), "green", False), crowd, (4, (0, 80, 150, 30), "brown", False)]
    path = write(tmp_path, things)
    for seed in range(20):
        assert not any("person" in text or "table" in text for text in said(path, seed))


def test_of_a_thing_without_a_pixel_nothing_is_said(tmp_path: Path) -> None:
    """It is there, so nobody may learn that it is not."""
    path = write(tmp_path, [*CUPS, (5, (60, 90, 30, 8), "yellow", False)])
    listed = json.loads((path / "instances.json").read_text())
    listed["annotations"][3]["segmentation"] = [[50.1, 60.1, 50.2, 60.1, 50.2, 60.2]]
    (path / "instances.json").write_text(json.dumps(listed))
    for seed in range(20):
        assert not any("banana" in text for text in said(path, seed))


def test_a_tiny_thing_counts_but_is_never_meant(tmp_path: Path) -> None:
    path = write(tmp_path, [(1, (10, 50, 40, 40), "red", False), (1, (100, 20, 3, 3), "blue", False)])
    for seed in range(20):
        for text, box in said(path, seed).items():
            assert box is None or box[2] > 30, text
            assert text not in ("the cup", "cup"), "there are two"


def test_a_colour_that_is_not_clear_is_neither_said_nor_denied(tmp_path: Path) -> None:
    path = write(tmp_path, [(2, (10, 40, 60, 40), "red", False), (1, (100, 40, 20, 20), "blue", False)])
    image = cv2.imread(str(path / "images" / "a.png"))
    image[40:80:2, 10:70] = COLOURS["green"][::-1]
    cv2.imwrite(str(path / "images" / "a.png"), image)
    for seed in range(20):
        assert not any(f"{c} couch" in text or f"{c} sofa" in text for text in said(path, seed) for c in COLOURS)
        assert all(box for text, box in said(path, seed).items() if text in ("the couch", "the sofa"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda listed: listed.pop("categories"), "categories"),
        (lambda listed: listed["annotations"].clear(), "no image with annotations"),
        (lambda listed: listed["annotations"][0].update(category_id=99), "annotation 1: its category is not listed"),
        (lambda listed: listed["annotations"][1].update(image_id="7"), "annotation 2: its image_id '7' is not among"),
        (
            lambda listed: listed["annotations"][1].update(image_id=[7]),
            r"annotation 2: its image_id \[7\] is not among",
        ),
        (lambda listed: listed["annotations"][1].update(iscrowd="0"), "annotation 2: iscrowd is '0', not 0 or 1"),
        (
            lambda listed: listed["images"].append(listed["images"][0] | {"file_name": "c.png"}),
            "two of the images have the id 7",
        ),
        (lambda listed: listed["categories"][1].update(id=1), "two of the categories have the id 1"),
        (lambda listed: listed["categories"][1].update(name=None), "category 2: its name None is no text"),
        (lambda listed: listed["images"][0].pop("file_name"), "image 7: needs a file_name, height and width"),
        (lambda listed: listed["images"][0].update(file_name=1), "image 7: needs .*1 is no text"),
        (lambda listed: listed["images"][0].update(file_name=""), "image 7: its file_name is empty"),
        (lambda listed: listed["images"][0].update(width=float("inf")), "image 7: needs .*inf is no whole number"),
        (lambda listed: listed["images"][0].update(height=10**9, width=10**9), "image 7: needs .* more than the"),
        (
            lambda listed: listed["annotations"][0].update(segmentation={"counts": "", "size": 9}),
            "annotation 1: no segmentation of COCO .*of size 9",
        ),
        (lambda listed: listed["annotations"][0].update(segmentation=[["x"]]), "annotation 1: no segmentation"),
        (lambda listed: listed["images"][0].update(height=99), "is 160x120"),
        (lambda listed: listed["images"][0].update(file_name="b.png"), "first photo"),
    ],
)
def test_what_is_not_whole_is_one_line(tmp_path: Path, change: object, reason: str) -> None:
    path = write(tmp_path, CUPS)
    listed = json.loads((path / "instances.json").read_text())
    change(listed)  # type: ignore[operator]
    (path / "instances.json").write_text(json.dumps(listed))
    with pytest.raises((ValueError, OSError), match=reason) as caught:
        open_folder(path)
    assert "\n" not in str(caught.value)


def test_what_exporters_leave_over_harms_nothing(tmp_path: Path) -> None:
    """Lists that were cut down, entries twice, ids that are all 0, images without a size that nobody asks."""
    path = write(tmp_path, CUPS)
    before = said(path)
    listed = json.loads((path / "instances.json").read_text())
    listed["annotations"] += [listed["annotations"][0], listed["annotations"][0] | {"image_id": 8}]
    listed["images"] += [listed["images"][0], {"id": 9, "file_name": "none.png"}]
    listed["categories"].append(listed["categories"][0])
    for annotation in listed["annotations"]:
        annotation["id"] = 0
    (path / "instances.json").write_text(json.dumps(listed))
    assert said(path) == before
    assert "annotations of images that are not listed, which are left out: 1" in report(open_folder(path)[0])


@pytest.mark.parametrize("outline", [[], [[10, 10, 20, 20]], [[10, 10], [20, 10], [20, 20]], None, "absent"])
def test_of_a_thing_without_an_outline_nothing_is_said(tmp_path: Path, outline: list | str | None) -> None:
    path = write(tmp_path, [*CUPS, (5, (60, 90, 30, 8), "yellow", False)])
    listed = json.loads((path / "instances.json").read_text())
    lacking = {} if outline == "absent" else {"segmentation": outline}
    del listed["annotations"][3]["segmentation"]
    listed["annotations"][3] |= lacking
    (path / "instances.json").write_text(json.dumps(listed))
    for seed in range(20):
        assert not any("banana" in text for text in said(path, seed))
    assert "annotations without an outline, which are left out: 1" in report(open_folder(path)[0])
    for annotation in listed["annotations"]:
        annotation.pop("segmentation", None)
        annotation |= lacking
    (path / "instances.json").write_text(json.dumps(listed))
    with pytest.raises(ValueError, match="nothing can be said of any"):
        open_folder(path)


@pytest.mark.parametrize("place", ["", "images"])
def test_photos_may_lie_in_subfolders(place: str, tmp_path: Path) -> None:
    path = write(tmp_path, CUPS, "kitchen.png")
    (path / place / "train").mkdir()
    (path / "images" / "kitchen.png").rename(path / place / "train" / "kitchen.png")
    listed = json.loads((path / "instances.json").read_text())
    listed["images"][0]["file_name"] = "train/kitchen.png"
    (path / "instances.json").write_text(json.dumps(listed))
    assert "kitchen.png" in str(Photos(path).records[0].frames.files([0])[0]) and said(path)


def test_real_kitchens() -> None:
    (reader,) = open_folder(folder("pantry"))
    assert isinstance(reader, Photos) and len(reader.records) > 150 and {*reader.splits} == {"train", "val"}
    for record in reader.records[::10]:
        sample = reader.load(record)
        for index, expression in enumerate(record.expressions):
            assert sample.mask_of(index).any() != expression.id.startswith("absent"), expression
    kinds = {expression.id.split()[0] for record in reader.records for expression in record.expressions}
    assert kinds == {"class", "colour", "size", "place", "order", "relation", "negation", "absent"}


def save_with_exif(path: Path, rgb: np.ndarray, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(np.ascontiguousarray(rgb)).save(path, exif=exif)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_a_photo_that_its_exif_turns_is_read_as_it_is_stored_and_counted(suffix: str, tmp_path: Path) -> None:
    path = write(tmp_path, CUPS, f"a.{suffix}")
    picture = path / "images" / f"a.{suffix}"
    stored = cv2.imread(str(picture), cv2.IMREAD_COLOR_RGB)
    save_with_exif(picture, stored, 3)
    photos = Photos(path)
    assert photos.remarks == ("photos that their EXIF turns, which are learned as they are stored: 1",)
    assert np.abs(photos.load(photos.records[0]).frames[0].astype(int) - stored).mean() < 5
    save_with_exif(picture, stored, 1)
    assert Photos(path).remarks == ()
    save_with_exif(picture, np.rot90(stored), 6)
    told = f"a.{suffix}: is 120x160, instances.json says 160x120; its EXIF turns it, which COCO ignores: save the photo"
    with pytest.raises(ValueError, match=re.escape(told)):
        Photos(path)


def test_a_photo_with_damaged_exif_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, CUPS, "a.jpg")
    picture = path / "images" / "a.jpg"
    rgb = cv2.imread(str(picture), cv2.IMREAD_COLOR_RGB)
    for exif in (b"Exif\0\0", b"Exif\0\0MM\0*", b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01", b"turn it"):
        Image.fromarray(rgb).save(picture, exif=exif)
        assert Photos(path).remarks == ()
