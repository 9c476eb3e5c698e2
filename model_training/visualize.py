"""Draw what the network attends to: `python -m model_training.visualize photo.jpg "the red mug" "the bowl"`.

An image gives the paper's Figures 2 and 5 (NAME.expressions.png) and 7 (NAME.heat.png); a video, or a folder of images,
gives Figure 6 (NAME.video.png) and the weights of the frames of one clip (NAME.clip.png). `simulation` is an image of
the simulated tabletop, with expressions of its own and their truth if none are given.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from model_training.datasets.frames import Frames, ImageFiles, VideoFile, read_image
from model_training.datasets.tabletop import choose, tabletop_vocabulary
from model_training.export import load_model
from model_training.figures import clip_figure, expressions_figure, heat_figure, video_figure
from model_training.insight import look
from model_training.networks.refseg import ReferringSegmentation
from refseg_ros.expression import Vocabulary
from refseg_ros.media import ASSUMED_RATE, rate_of
from refseg_ros.simulation.phrases import phrases
from refseg_ros.simulation.tabletop import Tabletop
from refseg_ros.sources import IMAGE_SUFFIXES

SHIPPED_WEIGHTS = Path(__file__).parent / "weights" / "tabletop.safetensors"
SIMULATION = "simulation"
WIDTH, HEIGHT = 640, 480
EXPRESSIONS = 5
"""On a simulated image, if none are given."""
FRAMES = 6
"""Of a video that are shown."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m model_training.visualize", description=__doc__.splitlines()[0])
    parser.add_argument("source", help=f"an image, a video, a folder of a video's images, or {SIMULATION}")
    parser.add_argument("expressions", nargs="*", help='such as "the red mug left of the bowl"')
    parser.add_argument("-o", "--output", type=Path, default=Path(), help="folder to draw in (default: this one)")
    parser.add_argument("--weights", type=Path, default=SHIPPED_WEIGHTS, help="default: those of the model that ships")
    parser.add_argument(
        "--vocabulary", type=Path, help="vocabulary.txt of the weights' bundle (default: that of the tabletop)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the simulated scene (default: 1)")
    options = parser.parse_intermixed_args(arguments)
    try:
        for path in _draw(options):
            print(f"wrote {path}")
    except (ValueError, OSError, cv2.error) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0


def _draw(options: argparse.Namespace) -> list[Path]:
    """Draw all pictures; returns their paths."""
    source, texts = Path(options.source), options.expressions
    simulated = options.source == SIMULATION
    if not simulated and not source.exists():
        raise ValueError(f"{source}: there is no such file or folder")
    if not simulated and not texts:
        raise ValueError("say what to look for, in words")
    model, config, _ = load_model(options.weights)
    vocabulary = Vocabulary.load(options.vocabulary) if options.vocabulary else tabletop_vocabulary()
    if len(vocabulary) != model.config.vocabulary:
        sizes = f"{model.config.vocabulary} words, the vocabulary has {len(vocabulary)}"
        raise ValueError(f"{options.weights}: of {sizes}; name the right one with --vocabulary")
    network = Network(model, vocabulary, config.clip_interval)
    if simulated:
        image, texts, truths = _simulated(options.seed, texts)
        return _draw_image(network, image, texts, truths, options.output / f"{SIMULATION}-{options.seed}")
    if source.is_file() and cv2.haveImageReader(str(source)):
        image = read_image(source, as_displayed=True)
        return _draw_image(network, image, texts, [None] * len(texts), options.output / source.stem)
    return _draw_video(network, *_video(source), texts, options.output / source.stem)


class Network(NamedTuple):
    """What is looked into."""

    model: ReferringSegmentation
    vocabulary: Vocabulary
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


def _draw_video(network: Network, frames: Frames, rate: float, texts: list[str], stem: Path) -> list[Path]:
    length = network.model.config.clip
    targets = np.linspace(0, len(frames) - 1, min(FRAMES, len(frames))).round().astype(int).tolist()
    clips = [clip_of(target, rate, length, network.interval) for target in targets]
    read = iter(frames.read([index for indices in clips for index in indices]))
    pictures = [[next(read) for _ in indices] for indices in clips]
    insights = [look(network.model, network.vocabulary, clip, texts) for clip in pictures]

    paths = [stem.with_name(f"{stem.name}.{kind}.png") for kind in ("video", "clip")[: 1 + (length > 1)]]
    times = [target / rate for target in targets]
    stem.parent.mkdir(parents=True, exist_ok=True)
    video_figure([clip[-1] for clip in pictures], times, list(zip(*insights, strict=True)), paths[0])
    if length > 1:
        ages = [(index - targets[-1]) / rate for index in clips[-1]]
        clip_figure(pictures[-1], ages, insights[-1][0], paths[1])
    return paths


def _simulated(seed: int, texts: Sequence[str]) -> tuple[np.ndarray, list[str], list[np.ndarray | None]]:
    """The image of a scene, the expressions given or some of its own, and for these the masks of what they mean."""
    rng = np.random.default_rng(seed)
    with Tabletop(WIDTH, HEIGHT) as tabletop:
        tabletop.reset(seed, "held_out", moving=False)
        frame = tabletop.render(depth=False)
    if texts:
        return frame.rgb, list(texts), [None] * len(texts)
    chosen = choose(phrases(frame.objects, WIDTH, HEIGHT, rng), EXPRESSIONS, rng)
    truths = [frame.labels == phrase.target if phrase.target is not None else None for phrase in chosen]
    return frame.rgb, [phrase.text for phrase in chosen], truths


def clip_of(target: int, rate: float, length: int, interval: float) -> list[int]:
    """Indices of the target and of as many frames before it as there are, an interval apart; the target last."""
    indices = [target - round(age * interval * rate) for age in reversed(range(length))]
    return [index for index in indices if index >= 0]


def _video(source: Path) -> tuple[Frames, float]:
    """The frames of a video file or of a folder of images, and their rate per second."""
    if source.is_dir():
        files = sorted(path for path in source.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
        if not files:
            raise ValueError(f"{source}: holds no image ({', '.join(IMAGE_SUFFIXES)})")
        return ImageFiles(tuple(files)), ASSUMED_RATE
    video = cv2.VideoCapture(str(source))
    count, rate = video.get(cv2.CAP_PROP_FRAME_COUNT), rate_of(video)
    opened = video.isOpened()
    video.release()
    if not opened or not count >= 1:
        raise ValueError(f"{source}: neither an image nor a video that can be read")
    return VideoFile(source, int(count)), rate


if __name__ == "__main__":
    sys.exit(main())
