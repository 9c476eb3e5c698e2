"""Score a model bundle on fresh simulated scenes, or on a benchmark (--data): `python -m model_training.evaluate`.

The scenes have seeds, textures and pairs of colour and class that training never saw; they are rendered at a camera's
size and go through the runtime that a robot uses. Beside the scores stand controls, which tell understanding from
guessing.

`--data DIR` scores the bundle on a benchmark's folder instead, and prints rows like those of the paper's Tables 3 to 8.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from model_training.benchmark import Benchmark, BenchmarkScores, scored, show_always
from model_training.datasets.formats import open_folder
from model_training.datasets.tabletop import choose
from model_training.metrics import THRESHOLDS, Scores
from model_training.tables import markdown, table_of
from refseg_ros.answer import Verdict
from refseg_ros.config import OUTLINES, SegmenterConfig
from refseg_ros.engines.bundle import MANIFEST, SHIPPED, Bundle
from refseg_ros.files import write_bytes
from refseg_ros.segmenter import Segmenter
from refseg_ros.simulation.phrases import KINDS, Phrase, phrases
from refseg_ros.simulation.tabletop import Frame, Tabletop

WIDTH, HEIGHT = 640, 480
MOVING_SHARE = 0.35
EXPRESSIONS = 6
"""Per scene."""
CONSTANT = "the object"
"""What every expression is replaced by to see how far salience alone goes."""


@dataclass
class Findings:
    """What evaluation gathers."""

    kinds: dict[str, Scores] = field(default_factory=lambda: {kind: Scores() for kind in KINDS if kind != "absent"})
    """The answers' masks, empty where the model said that there is nothing."""
    shown: dict[str, Scores] = field(default_factory=lambda: {name: Scores() for name in ("constant", "clip", "still")})
    """Masks whatever the verdict: a constant expression; motion expressions with the clip, and on one frame."""
    kept: list[bool] = field(default_factory=list)
    """Of expressions that fit: not called absent."""
    told: dict[str, list[bool]] = field(default_factory=dict)
    """Of expressions that fit nothing, by reason: called absent."""
    certainty: dict[bool, list[float]] = field(default_factory=lambda: {True: [], False: []})
    """Scores of the answers to expressions that fit (True) and that fit nothing (False)."""
    swapped: list[bool] = field(default_factory=list)
    """Of relations whose anchor was replaced by an absent thing: called absent."""

    def figures(self) -> dict[str, float]:
        """Each figure by its name; one of which there was no sample is left out."""
        whole = Scores.merged(self.kinds.values())
        named = {"overall IoU": whole.overall, "mean IoU": whole.mean}
        named |= {f"P@{threshold}": whole.precision(threshold) for threshold in THRESHOLDS}
        named |= {f"mean IoU, {kind}": scores.mean for kind, scores in self.kinds.items()}
        named["present called absent"] = 1 - _share(self.kept)
        named["absent told"] = _share(flag for flags in self.told.values() for flag in flags)
        named |= {f"absent told, no such {reason}": _share(flags) for reason, flags in sorted(self.told.items())}
        named["control: anchor swapped, absent told"] = _share(self.swapped)
        named["control: constant expression, mean IoU"] = self.shown["constant"].mean
        named["motion, clip minus one frame, mean IoU"] = self.shown["clip"].mean - self.shown["still"].mean
        named["expressions"] = len(self.kept) + sum(map(len, self.told.values()))
        return {name: round(float(value), 4) for name, value in named.items() if not math.isnan(value)}


def _share(flags: Iterable[bool]) -> float:
    flags = list(flags)
    return sum(flags) / len(flags) if flags else float("nan")


