"""Renders simulated scenes to shards on disk: in parallel, resumable after being killed, nothing half-written.

A shard is an uncompressed `.npz` of SCENES_PER_SHARD scenes, the last of a set perhaps of fewer:
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
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from model_training.datasets.dressing import Dressing, DressingConfig, cutouts_of, photos_of
from model_training.datasets.instances import INSTANCES
from model_training.datasets.workers import end_with_parent
from model_training.pictures.taking import TakingConfig, seen_after, take
from refseg_ros.files import remove_leftovers, replacing
from refseg_ros.simulation.scans import ScanSet
from refseg_ros.simulation.tabletop import ObjectTruth, Tabletop, remembered

SCENES_PER_SHARD = 64
_DEATHS_IN_A_ROW = 3
_SPREAD, _LATEST = 1.2, 2.0
"""In a scene with events: seconds within which all motions begin, and the clip. A motion takes 1.2 to 1.9."""


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
    events: bool = False
    """Whether the things of a clip begin to move and stop at different times, and expressions speak of it."""

    @property
    def name(self) -> str:
        """A file name part that changes with everything that changes the pixels."""
        shape = f"{self.width}x{self.height}x{self.clip}"
        drawn = f"{self.moving_share:g}-{self.interval[0]:g}-{self.interval[1]:g}" + ("-events" if self.events else "")
        return f"{self.split}-{self.first_seed}-{shape}-{drawn}"


@dataclass(frozen=True)
class RenderedScene:
    """One scene as it is stored."""

    frames: np.ndarray
    """(T, H, W, 3) uint8 RGB, the target frame last; T is 1 for a scene at rest."""
    labels: np.ndarray
    """(H, W) uint8 instance ids of the target frame."""
    objects: tuple[ObjectTruth, ...]
    vague: frozenset[str] = frozenset()
    """Nouns of visible things that are not among the objects, see `Arrangement`."""


@dataclass(frozen=True)
class Studio:
    """Scenes of scans, not of the simulator's own things, with photos as surfaces and a camera's effects."""

    objects: Path
    """Folder of scans."""
    surfaces: tuple[Path, ...] = ()
    """Folders of photos, from which surfaces are cut out; people, too, if a folder has instances."""

    @cached_property
    def name(self) -> str:
        """A file name part that changes with the scans and with the photos.

        Photos may be many GB: their sizes stand for what is in them.

        Raises:
            ValueError, OSError: a file of the folders cannot be used; the message names it.
        """
        lists = [folder / INSTANCES for folder in self.surfaces if (folder / INSTANCES).exists()]
        photos = [(path.name, path.stat().st_size) for path in self._photos()]
        photos += [(path.name, zlib.crc32(path.read_bytes())) for path in lists]
        return f"scans-{ScanSet.load(self.objects).digest}-{zlib.crc32(repr(photos).encode()):08x}-"

    def tabletop(self, width: int, height: int) -> Tabletop:
        """A tabletop with the scans.

        Raises:
            ValueError, OSError: a file of the folders cannot be used; the message names it.
        """
        return Tabletop(width, height, ScanSet.load(self.objects), Dressing(DressingConfig(), self._photos()))

    def _photos(self) -> list[Path]:
        return [photo for folder in self.surfaces for photo in photos_of(folder)]

    def cutouts(self) -> list[np.ndarray]:
        """People to put in front of things, RGBA."""
        folders = (folder for folder in self.surfaces if (folder / INSTANCES).exists())
        return [cutout for folder in folders for cutout in cutouts_of(folder, missing_ok=True)]


def taken(scene: RenderedScene, seed: int, cutouts: Sequence[np.ndarray]) -> RenderedScene:
    """A scene after the effects of a camera."""
    frames, labels = take(scene.frames, scene.labels, [seed, 4], TakingConfig(), cutouts)
    return RenderedScene(frames, labels, seen_after(scene.objects, scene.labels, labels))


def draw_scene(tabletop: Tabletop, scenes: SceneSet, seed: int) -> RenderedScene:
    """Set up and render one scene of a set; the same seed gives the same bytes."""
    rng = np.random.default_rng([seed, 1])
    moving = bool(rng.random() < scenes.moving_share)
    tabletop.reset(seed, scenes.split, moving=moving, spread=_SPREAD if scenes.events else 0.0)
    if not moving:
        frame = tabletop.render(depth=False)
        return RenderedScene(frame.rgb[None], frame.labels, frame.objects)
    interval = rng.uniform(*scenes.interval)
    # A robot replaces the newest slot of its ring until an interval has passed, so the last gap may be shorter.
    lead = rng.uniform(0.0, _LATEST if scenes.events else 0.5)
    gaps = [lead, *[interval] * (scenes.clip - 2), rng.uniform(0.25, 1.0) * interval]
    frames = []
    for gap in gaps:
        tabletop.advance(gap)
        frames.append(tabletop.render(depth=False))
    objects = remembered(frames) if scenes.events else frames[-1].objects
    return RenderedScene(np.stack([frame.rgb for frame in frames]), frames[-1].labels, objects)


def render_shards(
    scenes: SceneSet, folder: Path, workers: int, rank: int = 0, ranks: int = 1, studio: Studio | None = None
) -> list[Path]:
    """Render those shards of a set that are not on disk yet, with a progress bar; return the paths of all, in order.

    Args:
        scenes: which ones.
        folder: of the shards.
        workers: processes that render; one at least.
        rank, ranks: of this process. Processes that share a folder share the work: each begins at another shard, and
            skips shards that exist by then. None waits for another, so each may also have a folder of its own.
        studio: for scenes of scans.

    Raises:
        OSError: a shard cannot be written, or rendering processes died again and again; whole shards are kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if ranks == 1:  # others may run on other machines, where this one cannot see whether they still write
        remove_leftovers(folder)
    shards = _shards(scenes, folder / f"{studio.name if studio else ''}{scenes.name}")
    missing = [shard for shard in shards if not shard[1].exists()]
    begin = rank * len(missing) // ranks
    missing = missing[begin:] + missing[:begin]
    render = partial(_render_shard, scenes, studio)
    deaths = 0
    label = f"rendering {scenes.split}"
    count = len(shards)
    with tqdm(total=count, initial=count - len(missing), unit="shard", desc=label, disable=not missing) as bar:
        while missing and not _rendered(render, missing, max(1, workers), bar):
            left = [shard for shard in missing if not shard[1].exists()]
            deaths = deaths + 1 if left == missing else 0
            if deaths == _DEATHS_IN_A_ROW:
                raise OSError(
                    f"{folder}: rendering processes died {deaths} times without a new shard; whole shards are kept and "
                    "the same command goes on from them. Fewer --workers need less memory"
                )
            bar.update(count - len(left) - bar.n)
            missing = left
    return [path for _, path in shards]


