"""Scores on cases worked by hand, and against torchmetrics and pycocotools."""

from __future__ import annotations

import contextlib
import io
import math
import pickle

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torchmetrics.classification import BinaryJaccardIndex

from model_training.scoring.metrics import PresenceScores, Scores, SequenceScores, intersection_union


def mask(*pixels: int, size: int = 10) -> np.ndarray:
    made = np.zeros((1, size), bool)
    made[0, list(pixels)] = True
    return made


def test_intersection_and_union() -> None:
    assert intersection_union(mask(0, 1, 2), mask(2, 3)) == (1, 4)
    assert intersection_union(mask(), mask()) == (0, 0)


def test_overall_mean_and_precision() -> None:
    scores = Scores()
    scores.add(mask(0, 1), mask(0, 1))  # 2 of 2
    scores.add(mask(0, 1, 2), mask(0))  # 1 of 3
    scores.add(mask(5), mask(6, 7, 8, 9))  # 0 of 5
    scores.add(mask(*range(10)), mask(*range(5)))  # 5 of 10
    assert scores.ious.tolist() == pytest.approx([1, 1 / 3, 0, 0.5])
    assert scores.overall == pytest.approx(8 / 20)
    assert scores.mean == pytest.approx((1 + 1 / 3 + 0.5) / 4)
    assert scores.precision(0.5) == 0.5 and scores.precision(0.6) == 0.25 and scores.precision(1.0) == 0.25


def test_large_things_weigh_more_in_overall_iou_only() -> None:
    scores = Scores()
    scores.add(np.ones((100, 100), bool), np.ones((100, 100), bool))
    scores.add(mask(0), mask(1))
    assert scores.mean == 0.5 and scores.overall == pytest.approx(10000 / 10002)


def test_two_empty_masks_agree_and_one_does_not() -> None:
    scores = Scores()
    scores.add(mask(), mask())
    scores.add(mask(1), mask())
    assert scores.ious.tolist() == [1.0, 0.0] and scores.overall == 0.0


def test_nothing_has_no_score() -> None:
    nothing = Scores()
    assert len(nothing) == 0
    assert math.isnan(nothing.overall) and math.isnan(nothing.mean) and math.isnan(nothing.precision(0.5))


def test_merged_scores_are_those_of_all_samples() -> None:
    first, second = Scores(), Scores()
    first.add(mask(0), mask(0))
    second.add(mask(0), mask(1, 2))
    whole = Scores.merged([first, second])
    assert len(whole) == 2 and whole.overall == 0.25 and len(first) == 1


def test_mean_precision_is_that_of_its_ten_thresholds() -> None:
    """Literally as CSTM's code: counts of IoUs that reach each threshold, over all expressions."""
    rng, scores = np.random.default_rng(3), Scores()
    for union in rng.integers(1, 21, 60):  # IoUs are also exactly at thresholds
        scores.add(np.arange(20) < rng.integers(1, union + 1), np.arange(20) < union, rng.random())
    reached = []
    for threshold in (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95):
        reached.append(sum(iou >= threshold for iou in scores.ious) / 60)
    assert scores.mean_precision == pytest.approx(sum(reached) / 10, abs=1e-12)
    assert scores.mean_precision != pytest.approx(scores.average_precision, abs=0.01)
    exact = Scores()
    exact.add(mask(0, 1, 2, 3, 4, 5), mask(*range(10)))  # 0.6: at three thresholds of ten
    assert exact.mean_precision == pytest.approx(0.3)
    assert math.isnan(Scores().mean_precision)


def test_average_precision_by_hand() -> None:
    scores = Scores()
    scores.add(mask(0, 1, 2), mask(0, 1, 2), 0.9)  # IoU 1
    scores.add(mask(5), mask(0), 0.8)  # IoU 0
    scores.add(mask(0, 1, 2), mask(0, 1, 2, 3), 0.7)  # IoU 0.75
    scores.add(mask(), mask(0), 0.6)  # no detection
    # Of four things, one is found with precision 1, and at thresholds up to 0.75 a second with 2/3.
    # 26 of 101 recalls are at most 1/4, 25 more at most 1/2.
    low, high = (26 + 25 * 2 / 3) / 101, 26 / 101
    assert scores.average_precision == pytest.approx((6 * low + 4 * high) / 10)


def test_average_precision_has_no_order() -> None:
    cases = [(mask(0), mask(0)), (mask(0), mask(1)), (mask(0, 1), mask(0, 1, 2))]
    orders = [Scores(), Scores()]
    for scores, turned in zip(orders, (cases, cases[::-1]), strict=True):
        for case in turned:
            scores.add(*case)
    assert orders[0].average_precision == orders[1].average_precision


