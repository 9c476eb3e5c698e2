"""Find the thing that an expression names in an image or a video, without ROS.

    python -m refseg_ros.segment photo.jpg "the red mug"            writes photo.segmented.png
    python -m refseg_ros.segment film.mp4 "the rolling ball" -o out.mp4
    python -m refseg_ros.segment film.mp4 "the rolling ball" --profile      and prints the time of each step

Exit codes are those of grep: 0 if the thing was found (in a video: in at least one frame), 1 if not (not found,
uncertain or not understood), 2 with one line on stderr if no overlay could be written; 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

# This command reports an unreadable file in one line of its own. OpenCV reads the variables when it is imported.
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

import cv2
import numpy as np

from refseg_ros.answer import Answer, Verdict
from refseg_ros.command import command, program
from refseg_ros.config import SegmenterConfig, add_option
from refseg_ros.images.pictures import read_picture
from refseg_ros.media.files import report_motion, write_png, writing_video
from refseg_ros.media.films import Film, rate_of
from refseg_ros.media.overlay import draw
from refseg_ros.progress import Progress
from refseg_ros.segmenter import Segmenter, Stopwatch, Stream
from refseg_ros.separators import separator_in
from refseg_ros.text import printable


@command(cv2.error)
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    options = _parser().parse_args(arguments)
    if wrong := separator_in(options.expression):
        print(f"{ascii(wrong)} separates nothing here; one expression is looked for", file=sys.stderr)
    return 0 if _segment(options) else 1


def _parser() -> argparse.ArgumentParser:
    paragraphs = (__doc__ or "").split("\n\n")
    parser = argparse.ArgumentParser(prog=program(), description=paragraphs[0], epilog=paragraphs[-1])
    parser.add_argument("source", type=Path, help="an image or a video")
    parser.add_argument("expression", help='what to find, such as "the red mug left of the bowl"')
    parser.add_argument("-o", "--output", type=Path, help="overlay to write (default: SOURCE.segmented.png or .mp4)")
    add_option(parser, SegmenterConfig, "model")
    add_option(parser, SegmenterConfig, "threads")
    parser.add_argument("--profile", action="store_true", help="print what each step of a frame's way takes")
    return parser


def _segment(options: argparse.Namespace) -> bool:
    """Write the overlay; return whether the thing was found."""
    source: Path = options.source
    if not source.is_file():
        reason = "is a folder; give an image or a video" if source.is_dir() else "there is no such file"
        raise ValueError(f"{source}: {reason}")
    is_image = cv2.haveImageReader(str(source))
    suffix = ".png" if is_image else ".mp4"
    output: Path = options.output or source.with_suffix(f".segmented{suffix}")
    if output.suffix.lower() != suffix:
        raise ValueError(f"{output}: the overlay of {'an image' if is_image else 'a video'} ends in {suffix}")
    if output.exists() and output.samefile(source):
        raise ValueError(f"{output}: the overlay would replace what it is made from; give another name")
    if not output.parent.is_dir():
        raise ValueError(f"{output}: cannot be written, there is no folder {output.parent}")
    if is_image:
        report_motion(source, partial(print, file=sys.stderr))
        found = _segment_image(read_picture(source, as_displayed=True), output, options)
    else:
        found = _segment_video(source, output, options)
    print(f"wrote {printable(str(output))}")
    return found


def _segment_image(image: np.ndarray, output: Path, options: argparse.Namespace) -> bool:
    profile = _Profile()
    stream = Segmenter(options.model, threads=options.threads).stream()
    answer = _answer(stream, image, 0.0, options.expression)
    _report(answer)
    with stream.watch.step("draw"):
        overlay = draw(image, answer)
    with stream.watch.step("write"):
        write_png(output, overlay)
    print(_describe(answer))
    profile.add(stream.watch)
    if options.profile:
        profile.show()
    return answer.verdict is Verdict.FOUND


def _segment_video(source: Path, output: Path, options: argparse.Namespace) -> bool:
    rate = rate_of(source)
    stream = Segmenter(options.model, threads=options.threads).stream()
    progress = Progress()
    verdicts: Counter[str] = Counter()
    profile = _Profile()
    count = written = 0
    with Film(source) as film:
        more = film.grab()
        image = film.rgb()
        with writing_video(output, image.shape[1], image.shape[0], rate) as write:
            try:
                while more:
                    stamp = film.seconds
                    answer = _answer(stream, image, stamp, options.expression)
                    if count == 0:
                        _report(answer)
                    # The written video has a constant rate: a frame is written as often as its time on screen needs.
                    times = max(0, round(stamp * rate) + 1 - written)
                    if times:
                        with stream.watch.step("draw"):
                            overlay = draw(image, answer)
                        with stream.watch.step("write"):
                            for _ in range(times):
                                write(overlay)
                    count, written = count + 1, written + times
                    verdicts[answer.verdict.name] += 1
                    speed = f"{count / progress.seconds:.1f} frames/s"
                    progress.show(f"frame {count} at {stamp:.1f} s  {speed}  {_describe(answer)}")
                    with stream.watch.step("read"):
                        more = film.grab()
                        image = film.rgb() if more else image
                    profile.add(stream.watch)
            finally:
                progress.end()
        if damage := film.damage():
            print(printable(damage), file=sys.stderr)
    print(f"{count} frames: " + ", ".join(f"{name} {number}" for name, number in verdicts.most_common()))
    if options.profile:
        profile.show()
    return Verdict.FOUND.name in verdicts


def _describe(answer: Answer) -> str:
    x, y, width, height = answer.box
    return f"{answer.verdict.name} score={answer.score:.3f} box: x={x} y={y} width={width} height={height}"


def _report(answer: Answer) -> None:
    for remark in answer.remarks:
        print(remark, file=sys.stderr)


def _answer(stream: Stream, image: np.ndarray, stamp: float, expression: str) -> Answer:
    stream.observe(image, stamp)
    return stream.answer([expression])[0]


class _Profile:
    """The time of each step over all frames."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = {}
        self._totals: list[float] = []

    def add(self, watch: Stopwatch) -> None:
        """Add a finished frame."""
        for step, seconds in watch.spent.items():
            self._seconds.setdefault(step, []).append(seconds)
        self._totals.append(sum(watch.spent.values()))

    def show(self) -> None:
        """Print a line for each step and one for the total: median, longest and share of the whole."""
        whole = sum(self._totals)
        print(f"{'step':<10}{'median ms':>11}{'longest ms':>12}{'share':>8}")
        for step, seconds in (*self._seconds.items(), ("total", self._totals)):
            share = sum(seconds) / whole
            print(f"{step:<10}{1e3 * np.median(seconds):>11.2f}{1e3 * max(seconds):>12.2f}{share:>8.1%}")


if __name__ == "__main__":
    sys.exit(main())
