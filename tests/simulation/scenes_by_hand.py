"""Scenes as truth alone, without pictures: cheap, so that thousands of expressions can be checked."""

from __future__ import annotations

import numpy as np

from refseg_ros.simulation.appearance import allowed_pairs
from refseg_ros.simulation.tabletop import ObjectTruth

WIDTH, HEIGHT = 192, 144
MOTIONS = ("rolling", "sliding", "pushed", "falling")


def thing(
    instance_id: int, class_name: str, colour: str, x: float = 0.5, away: float = 0.0, **others: object
) -> ObjectTruth:
    """A clearly visible thing: `x` is its centre in the image (0 to 1), `away` its distance on the table in metres."""
    fields: dict[str, object] = {
        "instance_id": instance_id,
        "class_name": class_name,
        "colour": colour,
        "finish": "plain",
        "scale": 1.0,
        "position": (x - 0.5, 0.0, 1.0 + away),
        "velocity": (0.0, 0.0, 0.0),
        "ground": (x - 0.5, away),
        "motion": None,
        "pixels": 400,
        "visible_fraction": 1.0,
        "box": (round(x * WIDTH) - 10, 60, 20, 20),
    }
    return ObjectTruth(**{**fields, **others})  # type: ignore[arg-type]


def draw(seed: int, split: str = "train") -> tuple[ObjectTruth, ...]:
    """A scene at random: few classes and colours, so that there are distractors; some things hidden, some in motion."""
    rng = np.random.default_rng([seed, 99])
    allowed = sorted(allowed_pairs(split))
    classes = rng.choice(sorted({name for _, name in allowed}), 3, replace=False)
    pairs = [pair for pair in allowed if pair[1] in classes]
    few = [pairs[i] for i in rng.choice(len(pairs), min(6, len(pairs)), replace=False)]
    moving = rng.random() < 0.5
    things = []
    for index in range(int(rng.integers(2, 10))):
        colour, name = few[int(rng.integers(len(few)))]
        moves = moving and rng.random() < 0.4
        velocity = tuple(float(v) for v in rng.normal(0, 0.25 if moves else 0.005, 3))
        moves = moves and float(np.linalg.norm(velocity)) > 0.05
        fraction = float(rng.choice([0.0, 0.3, 0.9], p=[0.05, 0.1, 0.85]))
        things.append(
            thing(
                index + 1, name, colour, float(rng.uniform(0.06, 0.94)), float(rng.uniform(-0.3, 0.4)),
                scale=float(rng.uniform(0.7, 1.42)), velocity=velocity,
                motion=MOTIONS[int(rng.integers(4))] if moves else None,
                visible_fraction=fraction, pixels=round(400 * fraction),
            )
        )  # fmt: skip
    return tuple(things)
