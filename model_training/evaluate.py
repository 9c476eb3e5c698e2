"""Score a model bundle on fresh simulated scenes, or on a benchmark (--data): `python -m model_training.evaluate`.

The scenes have seeds, textures and pairs of colour and class that training never saw; they are rendered at a camera's
size and go through the runtime that a robot uses. Beside the scores stand controls, which tell understanding from
guessing. Behind each figure stands the interval that holds 95 % of what it would be over other draws of as many scenes.

`--objects DIR` puts a person's meshes on the table instead of the simulator's own things. Where the folder marks some
as held out, `--split held_out` has these alone.

`--real DIR` scores it on real pictures with labels by its verdicts, as a robot would see it.

`--data DIR` scores the bundle on a benchmark's folder instead, and prints rows like those of the paper's Tables 3 to 8.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from model_training.datasets.formats import open_folder
from model_training.datasets.phrase_choice import choose
from model_training.paper.tables import markdown, table_of
from model_training.scoring.benchmark import OUTLINES, Benchmark, BenchmarkScores, scored
from model_training.scoring.bootstrap import intervals
from model_training.scoring.findings import Findings
from model_training.scoring.real import scored_folders
from refseg_ros.answer import Verdict
from refseg_ros.command import command, program, refuse_without_effect
from refseg_ros.config import SegmenterConfig
from refseg_ros.engines.bundle import MANIFEST, SHIPPED, Bundle
from refseg_ros.files import write_bytes
from refseg_ros.segmenter import Segmenter
from refseg_ros.simulation.phrases import Phrase, phrases
from refseg_ros.simulation.scans import ScanSet
from refseg_ros.simulation.tabletop import Frame, Tabletop

WIDTH, HEIGHT = 640, 480
MOVING_SHARE = 0.35
EXPRESSIONS = 6
"""Per scene."""
CONSTANT = "the object"
"""What every expression is replaced by to see how far salience alone goes."""


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
        """Ask about this many expressions, on as many scenes as it takes; what was found, scene by scene."""
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
        """All that may be asked about a frame."""
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
            findings.certainty[phrase.target is not None].append(answer.score)
            if phrase.target is None:
                findings.told.setdefault(phrase.reason, []).append(absent)
                continue
            findings.kinds[phrase.kind].add(answer.mask > 0, frames[-1].labels == phrase.target)
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
        self.segmenter.thresholds = dataclasses.replace(own, presence=0.0, uncertain=0.0)
        try:
            yield
        finally:
            self.segmenter.thresholds = own


def things_of(objects: ScanSet, split: str) -> ScanSet:
    """Of a folder of meshes those that training sees, or those that it does not; all, if there are no such."""
    chosen = tuple(scan for scan in objects.scans if scan.held_out == (split == "held_out"))
    return ScanSet(chosen or objects.scans)


@command()
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog=program(), description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", type=Path, default=SHIPPED, help="folder or name of the model (default: tabletop)")
    parser.add_argument("--seed", type=int, default=7_000_000, help="seed of the first scene (default: 7000000)")
    parser.add_argument("--expressions", type=int, default=2000, help="how many to ask (default: 2000)")
    parser.add_argument("--split", choices=("held_out", "train"), default="held_out", help="kind of scenes")
    parser.add_argument("--objects", type=Path, metavar="DIR", help="meshes on the table instead of simulated things")
    parser.add_argument("--data", type=Path, metavar="DIR", help="a benchmark's folder, to score the bundle on instead")
    parser.add_argument(
        "--real", type=Path, metavar="DIR", action="append",
        help="real pictures with labels, to score the bundle's verdicts on instead; may be repeated",
    )  # fmt: skip
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
        help="how masks are outlined (default: %(default)s; dense_crf, the paper's, with --data)",
    )
    parser.add_argument("--write", action="store_true", help="keep the figures in the bundle's manifest")
    options = parser.parse_args(arguments)
    on_scenes, on_benchmark = ("seed", "expressions", "split", "objects"), ("stride", "processes")
    if options.data and options.real:
        raise ValueError("--data and --real are scored apart; give one of them")
    if options.real:
        refuse_without_effect(parser, options, (*on_scenes, *on_benchmark, "outlines"), "with --real")
    elif options.data:
        refuse_without_effect(parser, options, on_scenes, "with --data")
    else:
        refuse_without_effect(parser, options, ("set", "images", *on_benchmark), "without --data or --real")
    score = _on_real if options.real else _on_benchmark if options.data else _on_scenes
    noted = score(options)
    if options.write:
        bundle = Bundle.load(options.bundle)
        text = dataclasses.replace(bundle.manifest, metrics={**bundle.manifest.metrics, **noted}).dump()
        write_bytes(bundle.folder / MANIFEST, text.encode())
    return 0


def _on_scenes(options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Print the figures on simulated scenes, and return them by their command."""
    if options.outlines == "dense_crf":
        raise ValueError("--outlines dense_crf needs --data: simulated scenes are answered as on the robot, without it")
    if options.expressions < 1:
        raise ValueError("--expressions must be at least 1")
    objects = things_of(ScanSet.load(options.objects), options.split) if options.objects else None
    evaluation = Evaluation(options.bundle, options.split, options.seed, options.outlines, objects)
    scenes = evaluation.run(options.expressions)
    figures = Findings.merged(scenes).figures()
    spread = intervals(scenes, lambda drawn: Findings.merged(drawn).figures())
    width = max(map(len, figures))
    for name, value in figures.items():
        shown = "" if name == "expressions" else "  {:.2f} to {:.2f}".format(*spread[name])
        print(f"{name:<{width}}  {value:<6g}{shown}".rstrip())
    outlined = _outlined(options)
    things = f" --objects {options.objects.resolve().name}" if options.objects else ""
    command = (
        f"evaluate{things} --split {options.split} --seed {options.seed} --expressions {options.expressions}{outlined}"
    )
    ends = {name: [round(end, 4) for end in both] for name, both in spread.items() if name != "expressions"}
    return {command: figures, f"{command}, 95 %": ends}


def _on_real(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Print the figures of folders of real pictures by the verdicts, and return them by folder."""
    noted = {}
    for name, scores in scored_folders(Segmenter(options.bundle), options.real, options.set, options.images):
        figures = scores.figures()
        print(f"{name}: " + ", ".join(f"{key} {value:g}" for key, value in figures.items()))
        noted[f"evaluate --real {name}"] = figures
    return noted


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
