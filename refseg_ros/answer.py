"""Turns the network's output for one expression into an answer in pixels of the source image."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import NamedTuple

import cv2
import numpy as np

from refseg_ros.engines.manifest import Certainty, Thresholds
from refseg_ros.engines.network import Outcome
from refseg_ros.expression import Tokens
from refseg_ros.geometry import Letterbox
from refseg_ros.text import printable, quoted


class Verdict(IntEnum):
    """The result of an answer; the numbers are those of the Segmentation message."""

    FOUND = 1
    NOT_FOUND = 2
    UNCERTAIN = 3
    NOT_UNDERSTOOD = 4
    STALE = 5

    @property
    def label(self) -> str:
        """The name for people: "not found"."""
        return self.name.replace("_", " ").lower()


class Box(NamedTuple):
    """The smallest upright rectangle around a mask, in whole source pixels; all 0 for an empty mask."""

    x: int
    y: int
    width: int
    height: int

    @property
    def window(self) -> tuple[slice, slice]:
        """Index of its pixels in an image."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)


NO_BOX = Box(0, 0, 0, 0)
"""The box of an empty mask."""

POSSIBLE = 0.15
"""Least probability of a pixel that may belong to the thing."""
SMALLEST = 1e-4
"""Smallest share of the frame in an `Evidence`; it also stands for an empty mask."""


class Evidence(NamedTuple):
    """The evidence for an answer; the bundle's `certainty` turns it into the score."""

    presence: float
    """Logit of "there is such a thing"."""
    strength: float = 0.0
    """Mean probability of the mask's pixels ("maskness" of SOLO)."""
    sharpness: float = 0.0
    """How many pixels of the frame are above the mask's threshold, as a share of those above POSSIBLE."""
    size: float = math.log(SMALLEST)
    """Logarithm of the mask's share of the frame."""


@dataclass(frozen=True, eq=False)
class Answer:
    """The answer to one expression on one frame of (H, W) pixels."""

    text: str
    """The expression as the user gave it."""
    verdict: Verdict
    """With FOUND the mask has at least one pixel, with UNCERTAIN it may have some, otherwise it is empty."""
    score: float
    """Probability, in [0, 1], that the thing is in the frame and the mask is on it, as estimated by the bundle's
    `certainty`. 0 if the expression was not understood or the frame was too old."""
    mask: np.ndarray
    """(H, W) uint8: 255 where the thing is, else 0."""
    box: Box
    words: tuple[str, ...] = ()
    """The words that the network saw, including unknown ones."""
    word_attention: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    """(levels, len(words)) float32: how much each level of the network attended to each word; rows sum to one."""
    unknown_words: tuple[str, ...] = ()
    truncated_words: tuple[str, ...] = ()
    """Words beyond the longest expression, which the network did not see."""
    evidence: Evidence | None = None
    """What the score was computed from; None for NOT_UNDERSTOOD, STALE, and answers read from a message."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """Notes on the expression for a person, one per line of a terminal."""
        lines = []
        if self.unknown_words:
            lines.append(f"words that the model does not know: {printable(', '.join(self.unknown_words))}")
        if self.truncated_words:
            lines.append(f"the expression is too long; not seen: {printable(' '.join(self.truncated_words))}")
        if self.verdict is Verdict.NOT_UNDERSTOOD and not self.unknown_words:
            fault = "names no thing" if self.words else "has no words"
            lines.append(f"the expression {printable(quoted(self.text))} {fault}; say what to find, as the red mug")
        return tuple(lines)


def not_understood(text: str, tokens: Tokens, letterbox: Letterbox, levels: int) -> Answer:
    """The answer to an expression without a known noun or any known word; its word attention is zero."""
    attention = np.zeros((levels, len(tokens.words)), np.float32)
    return _without_mask(text, Verdict.NOT_UNDERSTOOD, letterbox, tokens, attention)


def stale(text: str, height: int, width: int) -> Answer:
    """The answer for a frame that is too old; it says nothing about the frame's content."""
    return Answer(text, Verdict.STALE, 0.0, np.zeros((height, width), np.uint8), NO_BOX)


