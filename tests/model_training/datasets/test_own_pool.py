"""A person's frames among scenes: what is learned of them, what is not, and when they are mirrored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from model_training.datasets.batch import STRIDES, Batch
from model_training.datasets.formats import open_folder
from model_training.datasets.own_pool import OwnPool
from model_training.datasets.scene_batches import SceneBatches
from model_training.learning.learner import Learner
from refseg_ros.expression import Vocabulary
from tests.model_training import folder, tiny

WORDS = Vocabulary.of_texts(["the red blue green yellow box on the left"])
SIZE = {"height": tiny.NETWORK.height, "width": tiny.NETWORK.width, "padding": 0}


def pool_of(frames: Path) -> OwnPool:
    (reader,) = open_folder(frames)
    return OwnPool.of_split(reader, "train", 1.0, **SIZE)


def batch_of(pool: OwnPool, step: int = 0, frames: int = 4, expressions: int = 4) -> Batch:
    return SceneBatches([pool], WORDS, tiny.NETWORK.max_words, frames, expressions, 0.3, 5)[step]


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder.write_folder(tmp_path_factory.mktemp("lessons"))


def colours_under(batch: Batch) -> list[tuple[str, np.ndarray]]:
    """Each expression that fits something: its colour, and the mean colour of what its mask covers."""
    found = []
    for clip, rows, masks, present in zip(*batch[:4], strict=True):
        for row, mask, there in zip(rows, masks, present, strict=True):
            colour = WORDS.words[row[1]]
            assert there == (colour != "yellow") == mask.any()
            if there:
                inside = np.kron(mask, np.ones((STRIDES[0], STRIDES[0]))) > 0.99
                found.append((colour, clip[-1][inside].mean(0)))
    return found


def test_expressions_come_with_their_masks(frames: Path) -> None:
    batch = batch_of(pool_of(frames))
    assert batch.clips.shape == (4, 1, *[SIZE[side] for side in ("height", "width")], 3)
    assert batch.masks.shape == (4, 4, SIZE["height"] // 2, SIZE["width"] // 2) and batch.masks.dtype == np.float32
    found = colours_under(batch)
    assert len(found) == 12  # each frame's three boxes, and the yellow one that is in none
    for colour, mean in found:
        assert np.argmax(mean) == np.argmax(folder.COLOURS[colour])


@pytest.mark.parametrize(
    "said", ["the box on the left", "the lefthand box", "the right-most box", "the box at 3 o'clock"]
)
def test_a_frame_whose_sides_are_named_is_not_mirrored(said: str, tmp_path: Path) -> None:
    own = folder.write_folder(tmp_path / "sided", images=2)
    table = own / "expressions.csv"
    table.write_text(table.read_text() + f"0.png,{said},0-red.png,train\n")
    (sided,) = pool_of(own).scenes
    assert not sided.mirrors
    rng = np.random.default_rng(0)
    drawn = [pool_of(own).drawn(3, rng).shown.areas for _ in range(10)]
    assert all((areas == sided.shown.areas).all() for areas in drawn)


def test_a_mirrored_frame_has_mirrored_masks(frames: Path) -> None:
    pool = pool_of(frames)
    rng, seen = np.random.default_rng(0), set()
    for _ in range(60):
        drawn = pool.drawn(2, rng)
        origin = next(one for one in pool.scenes if (one.shown.areas == drawn.shown.areas).all() or
                      (one.shown.areas[:, :, ::-1] == drawn.shown.areas).all())  # fmt: skip
        mirrored = not (origin.shown.areas == drawn.shown.areas).all()
        shown = origin.shown.frames[:, :, ::-1] if mirrored else origin.shown.frames
        assert abs(drawn.shown.frames.astype(float) - shown).mean() < 30  # the light is another
        seen.add(mirrored)
    assert seen == {True, False}


def test_nothing_but_mask_and_presence_is_learned_of_them(frames: Path) -> None:
    torch.manual_seed(0)
    learner = Learner(tiny.CONFIG)
    batch = learner.on_device(batch_of(pool_of(frames)))
    counts = learner.counts(batch, True)
    assert float(counts["mask"]) == batch.masks.numel() and float(counts["dice"]) == 12
    for name in ("dense", "reference", "motion"):
        assert not counts[name].any(), name
    terms = learner(batch, {name: count.clamp(min=1) for name, count in counts.items()}, True)
    assert all(terms[name].item() == 0 for name in ("dense", "reference", "motion"))
    assert terms["mask"].item() > 0 and terms["presence"].item() > 0


def test_they_have_no_clips(frames: Path) -> None:
    pool = pool_of(frames)
    assert pool.resting() is pool and not pool.moving().scenes
    assert {len(batch_of(pool, step).clips[0]) for step in range(8)} == {1}


def test_a_phase_without_expressions_leaves_them_out(frames: Path) -> None:
    assert SceneBatches([pool_of(frames)], WORDS, 8, 4, 0, 0.3, 5).resting == []
