"""Say it, see the mask: a camera and the node as separate processes, asked a dozen expressions over the network.

    python -m refseg_ros.demo                                                 simulated scenes, measured against truth
    python -m refseg_ros.demo --source clip.mp4 --query "the red block"    your own file; several queries: "a; b; c"

Prints a table and writes into demo_out/: expression_01.png, ..., contact_sheet.png, video.mp4 and the nodes' logs.
Exit code 0 if all is well, 1 if the demonstration cannot run, an answer is missing or the mean IoU is under 0.5, 2 for
wrong arguments, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from refseg_ros.command import forget_interrupt, program, seed
from refseg_ros.demo.client import Client
from refseg_ros.demo.pictures import prepare, write_pictures, write_video
from refseg_ros.demo.processes import DemoError, NodeProcess, failed, stay_on_this_machine
from refseg_ros.demo.scene import SIMULATED
from refseg_ros.demo.table import HEADING, Row, mean_iou, summary
from refseg_ros.ros.rcl_errors import NodeError
from refseg_ros.text import printable

LEAST_MEAN_IOU = 0.5
"""Limit for a dozen answers. Over 16 seeds the mean was 0.85, the lowest 0.75; ignoring the words gives 0.1."""
RATE = 5.0
"""Camera images per second."""
FRAMES_EACH = 5
"""Frames of the video for each expression."""
LEAST_FRAMES = 30
"""Fewest frames of the whole video."""
START_WAIT = 60.0
"""Seconds in which camera and node must start."""
SCENES_FROM = 2_000_000
"""Seed of the first scene, far from those of training."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demonstration; return its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    queries = [text.strip() for text in options.query.split(";") if text.strip()]
    if bool(options.query) != bool(options.source):
        parser.error("a source of your own needs both --source and --query (of make: SOURCE= and QUERY=)")
    if options.source and options.seed != SCENES_FROM:
        parser.error("--seed (of make: SEED=) has no effect with a source of your own")
    if options.query and not queries:
        parser.error("there is no expression in the query")
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell starts its background jobs with SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    try:
        rows = _run(options, queries)
    except (DemoError, NodeError, OSError) as error:
        return failed(error)
    except KeyboardInterrupt:
        forget_interrupt()
        print("stopped", file=sys.stderr)
        return 130
    mean = mean_iou(rows)
    if mean is not None and mean < LEAST_MEAN_IOU:
        print(f"error: the mean IoU of {mean:.3f} is under {LEAST_MEAN_IOU}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    lines = (__doc__ or "").splitlines()
    parser = argparse.ArgumentParser(prog=program(), description=lines[0])
    parser.add_argument("--source", default="", help="a video file, a folder of images, or the index of a webcam")
    parser.add_argument("--query", default="", help='what to look for in it; several: "the red mug; the bowl"')
    parser.add_argument("--out", type=Path, default=Path("demo_out"), help="folder to write to (default: demo_out)")
    parser.add_argument(
        "--seed", type=seed, default=SCENES_FROM, help="number of the first simulated scene (default: %(default)s)"
    )
    parser.add_argument(
        "--model",
        default="",
        help="folder or name of the model (default: tabletop, and household for a source of your own)",
    )
    return parser


def _run(options: argparse.Namespace, queries: Sequence[str]) -> list[Row]:
    """Start the nodes, ask, and write the pictures; return the rows of the table."""
    prepare(options.out, options.source)
    stay_on_this_machine()
    camera = {"rate": RATE, "source": options.source or "simulation", "seed": options.seed}
    # Every image is answered, however long it takes here; the table shows each delay.
    model = options.model or ("" if options.source else SIMULATED["model"])
    segment = {"image_topic": "/camera/image_raw", "model": model, "max_frame_age": 0.0}
    print("starting camera and node ...", flush=True)
    with ExitStack() as stack:
        nodes = [
            stack.enter_context(NodeProcess(name, parameters, options.out / f"{name}.log"))
            for name, parameters in (("camera_node", camera), ("segment_node", segment))
        ]

        def alive() -> None:
            for node in nodes:
                node.check()

        client = stack.enter_context(Client(alive))
        rows: list[Row] = []
        frames: list[np.ndarray] = []
        try:
            client.wait_for_nodes(START_WAIT)
            print(HEADING)
            for row, shown in _ask_own(client, queries) if queries else _ask_simulated(client, options.seed):
                rows.append(row)
                frames += shown
                print(row.line(len(rows)), flush=True)
                if row.unknown:
                    print(f"    words that the model does not know: {printable(', '.join(row.unknown))}", flush=True)
        except DemoError as error:
            if all(node.process.poll() is None for node in nodes):
                raise DemoError(f"{error}; {nodes[1].tail()}") from error
            raise
    print(summary(rows))
    write_pictures(options.out, rows)
    write_video(options.out, frames, RATE)
    print(f"wrote {options.out}/: contact_sheet.png, {len(rows)} expression_*.png, video.mp4 of {len(frames)} frames")
    return rows


def _ask_simulated(client: Client, seed: int) -> Iterator[tuple[Row, list[np.ndarray]]]:
    from refseg_ros.demo.questions import ask_plan  # needs the simulator; the user's own source does not

    for row in ask_plan(client, seed):
        yield row, [reply.overlay for reply in client.more_replies(row.text, FRAMES_EACH)]


def _ask_own(client: Client, queries: Sequence[str]) -> Iterator[tuple[Row, list[np.ndarray]]]:
    """Ask each query for a while; its row shows the answer with the highest score."""
    count = max(FRAMES_EACH, -(-LEAST_FRAMES // len(queries)))
    for text in queries:
        client.ask(text)
        replies = client.more_replies(text, count)
        best = max(replies, key=lambda reply: reply.result.score)
        yield Row.of(text, "own", best, None, None), [reply.overlay for reply in replies]


if __name__ == "__main__":
    sys.exit(main())