def conclude(
    text: str,
    tokens: Tokens,
    outcome: Outcome,
    letterbox: Letterbox,
    thresholds: Thresholds,
    certainty: Certainty,
) -> Answer:
    """Make the answer from the network's output for one expression.

    Args:
        text: the expression.
        tokens: its words.
        outcome: the network's output for it.
        letterbox: of the frame.
        thresholds: probabilities that decide the verdict and the mask.
        certainty: weights of the evidence in the score.
    """
    evidence = Evidence(outcome.presence)
    attention = tokens.of_words(outcome.word_attention)
    nothing = _without_mask(text, Verdict.NOT_FOUND, letterbox, tokens, attention)
    if probability(outcome.presence) < thresholds.absent:
        return replace(nothing, score=score_of(evidence, certainty), evidence=evidence)
    logits = letterbox.restore(outcome.logits)
    mask, box = likeliest_part(logits - _logit(thresholds.mask))
    if box.width:
        evidence = _evidence(outcome.presence, logits, mask, box, thresholds.mask)
    score = score_of(evidence, certainty)
    is_found = score >= thresholds.found and box.width > 0 and not tokens.doubtful
    verdict = Verdict.FOUND if is_found else Verdict.UNCERTAIN
    return replace(nothing, verdict=verdict, score=score, mask=mask, box=box, evidence=evidence)


def score_of(evidence: Evidence, certainty: Certainty) -> float:
    """How likely an answer with this evidence is right, in [0, 1]."""
    weights = (certainty.presence, certainty.strength, certainty.sharpness, certainty.size)
    return probability(certainty.bias + sum(map(operator.mul, weights, evidence)))


def _evidence(presence: float, logits: np.ndarray, mask: np.ndarray, box: Box, threshold: float) -> Evidence:
    """The evidence for a mask that is not empty."""
    own = logits[box.window][mask[box.window] > 0]
    likely, possible = (
        int(np.count_nonzero(logits > _logit(least))) for least in (threshold, min(POSSIBLE, threshold))
    )
    size = max(own.size / logits.size, SMALLEST)
    return Evidence(presence, mean_probability(own), likely / possible, math.log(size))


def probability(logit: float) -> float:
    """The sigmoid, without overflow."""
    return 0.5 * (1.0 + math.tanh(0.5 * logit))


def mean_probability(logits: np.ndarray) -> float:
    """Mean sigmoid of float32 logits."""
    return float((0.5 + 0.5 * np.tanh(0.5 * logits)).mean())


def _logit(share: float) -> np.float32:
    return np.float32(math.log(share / (1.0 - share)))


def likeliest_part(logits: np.ndarray) -> tuple[np.ndarray, Box]:
    """The connected positive part with the greatest sum of log-odds, as a mask, and its box.

    An expression names one thing. If the network hesitates between two, halves of both are no useful answer, least of
    all for a gripper. If something narrow crosses the thing, one part remains.

    Args:
        logits: (H, W) float32, log-odds against the threshold.

    Returns:
        (H, W) uint8, 0 or 255, and the box; all 0 if nothing is positive.
    """
    positive = logits > 0
    mask = positive.view(np.uint8) * np.uint8(255)
    box = Box(*cv2.boundingRect(mask))
    if box.width == 0:
        return mask, NO_BOX
    window = box.window
    count, parts = cv2.connectedComponents(mask[window])
    if count == 2:  # the background and one part
        return mask, box
    inside = np.flatnonzero(positive[window])
    evidence = np.bincount(parts.ravel()[inside], logits[window].ravel()[inside], count)
    mask[window] *= parts == int(evidence.argmax())
    left, top, width, height = cv2.boundingRect(mask[window])
    return mask, Box(box.x + left, box.y + top, width, height)


def _without_mask(
    text: str, verdict: Verdict, letterbox: Letterbox, tokens: Tokens, word_attention: np.ndarray
) -> Answer:
    mask = np.zeros((letterbox.source_height, letterbox.source_width), np.uint8)
    return Answer(text, verdict, 0.0, mask, NO_BOX, tokens.words, word_attention, tokens.unknown, tokens.truncated)
