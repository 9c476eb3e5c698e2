"""Score a model bundle on fresh simulated scenes, or on a benchmark (--data): `python -m model_training.evaluate`.

The scenes have seeds, textures and pairs of colour and class that training never saw; they are rendered at a camera's
size and go through the runtime that a robot uses. Controls beside the scores tell understanding from guessing. Each
figure comes with its 95 % interval over other draws of as many scenes.

`--objects DIR` puts your meshes on the table instead of the simulator's own things. If the folder marks some as held
out, `--split held_out` uses only these.

`--real DIR` scores the bundle's verdicts on real pictures with labels, as a robot would get them.

`--data DIR` scores the bundle on a benchmark's folder instead, and prints rows like those of the paper's Tables 3 to 8.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from model_training.datasets.formats import open_folder
from model_training.datasets.naming import names_apart
from model_training.datasets.sample import Reader
from model_training.datasets.splits import described, records_to_score
from model_training.paper.reliability_figure import reliability_figure
from model_training.paper.tables import Table, markdown, table_of
from model_training.scoring.benchmark import OUTLINES, Benchmark, BenchmarkScores, scored
from model_training.scoring.bootstrap import intervals
from model_training.scoring.findings import Findings
from model_training.scoring.real import scored_folders
from model_training.scoring.reliability import Claim
from model_training.scoring.scenes import Evaluation, things_of
from refseg_ros.command import command, program, refuse_without_effect, seed
from refseg_ros.config import SegmenterConfig
from refseg_ros.engines.bundle import DEFAULT, MANIFEST, TABLETOP, Bundle
from refseg_ros.files import write_bytes
from refseg_ros.segmenter import Segmenter
from refseg_ros.simulation.scans import ScanSet


@command()
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog=program(), description=__doc__.splitlines()[0])
    parser.add_argument(
        "--bundle", type=Path,
        help="folder or name of the model (default: tabletop on the simulator's own things, household on others)",
    )  # fmt: skip
    parser.add_argument("--seed", type=seed, default=7_000_000, help="seed of the first scene (default: 7000000)")
    parser.add_argument("--expressions", type=int, default=2000, help="how many to ask (default: 2000)")
    parser.add_argument("--split", choices=("held_out", "train"), default="held_out", help="kind of scenes")
    parser.add_argument("--objects", type=Path, metavar="DIR", help="meshes on the table instead of simulated things")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="a benchmark's folder or refs file, to score the bundle on instead"
    )
    parser.add_argument(
        "--real", type=Path, metavar="DIR", action="append",
        help="real pictures with labels, to score the bundle's verdicts on instead; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--set",
        action="append",
        help="split of the data; may be repeated (default: all that training learns nothing of)",
    )
    parser.add_argument("--images", type=Path, help="folder of COCO's images, if not in a usual place")
    parser.add_argument(
        "--stride",
        type=int,
        default=Benchmark.stride,
        help="frames of a video from one of a clip to the next (default: as the model learned)",
    )
    parser.add_argument("--processes", type=int, default=1, help="that share a benchmark's work (default: 1)")
    parser.add_argument(
        "--outlines",
        choices=OUTLINES,
        default=SegmenterConfig.outlines,
        help="how masks are outlined (default: %(default)s; dense_crf, as in the paper, goes with --data only)",
    )
    parser.add_argument(
        "--as-released",
        action="store_true",
        help="score a benchmark as the released code of CSTM does, which is kinder to a mask",
    )
    parser.add_argument(
        "--reliability",
        type=Path,
        metavar="FILE.png",
        help="draw how many answers of each score are right",
    )
    parser.add_argument("--write", action="store_true", help="keep the figures in the bundle's manifest")
    options = parser.parse_args(arguments)
    on_scenes, on_benchmark = ("seed", "expressions", "split", "objects"), ("stride", "processes", "as_released")
    if options.data and options.real:
        raise ValueError("--data and --real are scored apart; give one of them")
    if options.real:
        refuse_without_effect(parser, options, (*on_scenes, *on_benchmark, "outlines"), "with --real")
    elif options.data:
        refuse_without_effect(parser, options, (*on_scenes, "reliability"), "with --data")
    else:
        refuse_without_effect(parser, options, ("set", "images", *on_benchmark), "without --data or --real")
    own_things = not (options.objects or options.data or options.real)
    options.bundle = options.bundle or (TABLETOP if own_things else DEFAULT)
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
    _draw(options, {options.split: [claim for scene in scenes for claim in scene.claims]})
    things = f" --objects {options.objects.resolve().name}" if options.objects else ""
    command = (
        f"evaluate{things} --split {options.split} --seed {options.seed} --expressions {options.expressions}{outlined}"
    )
    ends = {name: [round(end, 4) for end in both] for name, both in spread.items() if name != "expressions"}
    return {command: figures, f"{command}, 95 %": ends}


def _on_real(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Print figures of the verdicts on folders of real pictures, and return them by folder."""
    noted, claims = {}, {}
    asked = "".join(f" --set {split}" for split in options.set or ())
    for pictures, scores in scored_folders(Segmenter(options.bundle), options.real, options.set, options.images):
        figures = scores.figures()
        print(f"{pictures.title}: " + ", ".join(f"{key} {value:g}" for key, value in figures.items()))
        noted[f"evaluate --real {pictures.name}{asked}"], claims[pictures.title] = figures, scores.claims
    _draw(options, claims)
    return noted


