"""Find the recordings that show what expressions name: `ros2 run refseg_ros search`, without ROS running.

    python -m refseg_ros.search bags/ "the red mug; a person" --every 1       writes refseg_search/
    python -m refseg_ros.search 'fleet/2026-*/**/*.mcap' list.txt "the red mug" --scheduler tcp://head:8786 -o mugs

The folder gets answers.parquet, a row for each image and expression, and best.html, pictures of the best frames. The
same command again continues where it was stopped, and adds bags that are new or have changed.

Exit code 0 when all bags were searched; 1 when some, or files of some, could not be read, which are named on stderr; 2
with one line on stderr when there are no answers at all; 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from refseg_ros.command import command, program
from refseg_ros.config import SegmenterConfig, add_option
from refseg_ros.engines.bundle import DEFAULT, Bundle
from refseg_ros.files import expanded
from refseg_ros.interrupts import importing
from refseg_ros.node.queries import ActiveQueries
from refseg_ros.search.recordings import recordings
from refseg_ros.search.settings import SearchConfig, digest
from refseg_ros.text import printable

if TYPE_CHECKING:
    from refseg_ros.search.run import Outcome


@command()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return _search(_parser().parse_args(arguments))


def _parser() -> argparse.ArgumentParser:
    paragraphs = (__doc__ or "").split("\n\n")
    parser = argparse.ArgumentParser(prog=program(), description=paragraphs[0], epilog=paragraphs[-1])
    parser.add_argument("bags", nargs="+", help="bags, folders of them, patterns, or text files with one on each line")
    parser.add_argument("expression", help='what to find; several: "the red mug; a person"')
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("refseg_search"), help="folder of the answers (default: %(default)s)"
    )
    parser.add_argument("--image-topic", default="", help="the topic to search (default: all topics of images)")
    add_option(parser, SearchConfig, "every")
    add_option(parser, SearchConfig, "nth")
    add_option(parser, SegmenterConfig, "model")
    where = parser.add_mutually_exclusive_group()
    cores = len(os.sched_getaffinity(0))
    where.add_argument("--workers", type=int, default=cores, help=f"processes on this machine (default: {cores})")
    where.add_argument(
        "--scheduler", default="", help="of Dask, with workers on many machines, such as tcp://head:8786"
    )
    return parser


def _search(options: argparse.Namespace) -> int:
    if options.workers < 1:
        raise ValueError(f"--workers is {options.workers}; at least one process is needed")
    try:
        with importing():  # here, because --help needs neither rosbags nor Dask
            from refseg_ros.search.run import PAGE, ROWS, run
    except ModuleNotFoundError as error:
        raise ValueError(
            f"searching bags needs {error.name}, which is not there: pip install refseg_ros[search]"
        ) from error
    model = _for_workers(options.model)
    config = SearchConfig(
        tuple(query.text for query in ActiveQueries().number(options.expression)),
        digest(Bundle.load(model or DEFAULT).manifest),
        image_topic=options.image_topic,
        every=options.every,
        nth=options.nth,
    )
    folder: Path = options.output
    outcome = run(recordings(options.bags), config, model, folder, workers=options.workers, scheduler=options.scheduler)
    _report(outcome)
    print(f"wrote {printable(str(folder / ROWS))} and {printable(str(folder / PAGE))}")
    return 1 if outcome.failed or outcome.lost else 0


def _for_workers(model: str) -> str:
    """The name of a model that ships, or the absolute path of a folder, since workers run in other folders."""
    return str(expanded(model).absolute()) if model and expanded(model).is_dir() else model


def _report(outcome: Outcome) -> None:
    searched = outcome.searched.values()
    for line in sorted([*outcome.failed, *outcome.lost]):
        print(f"not read: {printable(line)}", file=sys.stderr)
    refused: Counter[str] = Counter()
    for one in searched:
        refused.update(one.refused)
    for reason, count in refused.most_common():
        print(f"images refused: {count}: {printable(reason)}", file=sys.stderr)
    for remark in dict.fromkeys(remark for one in searched for remark in one.remarks):
        print(remark, file=sys.stderr)
    partly = sum(bool(one.lost) for one in searched)
    counts = f"{len(searched)} bags searched" + (f", {partly} of them in part" if partly else "")
    counts += f", {len(outcome.failed)} could not be read" if outcome.failed else ""
    print(f"{counts}; {sum(one.frames for one in searched)} frames")
    print(f"{outcome.rows} answers: " + ", ".join(f"{name} {count}" for name, count in outcome.verdicts.most_common()))


if __name__ == "__main__":
    sys.exit(main())
