"""Asks a model about fresh simulated scenes, through the runtime that a robot uses."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from tqdm import tqdm

from model_training.datasets.phrase_choice import choose
from model_training.scoring.findings import Findings
from model_training.scoring.reliability import claims
from refseg_ros.answer import Verdict
from refseg_ros.config import SegmenterConfig
from refseg_ros.segmenter import Segmenter
from refseg_ros.simulation.phrases import Phrase, phrases
from refseg_ros.simulation.scans import ScanSet
from refseg_ros.simulation.tabletop import Frame, Tabletop

WIDTH, HEIGHT = 640, 480
MOVING_SHARE = 0.35
EXPRESSIONS = 6
"""Per scene."""
CONSTANT = "the object"
"""A control asks this instead of every expression, to see how far salience alone goes."""


class Evaluation:
    """Walks through scenes with one model.

    Args:
        bundle: folder of the model.
        split: of the scenes, "held_out" or "train".
        seed: of the first scene; the others follow.
        outlines: how masks are outlined, one of `refseg_ros.config.OUTLINES`.
        objects: what is on the table instead of the simulator's own things, see `things_of`.
    """

    def __init__(
        self,
        bundle: Path,
        split: str,
        seed: int,
        outlines: str = SegmenterConfig.outlines,
        objects: ScanSet | None = None,
    ) -> None:
        self.segmenter = Segmenter(bundle, outlines=outlines)
        self.split, self.seed, self.objects = split, seed, objects

    def run(self, expressions: int) -> list[Findings]:
        """Ask this many expressions, on as many scenes as it takes; returns the findings of each scene."""
        asked, findings = 0, []
        with Tabletop(WIDTH, HEIGHT, self.objects) as tabletop, tqdm(total=expressions, unit="expression") as bar:
            while asked < expressions:
                scene = self.seed + len(findings)
                rng = np.random.default_rng([scene, 2])
                frames = self._frames(tabletop, scene, rng)
                chosen = choose(self.offered(frames[-1], rng), EXPRESSIONS, rng)[: expressions - asked]
                findings.append(self._ask(frames, chosen))
                asked += len(chosen)
                bar.update(len(chosen))
        return findings

    def offered(self, frame: Frame, rng: np.random.Generator) -> list[Phrase]:
        """All expressions about a frame."""
        if self.objects is None:
            return phrases(frame.objects, WIDTH, HEIGHT, rng)
        return phrases(frame.objects, WIDTH, HEIGHT, rng, nouns=self.objects.nouns, closed=False)

    def _frames(self, tabletop: Tabletop, seed: int, rng: np.random.Generator) -> list[Frame]:
        moving = bool(rng.random() < MOVING_SHARE)
        tabletop.reset(seed, self.split, moving=moving)
        clip = self.segmenter.manifest.clip
        frames = []
        for index in range(clip.length if moving else 1):
            tabletop.advance(clip.interval if index else float(rng.uniform(0.0, 0.5)))
            frames.append(tabletop.render(depth=False))
        return frames

    def _ask(self, frames: list[Frame], chosen: list[Phrase]) -> Findings:
        stream, still = self.segmenter.stream(), self.segmenter.stream()
        for frame in frames:
            stream.observe(frame.rgb, frame.stamp)
        still.observe(frames[-1].rgb, frames[-1].stamp)
        findings = Findings()
        for phrase, answer in zip(chosen, stream.answer([phrase.text for phrase in chosen]), strict=True):
            absent = answer.verdict == Verdict.NOT_FOUND
            truth = frames[-1].labels == phrase.target
            findings.claims += claims(answer, truth)
            if phrase.target is None:
                findings.told.setdefault(phrase.reason, []).append(absent)
                continue
            findings.kinds[phrase.kind].add(answer.mask > 0, truth)
            findings.kept.append(not absent)
            if phrase.swapped:
                findings.swapped.append(stream.answer([phrase.swapped])[0].verdict == Verdict.NOT_FOUND)
        with self._whatever_the_verdict():
            constant = stream.answer([CONSTANT])[0]
            for phrase in (phrase for phrase in chosen if phrase.target is not None):
                truth = frames[-1].labels == phrase.target
                findings.shown["constant"].add(constant.mask > 0, truth)
                if phrase.kind == "motion":
                    for name, source in (("clip", stream), ("still", still)):
                        findings.shown[name].add(source.answer([phrase.text])[0].mask > 0, truth)
        return findings

    @contextmanager
    def _whatever_the_verdict(self) -> Iterator[None]:
        """Inside, every answer has a mask."""
        own = self.segmenter.thresholds
        self.segmenter.thresholds = dataclasses.replace(own, absent=0.0)
        try:
            yield
        finally:
            self.segmenter.thresholds = own


def things_of(objects: ScanSet, split: str) -> ScanSet:
    """The scans that training sees or, for the split "held_out", does not see; all if there are none such."""
    chosen = tuple(scan for scan in objects.scans if scan.held_out == (split == "held_out"))
    return ScanSet(chosen or objects.scans)