def _draw(options: argparse.Namespace, claims: Mapping[str, Sequence[Claim]]) -> None:
    if options.reliability:
        reliability_figure(claims, Bundle.load(options.bundle).manifest.thresholds.found, options.reliability)


def _on_benchmark(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Print the tables of a benchmark's folder, and return their figures by data set and split."""
    if options.processes < 1 or (options.stride is not None and options.stride < 1):
        raise ValueError("--processes and --stride must be at least 1")
    benchmark = Benchmark(
        options.bundle, options.data, options.images, options.stride, options.outlines, options.as_released
    )
    method = Bundle.load(options.bundle).manifest.name + (" + DenseCRF" if options.outlines == "dense_crf" else "")
    method += "" if options.stride is None else f", stride {options.stride}"
    method += ", scored as released" if options.as_released else ""
    noted, together = {}, BenchmarkScores()
    readers = open_folder(options.data, options.images)
    asked = [tuple(records_to_score(reader, options.set)) for reader in readers]
    for number, (reader, name, splits) in enumerate(zip(readers, names_apart(readers), asked, strict=True)):
        scores = {split: scored(benchmark, reader, number, split, options.processes) for split in splits}
        for part in scores.values():
            together.add(part)
        figures = {split: part.figures() for split, part in scores.items()}
        print(markdown(_table(reader, name, splits), method, figures), end="\n\n")
        how = "" if options.stride is None else f" --stride {options.stride}"
        how += _outlined(options) + (" --as-released" if options.as_released else "")
        for split, of_split in figures.items():
            noted[f"evaluate {name} --set {split}{how}"] = {key: round(value, 4) for key, value in of_split.items()}
    if len(readers) > 1:
        shown = ", ".join(f"{key} {round(value, 4):g}" for key, value in together.figures().items())
        print(f"all {len(readers)} data sets together: {shown}")
    return noted


def _table(reader: Reader, name: str, splits: Sequence[str]) -> Table:
    """The table of a data set. Its title tells apart data sets of one name, and says which splits training learns."""
    table, titles = table_of(reader.name), [described(split, reader.splits) for split in splits]
    learned = [title for title in titles if title not in splits]
    return dataclasses.replace(table, title=", ".join([table.title + name.removeprefix(reader.name), *learned]))


def _outlined(options: argparse.Namespace) -> str:
    """The option --outlines as text; empty for the default."""
    return "" if options.outlines == SegmenterConfig.outlines else f" --outlines {options.outlines}"


if __name__ == "__main__":
    sys.exit(main())
