"""UNC, UNC+, G-Ref and gRefCOCO: lists of references, pickled or in JSON, beside the instances of COCO."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from model_training.datasets.formats import open_folder
from model_training.datasets.inspection import count
from tests.model_training.datasets import writers
from tests.model_training.datasets.writers import BOXES, HEIGHT, WIDTH, masks, only, picture, texts


def test_unc(tmp_path: Path) -> None:
    reader = only(writers.write_refer(tmp_path))
    assert texts(reader) == {
        "train/7": ["the left one", "caf\xe9 table", "right bar"],
        "val/7": ["both corners"],
        "testA/9": ["wide bar on the right"],
    }
    np.testing.assert_array_equal(masks(reader, 0), [BOXES[0], BOXES[0], BOXES[1]])
    np.testing.assert_array_equal(masks(reader, 1), [BOXES[2]])
    np.testing.assert_array_equal(masks(reader, 2), [BOXES[1]])
    assert [one.id for one in reader.records[0].expressions] == ["0", "1", "100"]
    assert np.abs(reader.load(reader.records[0]).frames[0].astype(int) - picture(7)).mean() < 6


class Malicious:
    """Makes a folder when it is unpickled by a plain unpickler."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_malicious_pickle_is_refused(protocol: int, tmp_path: Path) -> None:
    folder = writers.write_refer(tmp_path / "data")
    evil = pickle.dumps([{"ref_id": Malicious(tmp_path / "harmed")}], protocol)
    (folder / "refs(unc).p").write_bytes(evil)
    with pytest.raises(ValueError, match=r"refs\(unc\)\.p: not plain lists and dicts .*; nothing in it was run"):
        open_folder(folder)
    assert not (tmp_path / "harmed").exists()
    pickle.loads(evil)
    assert (tmp_path / "harmed").exists(), "the pickle would have done harm"


@pytest.mark.parametrize("content", [b"", b"text", b"\x80\x02]", b"\x80\x04\x95" + b"\xff" * 9, b"\x80\x02K\x01."])
def test_a_damaged_pickle_is_named(content: bytes, tmp_path: Path) -> None:
    folder = writers.write_refer(tmp_path)
    (folder / "refs(unc).p").write_bytes(content)
    with pytest.raises(ValueError, match=r"refs\(unc\)\.p: "):
        open_folder(folder)


def test_refs_and_instances_must_belong_together(tmp_path: Path) -> None:
    folder = writers.write_refer(tmp_path)
    instances = json.loads((folder / "instances.json").read_text())
    instances["annotations"] = instances["annotations"][1:]
    (folder / "instances.json").write_text(json.dumps(instances))
    with pytest.raises(ValueError, match="do not belong together: ref 0, image 7, annotation 10"):
        open_folder(folder)
    (folder / "instances.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"instances\.json: expected, but not there"):
        open_folder(folder)


BROKEN_REFS: list[tuple[Callable[[list, dict], object], str]] = [
    (lambda refs, _: refs[3].update(image_id=7), r"ref 3, image 7, annotation 13: there is annotation 13 of image 9"),
    (lambda refs, _: refs[0].update(image_id=[7]), r"ref 0, image \[7\], annotation 10: there is no image \[7\]"),
    (lambda refs, _: refs[0].update(ann_id="10"), r"ref 0, image 7, annotation 10: there is no annotation '10'"),
    (lambda refs, _: refs[0].update(split=None), r"refs\.json, ref 0: its split None is no text"),
    (lambda refs, _: refs[0].pop("ann_id"), r"refs\.json, ref 0: without ann_id"),
    (lambda refs, _: refs[0]["sentences"][0].update(sent=None), r"refs\.json, ref 0: not a list of .*None is no text"),
    (lambda refs, _: refs[0].update(sentences=["mug"]), r"refs\.json, ref 0: not a list of sentences"),
    (
        lambda _, listed: listed["annotations"][1].update(id=10),
        r"instances\.json: two of the annotations have the id 10",
    ),
    (lambda _, listed: listed["images"][1].update(id=7), r"instances\.json: two of the images have the id 7"),
    (lambda _, listed: listed["images"][0].update(file_name=3), r"image 7: needs .*3 is no text"),
    (lambda _, listed: listed["images"][0].update(height=None), r"image 7: needs .*None is no whole number from 1"),
    (lambda _, listed: listed["images"][0].update(height=-5), r"image 7: needs .*-5 is no whole number from 1"),
    (lambda _, listed: listed["images"][0].update(height="tall"), r"image 7: needs .*'tall' is no whole number from 1"),
    (lambda _, listed: listed["annotations"][1].pop("segmentation"), r"annotation 11: no seg.* \(no polygon of three"),
    (lambda _, listed: listed["annotations"][1]["segmentation"].update(size=5), r"annotation 11: no seg.* of size 5"),
]


@pytest.mark.parametrize(("change", "error"), BROKEN_REFS)
def test_what_is_wrong_in_lists_of_coco_is_one_line(change: Callable, error: str, tmp_path: Path) -> None:
    folder = writers.write_refer(tmp_path)
    (folder / "refs(unc).p").unlink()
    refs, listed = writers.refs(), json.loads((folder / "instances.json").read_text())
    change(refs, listed)
    (folder / "refs.json").write_text(json.dumps(refs))
    (folder / "instances.json").write_text(json.dumps(listed))
    with pytest.raises(ValueError, match=error) as caught:
        open_folder(folder)
    assert "\n" not in str(caught.value) and str(folder) in str(caught.value)


def test_sizes_may_be_written_as_decimals_and_images_lie_in_subfolders(tmp_path: Path) -> None:
    folder = writers.write_refer(tmp_path)
    listed = json.loads((folder / "instances.json").read_text())
    for image in listed["images"]:
        image.update(height=float(HEIGHT), width=float(WIDTH), file_name=f"train2014/{image['file_name']}")
    (folder / "instances.json").write_text(json.dumps(listed))
    shutil.move(tmp_path / "images/mscoco/images/train2014", folder / "images" / "train2014")
    reader = only(folder)
    np.testing.assert_array_equal(masks(reader, 0), [BOXES[0], BOXES[0], BOXES[1]])


@pytest.mark.parametrize("none", [[-1], [], None, -1])
def test_an_expression_of_grefcoco_means_several_things_or_none(tmp_path: Path, none: object) -> None:
    folder = writers.write_refer(tmp_path, "grefcoco")
    (folder / "refs(unc).p").unlink()
    listed = writers.refs()[:2]
    for ref, things in zip(listed, ([10, 11, 12], none), strict=True):
        ref["ann_id"] = things
    (folder / "grefs(unc).json").write_text(json.dumps(listed))
    reader = only(folder)
    assert reader.name == "gRefCOCO"
    sample = reader.load(reader.records[0])
    np.testing.assert_array_equal(sample.mask_of(0), BOXES[0] | BOXES[1] | BOXES[2])
    assert not sample.mask_of(2).any()
    assert count(reader)[0].referents == 1


def test_texts_of_python_2_are_utf_8_or_latin_1(tmp_path: Path) -> None:
    folder = writers.write_refer(tmp_path)
    refs = folder / "refs(unc).p"
    refs.write_bytes(refs.read_bytes().replace(b"U\x0cthe left one", b"U\x0cT\xc3\xa4sschen le"))
    texts = [one.text for one in only(folder).records[0].expressions]
    assert texts[:2] == ["Tässchen le", "café table"]
