"""Draw what the network attends to: `python -m model_training.visualize photo.jpg "the red mug" "the bowl"`.

An image gives the paper's Figures 2 and 5 (NAME.expressions.png) and 7 (NAME.heat.png); a video, or a folder of images,
gives Figure 6 (NAME.video.png) and the weights of the frames of one clip (NAME.clip.png). `simulation` is an image of
the simulated tabletop; if you give no expressions, it has its own, with their truth.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from model_training.datasets.frames import Frames, ImageFiles, VideoFile, read_image
from model_training.datasets.phrase_choice import choose
from model_training.export import load_model
from model_training.learning.warm_start import vocabulary_of
from model_training.networks.base import System
from model_training.paper.figures import clip_figure, expressions_figure, heat_figure, video_figure
from model_training.paper.insight import look
from refseg_ros.command import command, program, refuse_without_effect, seed
from refseg_ros.engines.bundle import DEFAULT, TABLETOP
from refseg_ros.media.files import IMAGE_SUFFIXES, images_of
from refseg_ros.media.film_clock import ASSUMED_RATE
from refseg_ros.media.films import stamps_of
from refseg_ros.open_vocabulary import Tokenizer
from refseg_ros.simulation.phrases import phrases
from refseg_ros.simulation.tabletop import Tabletop

WEIGHTS = Path(__file__).parent / "weights"
SIMULATION = "simulation"
WIDTH, HEIGHT = 640, 480
EXPRESSIONS = 5
"""How many on a simulated image, if none are given."""
FRAMES = 6
"""How many frames of a video are shown."""


@command(cv2.error)
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog=program(), description=__doc__.splitlines()[0])
    parser.add_argument("source", help=f"an image, a video, a folder of a video's images, or {SIMULATION}")
    parser.add_argument("expressions", nargs="*", help='such as "the red mug left of the bowl"')
    parser.add_argument("-o", "--output", type=Path, default=Path(), help="folder to draw in (default: this one)")
    parser.add_argument(
        "--weights", type=Path, help=f"default: those of household, and those of tabletop for {SIMULATION}"
    )
    parser.add_argument("--seed", type=seed, default=1, help="of the simulated scene (default: 1)")
    options = parser.parse_intermixed_args(arguments)
    if options.source != SIMULATION:
        refuse_without_effect(parser, options, ("seed",), f"without the source {SIMULATION}")
    for path in _draw(options):
        print(f"wrote {path}")
    return 0


def _draw(options: argparse.Namespace) -> list[Path]:
    """Draw all pictures; returns their paths."""
    source, texts = Path(options.source), options.expressions
    simulated = options.source == SIMULATION
    if not simulated and not source.exists():
        raise ValueError(f"{source}: there is no such file or folder")
    if not simulated and not texts:
        raise ValueError("say what to look for, in words")
    shipped = WEIGHTS / f"{TABLETOP.name if simulated else DEFAULT.name}.safetensors"
    model, config, facts = load_model(options.weights or shipped)
    network = Network(model, vocabulary_of(facts), config.clip_interval)
    if simulated:
        image, texts, truths = _simulated(options.seed, texts)
        return _draw_image(network, image, texts, truths, options.output / f"{SIMULATION}-{options.seed}")
    if source.is_file() and cv2.haveImageReader(str(source)):
        image = read_image(source, as_displayed=True)
        return _draw_image(network, image, texts, [None] * len(texts), options.output / source.stem)
    return _draw_video(network, *_video(source), texts, options.output / source.stem)


class Network(NamedTuple):
    """A trained network to look into."""

    model: System
    vocabulary: Tokenizer
    interval: float
    """Seconds between the frames of a clip."""


def _draw_image(
    network: Network, image: np.ndarray, texts: list[str], truths: list[np.ndarray | None], stem: Path
) -> list[Path]:
    paths = [stem.with_name(f"{stem.name}.{kind}.png") for kind in ("expressions", "heat")]
    insights = look(network.model, network.vocabulary, [image], texts)
    stem.parent.mkdir(parents=True, exist_ok=True)
    expressions_figure(image, insights, truths, paths[0])
    heat_figure(image, insights, paths[1])
    return paths


def _draw_video(network: Network, frames: Frames, stamps: list[float], texts: list[str], stem: Path) -> list[Path]:
    window = network.model.window
    length = window.before * window.step + 1
    targets = np.linspace(0, len(frames) - 1, min(FRAMES, len(frames))).round().astype(int).tolist()
    clips = [clip_of(target, stamps, length, network.interval) for target in targets]
    read = iter(frames.read([index for indices in clips for index in indices]))
    pictures = [[next(read) for _ in indices] for indices in clips]
    insights = [look(network.model, network.vocabulary, clip, texts) for clip in pictures]
    weighed = length > 1 and len(insights[-1][0].frame_weights) > 0

    paths = [stem.with_name(f"{stem.name}.{kind}.png") for kind in ("video", "clip")[: 1 + weighed]]
    times = [stamps[target] for target in targets]
    stem.parent.mkdir(parents=True, exist_ok=True)
    video_figure([clip[-1] for clip in pictures], times, list(zip(*insights, strict=True)), paths[0])
    if weighed:
        read_by_network = slice((len(clips[-1]) - 1) % window.step, None, window.step)
        ages = [stamps[index] - stamps[targets[-1]] for index in clips[-1][read_by_network]]
        clip_figure(pictures[-1][read_by_network], ages, insights[-1][0], paths[1])
    return paths


def _simulated(seed: int, texts: Sequence[str]) -> tuple[np.ndarray, list[str], list[np.ndarray | None]]:
    """An image of a scene, the given expressions or else some about it, and for the latter the masks of the truth."""
    rng = np.random.default_rng(seed)
    with Tabletop(WIDTH, HEIGHT) as tabletop:
        tabletop.reset(seed, "held_out", moving=False)
        frame = tabletop.render(depth=False)
    if texts:
        return frame.rgb, list(texts), [None] * len(texts)
    chosen = choose(phrases(frame.objects, WIDTH, HEIGHT, rng), EXPRESSIONS, rng)
    truths = [frame.labels == phrase.target if phrase.target is not None else None for phrase in chosen]
    return frame.rgb, [phrase.text for phrase in chosen], truths


def clip_of(target: int, stamps: Sequence[float], length: int, interval: float) -> list[int]:
    """Indices of a clip: up to length - 1 frames before the target, an interval apart, then the target.

    Args:
        target: index of a frame.
        stamps: seconds of all frames, ascending.
        length: of the clip, in frames.
        interval: seconds.
    """
    moments = [stamps[target] - age * interval for age in reversed(range(length))]
    slack = (stamps[-1] - stamps[0]) / max(1, len(stamps) - 1) / 2.0
    within = (moment for moment in moments if moment >= stamps[0] - slack)
    return [int(np.abs(np.asarray(stamps[: target + 1]) - moment).argmin()) for moment in within]


def _video(source: Path) -> tuple[Frames, list[float]]:
    """The frames of a video file or of a folder of images, and the seconds of each."""
    if source.is_dir():
        files = images_of(source, partial(print, file=sys.stderr))
        if not files:
            raise ValueError(f"{source}: holds no image ({', '.join(IMAGE_SUFFIXES)})")
        return ImageFiles(tuple(files), as_displayed=True), [index / ASSUMED_RATE for index in range(len(files))]
    stamps = stamps_of(source)
    return VideoFile(source, len(stamps)), stamps


if __name__ == "__main__":
    sys.exit(main())
