"""What one frame costs without ROS: `python benchmarks/inference.py [--model BUNDLE] [--threads 2]`.

A 640x480 image goes through letterbox, encoder, ring, fusion and answer, with one expression of five words and with
eight of them on the same frame; medians of many, after a warm-up, in milliseconds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from refseg_ros import Segmenter

TEXT = "the red mug on left"
REPEATS = 101


def median(step: Callable[[int], object]) -> float:
    """Milliseconds of a step that is told its number."""
    for index in range(10):
        step(index)
    times = []
    for index in range(10, 10 + REPEATS):
        began = time.perf_counter()
        step(index)
        times.append(time.perf_counter() - began)
    return 1e3 * float(np.median(times))


def main() -> None:
    """Print a line for each step."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="", help="folder of the bundle (default: the one that ships)")
    parser.add_argument("--threads", type=int, default=2, help="of the runtime (default: 2)")
    options = parser.parse_args()
    stream = Segmenter(options.model, threads=options.threads).stream()
    image = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    many = [f"{TEXT} {word}" for word in ("mug", "bowl", "can", "book", "ball", "block", "plate", "bottle")]
    observe = median(lambda index: stream.observe(image, index / 30))
    print(f"letterbox + encode             {observe:6.1f} ms")
    one = median(lambda index: stream.answer([TEXT]))
    print(f"fuse + answer, 1 expression    {one:6.1f} ms")
    print(f"fuse + answer, 8 expressions   {median(lambda index: stream.answer(many)):6.1f} ms")

    def whole(index: int) -> None:
        stream.observe(image, 1e3 + index / 30)
        stream.answer([TEXT])

    print(f"a frame, 1 expression          {median(whole):6.1f} ms")


if __name__ == "__main__":
    main()
