"""Renders simulated scenes to shards on disk: in parallel, resumable after being killed, nothing half-written.

A shard is an uncompressed `.npz` of SCENES_PER_SHARD scenes:
    rgb      (F, H, W, 3) uint8, the frames of all its scenes, at the input size; a clip's last frame is its target
    labels   (S, H, W) uint8, instance ids of each scene's target frame
    offsets  (S + 1,) int64, where each scene's frames begin in rgb
    truth    (S,) JSON of the target frame's objects
"""

from __future__ import annotations

import json
import multiprocessing
import os
import zipfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from model_training.datasets.workers import end_with_parent
from refseg_ros.simulation.tabletop import ObjectTruth, Tabletop

SCENES_PER_SHARD = 64


@dataclass(frozen=True, kw_only=True)
class SceneSet:
    """Which scenes to render: seeds first_seed .. first_seed + scenes - 1 of a split."""

    split: str = "train"
    first_seed: int = 0
    scenes: int = 8192
    height: int
    width: int
    moving_share: float = 0.35
    """Share of scenes in which something moves; these are rendered as clips."""
    clip: int
    """Frames of such a clip."""
    interval: tuple[float, float] = (0.15, 0.3)
    """Seconds between its frames, drawn anew for each clip."""

    @property
    def name(self) -> str:
        """A file name part that changes with everything that changes the pixels."""
        shape = f"{self.width}x{self.height}x{self.clip}"
        return f"{self.split}-{self.first_seed}-{shape}-{self.moving_share:g}-{self.interval[0]:g}-{self.interval[1]:g}"


@dataclass(frozen=True)
class Scene:
    """One scene as it is stored."""

    frames: np.ndarray
    """(T, H, W, 3) uint8 RGB, the target frame last; T is 1 for a scene at rest."""
    labels: np.ndarray
    """(H, W) uint8 instance ids of the target frame."""
    objects: tuple[ObjectTruth, ...]


def draw_scene(tabletop: Tabletop, scenes: SceneSet, seed: int) -> Scene:
    """Set up and render one scene of a set; the same seed gives the same bytes."""
    rng = np.random.default_rng([seed, 1])
    moving = bool(rng.random() < scenes.moving_share)
    tabletop.reset(seed, scenes.split, moving=moving)
    if not moving:
        frame = tabletop.render(depth=False)
        return Scene(frame.rgb[None], frame.labels, frame.objects)
    interval = rng.uniform(*scenes.interval)
    # The newest slot of a ring is replaced until an interval has passed: the last gap is anything up to one.
    gaps = [rng.uniform(0.0, 0.5), *[interval] * (scenes.clip - 2), rng.uniform(0.25, 1.0) * interval]
    frames = []
    for gap in gaps:
        tabletop.advance(gap)
        frames.append(tabletop.render(depth=False))
    return Scene(np.stack([frame.rgb for frame in frames]), frames[-1].labels, frames[-1].objects)


def render_shards(scenes: SceneSet, folder: Path, workers: int) -> list[Path]:
    """Render what of a set is not on disk yet, with a progress bar; return the paths of all its shards, in order.

    Raises:
        OSError: a shard cannot be written, or a rendering process died; whole shards are kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    count = -(-scenes.scenes // SCENES_PER_SHARD)
    paths = [folder / f"{scenes.name}-{index:05d}.npz" for index in range(count)]
    missing = [index for index, path in enumerate(paths) if not path.exists()]
    if missing:
        spawned = multiprocessing.get_context("spawn")  # GL and torch threads do not survive a fork
        label = f"rendering {scenes.split}"
        with (
            ProcessPoolExecutor(workers, spawned, initializer=_prepare_worker) as pool,
            tqdm(total=count, initial=count - len(missing), unit="shard", desc=label) as bar,
        ):
            shards = ((scenes, index, paths[index]) for index in missing)
            try:
                for _ in pool.map(_render_shard, *zip(*shards, strict=True)):
                    bar.update()
            except BrokenProcessPool:
                raise OSError(f"{folder}: a rendering process died; run the same command again, it goes on") from None
    return paths


def _prepare_worker() -> None:
    os.environ["LP_NUM_THREADS"] = "1"  # Mesa's software renderer takes all cores otherwise, in each of the processes
    end_with_parent()


def _render_shard(scenes: SceneSet, index: int, path: Path) -> None:
    first = scenes.first_seed + index * SCENES_PER_SHARD
    last = min(first + SCENES_PER_SHARD, scenes.first_seed + scenes.scenes)
    with Tabletop(scenes.width, scenes.height) as tabletop:
        drawn = [draw_scene(tabletop, scenes, seed) for seed in range(first, last)]
    temporary = path.with_suffix(".part")
    with temporary.open("wb") as file:
        np.savez(
            file,
            rgb=np.concatenate([scene.frames for scene in drawn]),
            labels=np.stack([scene.labels for scene in drawn]),
            offsets=np.cumsum([0, *[len(scene.frames) for scene in drawn]]),
            truth=np.array([json.dumps([asdict(thing) for thing in scene.objects]) for scene in drawn]),
        )
    os.replace(temporary, path)


def load_shards(paths: list[Path]) -> Iterator[Scene]:
    """The scenes of some shards, in order, in memory.

    Raises:
        ValueError: a shard is broken; the message names it.
    """
    for path in paths:
        try:
            with np.load(path, allow_pickle=False) as shard:
                rgb, labels, offsets, truth = (shard[name] for name in ("rgb", "labels", "offsets", "truth"))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path}: not a whole shard ({error}); delete it and it is rendered again") from None
        for index, text in enumerate(truth):
            objects = tuple(ObjectTruth(**_tuples(fields)) for fields in json.loads(str(text)))
            yield Scene(rgb[offsets[index] : offsets[index + 1]], labels[index], objects)


def _tuples(fields: dict[str, object]) -> dict[str, object]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
