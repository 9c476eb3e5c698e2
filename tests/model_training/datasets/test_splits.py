"""What splits are learned or not, by their names, and which one training is validated on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from model_training.datasets.splits import described, to_score, unlearned
from model_training.sources.data_set import DataSet
from tests.model_training import folder, tiny
from tests.model_training.datasets import writers

REFERIT = ("test", "train", "trainval", "val")
"""As the files of ReferIt are sorted."""


@pytest.mark.parametrize(
    ("splits", "scored"),
    [
        (("train", "val", "testA", "testB"), ("val", "testA", "testB")),
        (REFERIT, ("test",)),
        (("test", "train", "valid"), ("valid", "test")),
        (("train", "dev"), ("dev",)),
        (("train",), ("train",)),
        (("trainval", "val"), ("trainval", "val")),
    ],
)
def test_what_is_scored_is_what_nothing_is_learned_of(splits: tuple[str, ...], scored: tuple[str, ...]) -> None:
    assert to_score(splits, None) == scored


def test_what_training_learns_is_said() -> None:
    told = [described(split, REFERIT) for split in REFERIT]
    assert told == ["test", "train (training data)", "trainval (training data)", "val (part of trainval)"]
    assert described("val", ("train", "val")) == "val"
    assert unlearned(REFERIT, ("train",)) == ("val", "test") and unlearned(REFERIT, ("trainval",)) == ("test",)


def test_a_validation_split_is_found_by_any_of_its_names() -> None:
    assert to_score(("train", "validation", "test"), ["val", "test"]) == ("validation", "test")
    assert to_score(("valid", "val"), ["valid"]) == ("valid",)
    assert to_score(("train", "test"), ["val"]) == ("val",), "a reader says that it has none"


def validated(data: Path, split: str, cache: Path) -> str:
    source = DataSet(replace(folder.SMALL, split=split), str(data), workers=0, cache=cache)
    return source.validation(tiny.network(1, source.config.network)).split


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("train", "train", "valid"), "valid"),
        (("train", "test", "dev"), "dev"),
        (("train", "train", "testA"), "testA"),
        (("train", "train", "train"), "train (training data)"),
    ],
)
def test_own_frames_are_validated_on_what_is_not_learned(names: tuple[str, ...], expected: str, tmp_path: Path) -> None:
    frames = folder.write_folder(tmp_path / "frames", images=3)
    header, *lines = (frames / "expressions.csv").read_text().splitlines()
    split_of = {f"{number}.png": name for number, name in enumerate(names)}
    rows = [f"{line.rpartition(',')[0]},{split_of[line.partition(',')[0]]}" for line in lines]
    (frames / "expressions.csv").write_text("\n".join([header, *rows]) + "\n")
    assert validated(frames, "train", tmp_path / "cache") == expected


def test_validation_is_never_a_part_of_what_is_learned(tmp_path: Path) -> None:
    """ReferIt has val in trainval, which the paper learns."""
    data = writers.write_referit(tmp_path / "referit")
    (data / "referit_query_val.json").write_text(json.dumps({"40_1": ["grass"]}))
    (data / "referit_query_train.json").write_text(json.dumps({"38_1": ["sky"]}))
    assert validated(data, "trainval", tmp_path / "cache") == "test"
    assert validated(data, "train", tmp_path / "cache") == "val"
    (data / "referit_query_test.json").unlink()
    assert validated(data, "trainval", tmp_path / "cache") == "trainval (training data)"
