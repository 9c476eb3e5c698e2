"""Answer expressions on every image of a recorded bag, by the node's own code, without ROS running.

    python -m refseg_ros.replay bag/ "the red mug"                 writes bag.refseg/
    python -m refseg_ros.replay bag/ "the red mug; the bowl" --image-topic /front/image_raw -o answers/

The new bag has /refseg/result, /refseg/mask and /refseg/bbox, each message at the time of its image in the old one. The
same bag, expressions and model give the same messages. Exit code 0 when the bag was written; 2 with one line on stderr
when it was not; 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from refseg_ros.config import SegmenterConfig, add_option
from refseg_ros.errors import EngineError
from refseg_ros.terminal import printable


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    options = _parser().parse_args(arguments)
    try:
        _replay(options)
    except (OSError, ValueError, EngineError) as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; nothing was written", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    lines = (__doc__ or "").splitlines()
    parser = argparse.ArgumentParser(prog="python -m refseg_ros.replay", description=lines[0])
    parser.add_argument("bag", type=Path, help="a bag of rosbag2 (SQLite or MCAP): its folder")
    parser.add_argument("expression", help='what to find; several: "the red mug; the bowl"')
    parser.add_argument("-o", "--output", type=Path, help="bag to write (default: BAG.refseg)")
    parser.add_argument("--image-topic", default="", help="which images, where the bag has several topics of them")
    add_option(parser, SegmenterConfig, "model")
    add_option(parser, SegmenterConfig, "threads")
    return parser


def _replay(options: argparse.Namespace) -> None:
    try:
        from refseg_ros.bag_replay import replay  # here, because --help needs neither rosbags nor ROS
    except ModuleNotFoundError as error:
        name = error.name or ""
        cure = "pip install rosbags" if name.startswith("rosbags") else "source ROS 2 and the workspace that this is in"
        raise ValueError(f"replaying bags needs {name}, which is not there: {cure}") from error
    whole = options.bag.absolute()
    output: Path = options.output or whole.with_name(f"{whole.name}.refseg")
    verdicts, refused = replay(
        options.bag, output, options.expression, options.image_topic, model=options.model, threads=options.threads
    )
    for reason, count in refused.most_common():
        print(f"images refused: {count}: {printable(reason)}", file=sys.stderr)
    print(f"{sum(verdicts.values())} answers: " + ", ".join(f"{name} {n}" for name, n in verdicts.most_common()))
    print(f"wrote {printable(str(output))}")


if __name__ == "__main__":
    sys.exit(main())
