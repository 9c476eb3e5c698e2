"""From what the network returns for one expression to the answer in pixels of the source image."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import cv2
import numpy as np

from refseg_ros.engines.manifest import Thresholds
from refseg_ros.engines.network import Outcome
from refseg_ros.expression import Encoded
from refseg_ros.geometry import Letterbox


class Verdict(IntEnum):
    """What the answer says; the numbers are those of the Segmentation message."""

    FOUND = 1
    NOT_FOUND = 2
    UNCERTAIN = 3
    NOT_UNDERSTOOD = 4
    STALE = 5

    @property
    def label(self) -> str:
        """Its name as people read it: "not found"."""
        return self.name.replace("_", " ").lower()


class Box(NamedTuple):
    """The smallest upright rectangle around a mask, in whole source pixels; all 0 when the mask is empty."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, eq=False)
class Answer:
    """The answer to one expression on one frame of (H, W) pixels."""

    text: str
    """The expression as it was given."""
    verdict: Verdict
    """A FOUND mask has at least one pixel, an UNCERTAIN one may have some, those of all other verdicts have none."""
    score: float
    """Probability in [0, 1] that the thing is in the frame; 0 when it was not understood, or not looked for."""
    mask: np.ndarray
    """(H, W) uint8: 255 where the thing is, else 0."""
    box: Box
    words: tuple[str, ...]
    """The words that the network saw, unknown ones among them."""
    word_attention: np.ndarray
    """(levels, len(words)) float32: how much each level of the network attended to each word; rows sum to one."""
    unknown_words: tuple[str, ...]
    truncated_words: tuple[str, ...]
    """Words beyond the longest expression, which the network did not see."""


def not_understood(text: str, encoded: Encoded, letterbox: Letterbox, levels: int) -> Answer:
    """The answer to an expression of which no word is known that says something; its word attention is zero."""
    return Answer(
        text=text,
        verdict=Verdict.NOT_UNDERSTOOD,
        score=0.0,
        mask=_empty_mask(letterbox),
        box=Box(0, 0, 0, 0),
        words=encoded.words,
        word_attention=np.zeros((levels, len(encoded.words)), np.float32),
        unknown_words=encoded.unknown,
        truncated_words=encoded.truncated,
    )


def stale(text: str, height: int, width: int) -> Answer:
    """The answer to an expression on a frame that is too old to be answered: nothing is said of what it shows."""
    return Answer(
        text=text,
        verdict=Verdict.STALE,
        score=0.0,
        mask=np.zeros((height, width), np.uint8),
        box=Box(0, 0, 0, 0),
        words=(),
        word_attention=np.zeros((0, 0), np.float32),
        unknown_words=(),
        truncated_words=(),
    )


def conclude(
    text: str,
    encoded: Encoded,
    outcome: Outcome,
    letterbox: Letterbox,
    thresholds: Thresholds,
) -> Answer:
    """The answer that the network's output for one expression amounts to.

    Args:
        text: the expression.
        encoded: its words.
        outcome: what the network returned for it.
        letterbox: the one that the frame went through.
        thresholds: probabilities of the model's manifest.
    """
    score = 0.5 * (1.0 + math.tanh(0.5 * outcome.presence))  # the sigmoid, without overflow
    verdict = _verdict(score, thresholds)
    if verdict is Verdict.NOT_FOUND:
        mask, box = _empty_mask(letterbox), Box(0, 0, 0, 0)
    else:
        threshold = math.log(thresholds.mask / (1.0 - thresholds.mask))
        mask, box = likeliest_part(letterbox.restore(outcome.logits) - np.float32(threshold))
        if box.width == 0:
            verdict = Verdict.UNCERTAIN
    return Answer(
        text=text,
        verdict=verdict,
        score=score,
        mask=mask,
        box=box,
        words=encoded.words,
        word_attention=outcome.word_attention[:, : len(encoded.words)],
        unknown_words=encoded.unknown,
        truncated_words=encoded.truncated,
    )


def likeliest_part(logits: np.ndarray) -> tuple[np.ndarray, Box]:
    """The connected part of what is positive that has the greatest sum of log-odds, as a mask, and its box.

    An expression names one thing. Where the network wavers between two, halves of both are no answer, least of all to
    a gripper. A thing that something narrow crosses gives one of its parts.

    Args:
        logits: (H, W) float32, log-odds against the threshold.

    Returns:
        (H, W) uint8, 0 or 255, and the box; all 0 where nothing is positive.
    """
    mask = (logits > 0).view(np.uint8) * np.uint8(255)
    x, y, width, height = cv2.boundingRect(mask)
    if width == 0:
        return mask, Box(0, 0, 0, 0)
    window = slice(y, y + height), slice(x, x + width)
    count, parts, statistics, _ = cv2.connectedComponentsWithStats(mask[window])
    if count == 2:  # the background and one part
        return mask, Box(x, y, width, height)
    evidence = np.bincount(parts.ravel(), np.maximum(logits[window], 0).ravel(), count)
    best = int(evidence.argmax())  # never part 0, the background, which has none
    mask[window] *= parts == best
    left, top, width, height, _ = (int(value) for value in statistics[best])
    return mask, Box(x + left, y + top, width, height)


def _verdict(score: float, thresholds: Thresholds) -> Verdict:
    if abs(score - thresholds.presence) < thresholds.uncertain:
        return Verdict.UNCERTAIN
    return Verdict.FOUND if score >= thresholds.presence else Verdict.NOT_FOUND


def _empty_mask(letterbox: Letterbox) -> np.ndarray:
    return np.zeros((letterbox.source_height, letterbox.source_width), np.uint8)
