"""The questions of the demonstration about simulated scenes, and the scores of the answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from refseg_ros.answer import Verdict
from refseg_ros.demo.client import Client
from refseg_ros.demo.processes import DemoError
from refseg_ros.demo.table import Row
from refseg_ros.simulation.phrases import Phrase, phrases
from refseg_ros.simulation.tabletop import ObjectTruth

PLAN = (
    *("class", "colour", "size", "place", "order"),
    *("relation", "relation", "negation", "motion", "motion", "absent", "absent"),
)
"""Kinds of the expressions to ask."""
MOST_SCENES = 80
SETTLING = 1.0
"""Seconds until a new scene fills the node's clip of past images."""
MOTION_WAIT = 3.0
"""Seconds within which a scene with motion starts a new motion."""


def ask_plan(client: Client, seed: int) -> Iterator[Row]:
    """Ask one expression for each entry of PLAN, each on its own scene, starting with the scene `seed`.

    Scenes with motion are asked about motion only.

    Raises:
        DemoError: an answer is missing, or no scene offers an expression of some kind.
    """
    left = list(PLAN)
    for scene in range(seed, seed + MOST_SCENES):
        truth = client.show(scene)
        if not _suitable(truth, left):
            continue
        client.listen(SETTLING)
        row = _ask_scene(client, scene, left)
        if row is not None:
            left.remove(row.kind)
            yield row
        if not left:
            return
    raise DemoError(f"none of {MOST_SCENES} scenes offered an expression of the kinds {', '.join(left)}")


def judge(phrase: Phrase, verdict: Verdict, mask: np.ndarray, truth: np.ndarray) -> float:
    """Intersection over union with the truth, in [0, 1]; if nothing fits, 1 for the verdict "not found" and else 0.

    Args:
        phrase: the expression.
        verdict: of the answer.
        mask: (H, W) uint8 of the answer, non-zero on the thing.
        truth: (H, W) bool, the true mask.
    """
    if phrase.target is None:
        return float(verdict is Verdict.NOT_FOUND)
    answered = mask > 0
    union = np.count_nonzero(answered | truth)
    return np.count_nonzero(answered & truth) / union if union else 0.0


def _suitable(truth: dict[str, Any], left: Sequence[str]) -> bool:
    return "motion" in left if _moving(truth) else any(kind != "motion" for kind in left)


def _ask_scene(client: Client, scene: int, left: Sequence[str]) -> Row | None:
    """Ask about the shown scene; None if it offers no expression of the kinds that are left.

    The expression depends on the scene, not on how long others took: if nothing moves, each run asks the same.
    """
    for _ in range(round(MOTION_WAIT / 0.2)):
        truth = client.newest_truth
        rng = np.random.default_rng(scene)
        phrase = None if truth is None else _choose(truth, client.size or (0, 0), left, rng)
        if truth is None or phrase is None:
            if truth is None or "motion" not in left:
                return None
            client.listen(0.2)  # until the next motion starts
            continue
        reply = client.ask(phrase.text)
        if reply.truth is not None and reply.labels is not None and _still_true(phrase, truth, reply.truth):
            nowhere = np.zeros(reply.labels.shape, bool)
            where = nowhere if phrase.target is None else reply.labels == phrase.target
            iou = judge(phrase, Verdict(reply.result.verdict), reply.mask, where)
            return Row.of(phrase.text, phrase.kind, reply, iou, where)
    return None


def _choose(
    truth: dict[str, Any], size: tuple[int, int], left: Sequence[str], rng: np.random.Generator
) -> Phrase | None:
    objects = [ObjectTruth(**item) for item in truth["objects"]]
    offered = phrases(objects, *size, rng)
    kinds = ["motion"] if _moving(truth) else [kind for kind in left if kind != "motion"]
    for kind in kinds:
        fitting = [phrase for phrase in offered if phrase.kind == kind and kind in left]
        if fitting:
            return fitting[rng.integers(len(fitting))]
    return None


def _still_true(phrase: Phrase, before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether the expression, chosen for the truth `before`, still holds for the image of the answer."""
    if before["seed"] != after["seed"] or _moving(before) != _moving(after):
        return False
    if phrase.kind != "motion":
        return True
    was, now = (
        next(np.array(item["velocity"]) for item in truth["objects"] if item["instance_id"] == phrase.target)
        for truth in (before, after)
    )
    return float(was @ now) > 0.5 * float(np.linalg.norm(was) * np.linalg.norm(now))


def _moving(truth: dict[str, Any]) -> dict[int, str]:
    return {item["instance_id"]: item["motion"] for item in truth["objects"] if item["motion"] is not None}
