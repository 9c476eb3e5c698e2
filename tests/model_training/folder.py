"""A small folder of somebody's own frames, and the configurations that learn it in a test."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from model_training.configs import paper, small
from tests.model_training import tiny

COLOURS = {"red": (220, 40, 40), "blue": (40, 60, 220), "green": (40, 200, 60)}
HEIGHT, WIDTH = 48, 64


def write_folder(folder: Path, images: int = 4) -> Path:
    """Write frames of three coloured rectangles on grey, with an expression for each, and for one that is not there."""
    rng = np.random.default_rng(3)
    lines = ["image,expression,mask,split"]
    for place in ("images", "masks"):
        (folder / place).mkdir(parents=True, exist_ok=True)
    for number in range(images):
        rgb = rng.integers(90, 110, (HEIGHT, WIDTH, 3)).astype(np.uint8)
        split = "val" if number == images - 1 else "train"
        for index, name in enumerate(rng.permutation(list(COLOURS))):
            top, left = int(rng.integers(2, 28)), 2 + 20 * index
            rgb[top : top + 16, left : left + 16] = COLOURS[name]
            mask = np.zeros((HEIGHT, WIDTH), np.uint8)
            mask[top : top + 16, left : left + 16] = 255
            cv2.imwrite(str(folder / "masks" / f"{number}-{name}.png"), mask)
            lines.append(f"{number}.png,the {name} box,{number}-{name}.png,{split}")
        lines.append(f"{number}.png,the yellow box,,{split}")
        cv2.imwrite(str(folder / "images" / f"{number}.png"), np.ascontiguousarray(rgb[..., ::-1]))
    (folder / "expressions.csv").write_text("\n".join(lines) + "\n")
    return folder


SMALL = replace(
    small.CONFIG,
    name="tiny_small",
    network=replace(tiny.NETWORK, height=HEIGHT, width=WIDTH, clip=1),
    phases=(replace(small.CONFIG.phases[0], steps=6, frames=2, expressions=2, warm_up=2),),
)
"""As `small`."""

PAPER = replace(
    paper.CONFIG,
    name="tiny_paper",
    network=replace(
        paper.CONFIG.network,
        height=HEIGHT,
        width=WIDTH,
        backbone="resnet18",
        stem_channels=8,
        word_channels=16,
        attention_channels=8,
        fusion_channels=12,
        clip=3,
        clip_channels=8,
    ),
    phases=(replace(paper.CONFIG.phases[0], steps=6, frames=2),),
    clip=replace(paper.CONFIG.clip, past=1, future=1),
)
"""As `paper`."""
