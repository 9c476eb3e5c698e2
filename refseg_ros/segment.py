"""Find what an expression names in an image or a video, without ROS.

    python -m refseg_ros.segment photo.jpg "the red mug"            writes photo.segmented.png
    python -m refseg_ros.segment film.mp4 "the rolling ball" -o out.mp4
    python -m refseg_ros.segment film.mp4 "the rolling ball" --profile      and prints where the time of a frame goes

Exit codes are those of grep: 0 when the thing was found (of a video: in one of its frames at least), 1 when it was not
(not found, uncertain or not understood), 2 with one line on stderr when no overlay could be written; 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

# An unreadable file is reported here, in one line; OpenCV reads these when it is imported.
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

import cv2
import numpy as np

from refseg_ros.answer import Answer, Verdict
from refseg_ros.config import SegmenterConfig, add_option
from refseg_ros.errors import EngineError
from refseg_ros.media import rate_of, write_png, writing_video
from refseg_ros.overlay import draw
from refseg_ros.progress import Progress
from refseg_ros.segmenter import Segmenter, Stream
from refseg_ros.stopwatch import Stopwatch
from refseg_ros.terminal import printable


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return 0 if _segment(options) else 1
    except (OSError, ValueError, EngineError, cv2.error) as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; nothing was written", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    paragraphs = (__doc__ or "").split("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m refseg_ros.segment", description=paragraphs[0], epilog=paragraphs[-1]
    )
    parser.add_argument("source", type=Path, help="an image or a video")
    parser.add_argument("expression", help='what to find, such as "the red mug left of the bowl"')
    parser.add_argument("-o", "--output", type=Path, help="overlay to write (default: SOURCE.segmented.png or .mp4)")
    add_option(parser, SegmenterConfig, "model")
    add_option(parser, SegmenterConfig, "threads")
    parser.add_argument("--profile", action="store_true", help="print what each step of a frame's way takes")
    return parser


def _segment(options: argparse.Namespace) -> bool:
    """Write the overlay; whether the thing was found."""
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
        image = cv2.imread(str(source), cv2.IMREAD_COLOR)
        if image is None:
            raise ValueError(f"{source}: the image is damaged")
        found = _segment_image(image[..., ::-1], output, options)
    else:
        found = _segment_video(source, output, options)
    print(f"wrote {printable(str(output))}")
    return found


def _segment_image(image: np.ndarray, output: Path, options: argparse.Namespace) -> bool:
    profile = _Profile()
    stream = Segmenter(options.model, threads=options.threads).stream()
    answer = _answer(stream, image, 0.0, options.expression)
    _report_words(answer)
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
    video = cv2.VideoCapture(str(source), cv2.CAP_FFMPEG)
    read, frame = video.read()
    if not read:
        raise ValueError(f"{source}: neither an image nor a video that OpenCV can read")
    rate = rate_of(video)
    stream = Segmenter(options.model, threads=options.threads).stream()
    frames = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    total = f"/{frames}" if frames > 0 else ""
    progress = Progress()
    verdicts: Counter[str] = Counter()
    profile = _Profile()
    count = 0
    height, width = frame.shape[:2]
    with writing_video(output, width, height, rate) as write:
        try:
            while read:
                image = frame[..., ::-1]
                answer = _answer(stream, image, count / rate, options.expression)
                with stream.watch.step("draw"):
                    overlay = draw(image, answer)
                with stream.watch.step("write"):
                    write(overlay)
                if count == 0:
                    _report_words(answer)
                count += 1
                verdicts[answer.verdict.name] += 1
                progress.show(f"frame {count}{total}  {count / progress.seconds:.1f} frames/s  {_describe(answer)}")
                with stream.watch.step("read"):
                    read, frame = video.read()
                profile.add(stream.watch)
        finally:
            progress.end()
    print(f"{count} frames: " + ", ".join(f"{name} {number}" for name, number in verdicts.most_common()))
    if options.profile:
        profile.show()
    return Verdict.FOUND.name in verdicts


def _describe(answer: Answer) -> str:
    x, y, width, height = answer.box
    return f"{answer.verdict.name} score={answer.score:.3f} box: x={x} y={y} width={width} height={height}"


def _report_words(answer: Answer) -> None:
    if answer.unknown_words:
        print(f"words that the model does not know: {printable(', '.join(answer.unknown_words))}", file=sys.stderr)
    if answer.truncated_words:
        print(f"the expression is too long; not seen: {printable(' '.join(answer.truncated_words))}", file=sys.stderr)


def _answer(stream: Stream, image: np.ndarray, stamp: float, expression: str) -> Answer:
    stream.observe(image, stamp)
    return stream.answer([expression])[0]


class _Profile:
    """What the steps of the frames took."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = {}
        self._totals: list[float] = []

    def add(self, watch: Stopwatch) -> None:
        """Take a frame that is done."""
        for step, seconds in watch.spent.items():
            self._seconds.setdefault(step, []).append(seconds)
        self._totals.append(sum(watch.spent.values()))

    def show(self) -> None:
        """Print a line for each step, and one for all together: median, longest and share of the whole."""
        whole = sum(self._totals)
        print(f"{'step':<10}{'median ms':>11}{'longest ms':>12}{'share':>8}")
        for step, seconds in (*self._seconds.items(), ("total", self._totals)):
            share = sum(seconds) / whole
            print(f"{step:<10}{1e3 * np.median(seconds):>11.2f}{1e3 * max(seconds):>12.2f}{share:>8.1%}")


if __name__ == "__main__":
    sys.exit(main())
