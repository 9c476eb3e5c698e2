"""The figures of an evaluation, by hand."""

from __future__ import annotations

import numpy as np

from model_training.scoring.findings import Findings


def pixels(*filled: int) -> np.ndarray:
    mask = np.zeros(10, bool)
    mask[list(filled)] = True
    return mask


def test_the_figures_by_hand() -> None:
    findings = Findings()
    findings.kinds["colour"].add(pixels(0, 1, 2), pixels(0, 1, 2))
    findings.kinds["colour"].add(pixels(0), pixels(0, 1))
    findings.kinds["motion"].add(pixels(), pixels(4, 5))
    findings.shown["constant"].add(pixels(0), pixels(0, 1, 2, 3))
    findings.shown["clip"].add(pixels(4, 5), pixels(4, 5))
    findings.shown["still"].add(pixels(4), pixels(4, 5))
    findings.kept += [True, True, False]
    findings.told["thing"] = [True, True, False, True]
    findings.told["anchor"] = [False]
    findings.swapped += [True, False]
    assert findings.figures() == {
        "overall IoU": 0.5714,
        "mean IoU": 0.5,
        "P@0.5": 0.6667,
        "P@0.6": 0.3333,
        "P@0.7": 0.3333,
        "P@0.8": 0.3333,
        "P@0.9": 0.3333,
        "mean IoU, colour": 0.75,
        "mean IoU, motion": 0.0,
        "present called absent": 0.3333,
        "absent told": 0.6,
        "absent told, no such anchor": 0.0,
        "absent told, no such thing": 0.75,
        "control: anchor swapped, absent told": 0.5,
        "control: constant expression, mean IoU": 0.25,
        "motion, clip minus one frame, mean IoU": 0.5,
        "expressions": 8.0,
    }


def test_what_was_not_asked_has_no_figure() -> None:
    assert Findings().figures() == {"expressions": 0.0}


def test_merged_scenes_are_one_whole() -> None:
    whole, parts = Findings(), [Findings() for _ in range(3)]
    rng = np.random.default_rng(0)
    for index in range(30):
        mask, truth = rng.random((2, 10)) < 0.5
        flag = bool(rng.random() < 0.5)
        for findings in (whole, parts[index % 3]):
            findings.kinds["colour" if index % 2 else "motion"].add(mask, truth)
            findings.shown["still"].add(truth, mask)
            findings.shown["clip"].add(mask, truth)
            findings.kept.append(flag)
            findings.told.setdefault("thing" if index % 4 else "order", []).append(flag)
            findings.swapped.append(not flag)
    merged = Findings.merged(parts)
    assert merged.figures() == whole.figures()
