"""Answer expressions on every image of a recorded bag with the node's own code; no ROS node needs to run.

    python -m refseg_ros.replay bag/ "the red mug"                 writes bag.refseg/
    python -m refseg_ros.replay bag/ "the red mug; the bowl" --image-topic /front/image_raw -o answers/

The new bag has /refseg/result, /refseg/mask and /refseg/bbox, each message at the time of its image in the old one. The
same bag, expressions and model give the same messages. Exit code 0 if the bag was written; 2 with one line on stderr
if not; 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from refseg_ros.bags.files import meant
from refseg_ros.command import command, program
from refseg_ros.config import SegmenterConfig, add_option
from refseg_ros.images.encodings import white_of
from refseg_ros.interrupts import importing
from refseg_ros.ros.node_config import SegmentNodeConfig
from refseg_ros.text import printable


@command()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    _replay(_parser().parse_args(arguments))
    return 0


def _parser() -> argparse.ArgumentParser:
    lines = (__doc__ or "").splitlines()
    parser = argparse.ArgumentParser(prog=program(), description=lines[0])
    parser.add_argument(
        "bag", type=Path, help="a bag of rosbag2 (SQLite or MCAP), its folder or a file of it, or of ROS 1"
    )
    parser.add_argument("expression", help='what to find; several: "the red mug; the bowl"')
    parser.add_argument("-o", "--output", type=Path, help="bag to write (default: BAG.refseg)")
    parser.add_argument("--image-topic", default="", help="which images, where the bag has several topics of them")
    add_option(parser, SegmenterConfig, "model")
    add_option(parser, SegmenterConfig, "threads")
    add_option(parser, SegmentNodeConfig, "mono16_range")
    return parser


def _replay(options: argparse.Namespace) -> None:
    try:
        with importing():  # here, because --help needs neither rosbags nor ROS
            from refseg_ros.node.bag_replay import replay
    except ModuleNotFoundError as error:
        name = error.name or ""
        of_rosbags = name.startswith(("rosbags", "backports"))  # releases before 0.11.8 bring no backports.zstd
        cure = "pip install 'rosbags>=0.11.8'" if of_rosbags else "source ROS 2 and the workspace that this is in"
        raise ValueError(f"replaying bags needs {name}, which is not there: {cure}") from error
    bag = meant(options.bag)
    whole = bag.absolute()
    output: Path = options.output or whole.with_name(f"{whole.name}.refseg")
    verdicts, refused, remarks, lost = replay(
        bag,
        output,
        options.expression,
        options.image_topic,
        model=options.model,
        threads=options.threads,
        white=white_of(options.mono16_range),
    )
    for line in lost:
        print(f"not read: {printable(line)}", file=sys.stderr)
    for remark in remarks:
        print(remark, file=sys.stderr)
    for reason, count in refused.most_common():
        print(f"images refused: {count}: {printable(reason)}", file=sys.stderr)
    print(f"{sum(verdicts.values())} answers: " + ", ".join(f"{name} {n}" for name, n in verdicts.most_common()))
    print(f"wrote {printable(str(output))}")


if __name__ == "__main__":
    sys.exit(main())