def test_what_is_not_there_can_only_be_wrongly_detected() -> None:
    scores = Scores()
    scores.add(mask(), mask(), 0.9)
    assert math.isnan(scores.average_precision)
    scores.add(mask(0), mask(0), 0.5)
    assert scores.average_precision == pytest.approx(1)
    scores.add(mask(1), mask(), 0.7)
    assert scores.average_precision == pytest.approx(0.5)


def random_samples(seed: int, samples: int) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """Masks of rectangles that agree more or less; some are empty."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(samples):
        truth, guess = np.zeros((30, 40), bool), np.zeros((30, 40), bool)
        y, x, height, width = (int(value) for value in rng.integers((0, 0, 4, 4), (15, 20, 15, 20)))
        if rng.random() < 0.9:
            truth[y : y + height, x : x + width] = True
        if rng.random() < 0.9:
            guess[y + rng.integers(3) : y + height, x + rng.integers(3) : x + width] = True
        made.append((guess, truth, float(rng.random())))
    return made


def test_iou_as_by_torchmetrics() -> None:
    scores, whole, each = Scores(), BinaryJaccardIndex(), []
    for guess, truth, _ in random_samples(0, 40):
        scores.add(guess, truth)
        tensors = torch.as_tensor(guess).int(), torch.as_tensor(truth).int()
        whole.update(*tensors)
        one = BinaryJaccardIndex(zero_division=1)
        each.append(float(one(*tensors)))
    assert scores.overall == pytest.approx(float(whole.compute()), rel=1e-6)
    assert scores.ious.tolist() == pytest.approx(each, rel=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_average_precision_as_by_pycocotools(seed: int) -> None:
    scores = Scores()
    truths, detections = [], []
    for index, (guess, truth, certainty) in enumerate(random_samples(seed, 60), start=1):
        scores.add(guess, truth, certainty)
        there = {"image_id": index, "category_id": 1}
        if truth.any():
            encoded = coco_masks.encode(np.asfortranarray(truth.astype(np.uint8)))
            truths.append(there | {"id": index, "segmentation": encoded, "area": int(truth.sum()), "iscrowd": 0})
        if guess.any():
            encoded = coco_masks.encode(np.asfortranarray(guess.astype(np.uint8)))
            detections.append(there | {"segmentation": encoded, "score": certainty})
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": [{"id": index, "height": 30, "width": 40} for index in range(1, 61)],
            "annotations": truths,
            "categories": [{"id": 1}],
        }
        coco.createIndex()
        judge = COCOeval(coco, coco.loadRes(detections), "segm")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    assert 0.1 < judge.stats[0] < 0.95
    assert scores.average_precision == pytest.approx(judge.stats[0], rel=1e-9)


def test_sequences_count_alike_however_long() -> None:
    scores = SequenceScores()
    box = np.zeros((30, 40), bool)
    box[5:15, 5:15] = True
    for _ in range(3):
        scores.add("long", box, box)
    scores.add("short", np.zeros_like(box), box)
    assert (scores.region, scores.contour, scores.both, len(scores)) == (0.5, 0.5, 0.5, 2)
    half = box.copy()
    half[10:] = False
    scores.add("short", half, box)
    assert scores.region == pytest.approx((1 + 0.25) / 2) and 0.5 < scores.contour < 1
    assert scores.both == pytest.approx((scores.region + scores.contour) / 2)
    assert math.isnan(SequenceScores().both)


def test_presence() -> None:
    scores = PresenceScores()
    assert math.isnan(scores.accuracy)
    for said, there in ((True, True), (True, False), (False, False), (False, True), (True, True)):
        scores.add(said, there)
    assert scores.accuracy == pytest.approx(3 / 5)


def part_of(first: int) -> tuple[Scores, SequenceScores, PresenceScores]:
    """What one of three parts is."""
    scores, sequences, presence = Scores(), SequenceScores(), PresenceScores()
    for index, (guess, truth, certainty) in list(enumerate(random_samples(7, 50)))[first::3]:
        scores.add(guess, truth, certainty)
        sequences.add(f"video {index % 4}", guess, truth)
        presence.add(bool(guess.any()), bool(truth.any()))
    return scores, sequences, presence


def test_parts_from_other_processes_give_what_the_whole_gives() -> None:
    parts = [pickle.loads(pickle.dumps(part_of(first))) for first in range(3)]
    alone = Scores()
    for sample in random_samples(7, 50):
        alone.add(*sample)
    for order in (parts, parts[::-1]):
        scores = Scores.merged(part[0] for part in order)
        sequences = SequenceScores.merged(part[1] for part in order)
        presence = PresenceScores.merged(part[2] for part in order)
        assert (scores.overall, scores.precision(0.7)) == (alone.overall, alone.precision(0.7))
        assert scores.mean == pytest.approx(alone.mean, rel=1e-12)
        assert scores.average_precision == alone.average_precision
        assert len(sequences) == 4 and sum(part[2] for part in sequences.sums.values()) == presence.total == 50
        assert 0 < sequences.both < 1 and 0.5 < presence.accuracy <= 1