def _shards(scenes: SceneSet, stem: Path) -> list[tuple[range, Path]]:
    """The seeds and the path of each shard.

    A short one, the last of a set, says in its name how many scenes it holds: a larger set needs another in its place.
    """
    end = scenes.first_seed + scenes.scenes
    found = []
    for index, first in enumerate(range(scenes.first_seed, end, SCENES_PER_SHARD)):
        seeds = range(first, min(first + SCENES_PER_SHARD, end))
        held = "" if len(seeds) == SCENES_PER_SHARD else f"-{len(seeds)}"
        found.append((seeds, stem.with_name(f"{stem.name}-{index:05d}{held}.npz")))
    return found


def _rendered(render: Callable[[range, Path], None], shards: list[tuple[range, Path]], workers: int, bar: tqdm) -> bool:
    """Render some shards; False if a process died, by a GL driver's fault or for lack of memory: all end then."""
    spawned = multiprocessing.get_context("spawn")  # GL and torch threads do not survive a fork
    with ProcessPoolExecutor(workers, spawned, initializer=_prepare_worker) as pool:
        try:
            for _ in pool.map(render, *zip(*shards, strict=True)):
                bar.update()
        except BrokenProcessPool:
            return False
    return True


def _prepare_worker() -> None:
    os.environ["LP_NUM_THREADS"] = "1"  # Mesa's software renderer takes all cores otherwise, in each of the processes
    end_with_parent()


def _render_shard(scenes: SceneSet, studio: Studio | None, seeds: range, path: Path) -> None:
    if path.exists():
        return  # made by another process meanwhile
    size = scenes.width, scenes.height
    with studio.tabletop(*size) if studio else Tabletop(*size) as tabletop:
        drawn = [draw_scene(tabletop, scenes, seed) for seed in seeds]
    if studio:
        cutouts = studio.cutouts()
        drawn = [taken(scene, seed, cutouts) for seed, scene in zip(seeds, drawn, strict=True)]
    with replacing(path) as temporary:
        np.savez(
            temporary,
            rgb=np.concatenate([scene.frames for scene in drawn]),
            labels=np.stack([scene.labels for scene in drawn]),
            offsets=np.cumsum([0, *[len(scene.frames) for scene in drawn]]),
            truth=np.array([json.dumps([asdict(thing) for thing in scene.objects]) for scene in drawn]),
        )


def load_shards(paths: list[Path]) -> Iterator[RenderedScene]:
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
            yield RenderedScene(rgb[offsets[index] : offsets[index + 1]], labels[index], objects)


def _tuples(fields: dict[str, object]) -> dict[str, object]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