class Evaluation:
    """Walks through scenes with one model.

    Args:
        bundle: folder of the model.
        split: of the scenes, "held_out" or "train".
        seed: of the first scene; the others follow.
        outlines: how masks are outlined.
    """

    def __init__(self, bundle: Path, split: str, seed: int, outlines: str = SegmenterConfig.outlines) -> None:
        self.segmenter = Segmenter(bundle, outlines=outlines)
        self.showing = Segmenter(bundle, outlines=outlines)
        show_always(self.showing)
        self.split, self.seed = split, seed
        self.findings = Findings()

    def run(self, expressions: int) -> Findings:
        """Ask about this many expressions, on as many scenes as it takes."""
        asked, scene = 0, self.seed
        with Tabletop(WIDTH, HEIGHT) as tabletop, tqdm(total=expressions, unit="expression") as bar:
            while asked < expressions:
                rng = np.random.default_rng([scene, 2])
                frames = self._frames(tabletop, scene, rng)
                chosen = choose(phrases(frames[-1].objects, WIDTH, HEIGHT, rng), EXPRESSIONS, rng)
                chosen = chosen[: expressions - asked]
                self._ask(frames, chosen)
                asked, scene = asked + len(chosen), scene + 1
                bar.update(len(chosen))
        return self.findings

    def _frames(self, tabletop: Tabletop, seed: int, rng: np.random.Generator) -> list[Frame]:
        moving = bool(rng.random() < MOVING_SHARE)
        tabletop.reset(seed, self.split, moving=moving)
        clip = self.segmenter.manifest.clip
        frames = []
        for index in range(clip.length if moving else 1):
            tabletop.advance(clip.interval if index else float(rng.uniform(0.0, 0.5)))
            frames.append(tabletop.render(depth=False))
        return frames

    def _ask(self, frames: list[Frame], chosen: list[Phrase]) -> None:
        stream, showing, still = self.segmenter.stream(), self.showing.stream(), self.showing.stream()
        for frame in frames:
            stream.observe(frame.rgb, frame.stamp)
            showing.observe(frame.rgb, frame.stamp)
        still.observe(frames[-1].rgb, frames[-1].stamp)
        constant = showing.answer([CONSTANT])[0]
        findings = self.findings
        for phrase, answer in zip(chosen, stream.answer([phrase.text for phrase in chosen]), strict=True):
            absent = answer.verdict == Verdict.NOT_FOUND
            findings.certainty[phrase.target is not None].append(answer.score)
            if phrase.target is None:
                findings.told.setdefault(phrase.reason, []).append(absent)
                continue
            truth = frames[-1].labels == phrase.target
            findings.kinds[phrase.kind].add(answer.mask > 0, truth)
            findings.kept.append(not absent)
            findings.shown["constant"].add(constant.mask > 0, truth)
            if phrase.swapped:
                findings.swapped.append(stream.answer([phrase.swapped])[0].verdict == Verdict.NOT_FOUND)
            if phrase.kind == "motion":
                for name, source in (("clip", showing), ("still", still)):
                    findings.shown[name].add(source.answer([phrase.text])[0].mask > 0, truth)


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m model_training.evaluate", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--bundle", type=Path, default=SHIPPED, help="folder of the model (default: the one that ships)"
    )
    parser.add_argument("--seed", type=int, default=7_000_000, help="seed of the first scene (default: 7000000)")
    parser.add_argument("--expressions", type=int, default=2000, help="how many to ask (default: 2000)")
    parser.add_argument("--split", choices=("held_out", "train"), default="held_out", help="kind of scenes")
    parser.add_argument("--data", type=Path, metavar="DIR", help="a benchmark's folder, to score the bundle on instead")
    parser.add_argument(
        "--set", action="append", help="split of the benchmark; may be repeated (default: all but train)"
    )
    parser.add_argument("--images", type=Path, help="folder of COCO's images, if not in a usual place")
    parser.add_argument(
        "--stride",
        type=int,
        default=Benchmark.stride,
        help="frames of a video from one of a clip to the next (default: %(default)s)",
    )
    parser.add_argument("--processes", type=int, default=1, help="that share a benchmark's work (default: 1)")
    parser.add_argument(
        "--outlines",
        choices=OUTLINES,
        default=SegmenterConfig.outlines,
        help="how masks are outlined (default: %(default)s; the paper's: network, and dense_crf)",
    )
    parser.add_argument("--write", action="store_true", help="keep the figures in the bundle's manifest")
    options = parser.parse_args(arguments)
    try:
        noted = _on_benchmark(options) if options.data else _on_scenes(options)
        if options.write:
            manifest = Bundle.load(options.bundle).manifest
            text = dataclasses.replace(manifest, metrics={**manifest.metrics, **noted}).dump()
            write_bytes(options.bundle / MANIFEST, text.encode())
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _on_scenes(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Print the figures on simulated scenes, and return them by their command."""
    evaluation = Evaluation(options.bundle, options.split, options.seed, options.outlines)
    figures = evaluation.run(options.expressions).figures()
    width = max(map(len, figures))
    for name, value in figures.items():
        print(f"{name:<{width}}  {value:g}")
    outlined = _outlined(options)
    command = f"evaluate --split {options.split} --seed {options.seed} --expressions {options.expressions}{outlined}"
    return {command: figures}


def _on_benchmark(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Print the tables of a benchmark's folder, and return their figures by data set and split."""
    if options.processes < 1 or options.stride < 1:
        raise ValueError("--processes and --stride must be at least 1")
    benchmark = Benchmark(options.bundle, options.data, options.images, options.stride, options.outlines)
    name = Bundle.load(options.bundle).manifest.name + (" + DenseCRF" if options.outlines == "dense_crf" else "")
    noted, together = {}, BenchmarkScores()
    readers = open_folder(options.data, options.images)
    for number, reader in enumerate(readers):
        splits = options.set or [split for split in reader.splits if split != "train"] or reader.splits
        scores = {split: scored(benchmark, reader, number, split, options.processes) for split in splits}
        for part in scores.values():
            together.add(part)
        figures = {split: part.figures() for split, part in scores.items()}
        print(markdown(table_of(reader.name), name, figures), end="\n\n")
        outlined = _outlined(options)
        noted |= {f"evaluate {reader.name} --set {split}{outlined}": of_split for split, of_split in figures.items()}
    if len(readers) > 1:
        shown = ", ".join(f"{key} {value:g}" for key, value in together.figures().items())
        print(f"all {len(readers)} data sets together: {shown}")
    return noted


def _outlined(options: argparse.Namespace) -> str:
    """The option as it was given, if it was."""
    return "" if options.outlines == SegmenterConfig.outlines else f" --outlines {options.outlines}"


if __name__ == "__main__":
    sys.exit(main())
