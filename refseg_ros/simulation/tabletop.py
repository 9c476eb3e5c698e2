"""The simulated tabletop: scenes with exact truth for training, tests and demonstrations, and a camera over them.

World units are metres and seconds. What a frame tells is in the camera optical frame: x right, y down, z forward.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType

import cv2
import mujoco
import numpy as np
from numpy.typing import NDArray

from refseg_ros.simulation.appearance import COLOURS, HELD_OUT_PAIRS, allowed_pairs
from refseg_ros.simulation.camera import Intrinsics, silhouette_area
from refseg_ros.simulation.model import TIME_STEP, compile_scene
from refseg_ros.simulation.motion import SECONDS_BETWEEN, Mover
from refseg_ros.simulation.objects import CLASSES
from refseg_ros.simulation.scene import draw_scene
from refseg_ros.simulation.view import View

__all__ = ["CLASSES", "COLOURS", "HELD_OUT_PAIRS", "Frame", "Intrinsics", "ObjectTruth", "Tabletop"]

_SETTLING_STEPS = 150
_AT_REST = 0.01  # m/s and rad/s
_SMALLEST_SIDE = 16  # pixels


@dataclass(frozen=True)
class ObjectTruth:
    """What is so of one thing in one frame."""

    instance_id: int  # its value in the label image, 1..255
    class_name: str
    colour: str
    finish: str
    scale: float  # linear size relative to the nominal size of its class, 0.7..1.42
    position: tuple[float, float, float]  # centre of mass, optical frame, metres
    velocity: tuple[float, float, float]  # of the centre of mass, optical axes, m/s
    ground: tuple[float, float]  # (to the viewer's right, away from the viewer) of the camera, along the table, metres
    motion: str | None  # "rolling", "sliding", "falling", "pushed"; None below 0.05 m/s
    pixels: int  # visible pixels
    visible_fraction: float  # estimate: pixels / area of its outline alone, the part beyond the image included
    box: tuple[int, int, int, int]  # x, y, width, height of the visible pixels, all 0 when none is


@dataclass(frozen=True)
class Frame:
    """One moment: rgb (H, W, 3) uint8 RGB, depth (H, W) float32 metres along the optical axis, labels (H, W) uint8.

    `stamp` is in seconds of simulated time since the scene began; depth is all zero when it was not asked for.
    """

    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]
    labels: NDArray[np.uint8]
    stamp: float
    objects: tuple[ObjectTruth, ...]
    intrinsics: Intrinsics


class Tabletop:
    """A camera over a table: `reset` draws a scene from a seed, `advance` lets time pass, `render` looks.

    One offscreen surface serves all scenes. Use it from one thread, and `close` it (or use it as a context manager).
    """

    def __init__(self, width: int = 640, height: int = 480) -> None:
        if min(width, height) < _SMALLEST_SIDE:
            raise ValueError(f"the image is {width} x {height} pixels, but each side must be at least {_SMALLEST_SIDE}")
        self._size = (width, height)
        self._view = View(width, height)
        self._mover: Mover | None = None

    def reset(self, seed: int, split: str = "train", moving: bool | None = None) -> None:
        """Put up the scene of a seed (>= 0) and split ("train" or "held_out"), settled, at stamp 0.

        With `moving` 1 to 3 things are in motion at stamp 0, and something is again every 2 s; None leaves it to the
        seed (every second scene). The same seed, split, size and `moving` give the same bytes. ValueError for a bad
        seed or split.
        """
        if seed < 0:
            raise ValueError(f"seed is {seed}, but must not be negative")
        allowed_pairs(split)  # says what is wrong with a split
        self._scene = draw_scene(seed, split, self._size)
        self._model = compile_scene(self._scene)
        self._data = mujoco.MjData(self._model)
        self._settle()
        rng = np.random.default_rng([seed, split == "held_out", 1])
        by_seed = bool(rng.uniform() < 0.5)
        self._mover = Mover(self._scene, self._model, self._data, rng)
        self._moving = by_seed if moving is None else moving
        self._steps, self._asked = 0, 0.0
        if self._moving:
            self._mover.start(may_fall=True)
        self._view.open(self._model)

    def _settle(self) -> None:
        """Let the things come to rest and set the clock to zero."""
        for step in range(_SETTLING_STEPS):
            mujoco.mj_step(self._model, self._data)
            if step > 10 and float(np.abs(self._data.qvel).max()) < _AT_REST:
                break
        self._data.qvel[:] = 0.0
        self._data.time = 0.0
        mujoco.mj_forward(self._model, self._data)

    def advance(self, seconds: float) -> None:
        """Let simulated time pass (>= 0 s). It goes in physics steps of 4 ms; the rest is kept for the next call."""
        mover = self._put_up()
        if seconds < 0.0:
            raise ValueError(f"time cannot go back: advance was given {seconds} s")
        self._asked += seconds
        between = round(SECONDS_BETWEEN / TIME_STEP)
        while self._steps < round(self._asked / TIME_STEP):
            mover.drive()
            mujoco.mj_step(self._model, self._data)
            self._steps += 1
            if self._moving and self._steps % between == 0:
                mover.start(may_fall=False)

    def _put_up(self) -> Mover:
        if self._mover is None:
            raise RuntimeError("no scene is put up: call reset first")
        return self._mover

    def render(self, depth: bool = True) -> Frame:
        """Look: return the frame of this moment with its truth; without `depth` the depth image is all zero."""
        mover = self._put_up()
        mujoco.mj_forward(self._model, self._data)
        pictures = self._view.draw(self._data, depth)
        objects = tuple(self._truth(thing, pictures.labels, mover) for thing in range(len(self._scene.things)))
        stamp = self._steps * TIME_STEP
        return Frame(pictures.rgb, pictures.depth, pictures.labels, stamp, objects, self._scene.camera.intrinsics)

    def _truth(self, number: int, labels: NDArray[np.uint8], mover: Mover) -> ObjectTruth:
        thing, camera, body = self._scene.things[number], self._scene.camera, number + 1
        centre = self._data.xipos[body].copy()
        twist = np.zeros(6)  # angular, then linear, in the world's axes
        mujoco.mj_objectVelocity(self._model, self._data, mujoco.mjtObj.mjOBJ_BODY, body, twist, 0)
        turn, place = self._data.xmat[body].reshape(3, 3), self._data.xpos[body]
        meshes = [part.mesh for part in thing.blueprint.parts]
        outlines = [thing.scale * mesh.vertices[piece] @ turn.T + place for mesh in meshes for piece in mesh.pieces]
        visible = (labels == body).view(np.uint8)
        pixels = int(np.count_nonzero(visible))
        x, y, width, height = cv2.boundingRect(visible)
        return ObjectTruth(
            instance_id=body,
            class_name=thing.class_name,
            colour=thing.colour,
            finish=thing.finish,
            scale=thing.scale,
            position=_triple(camera.to_optical(centre)),
            velocity=_triple(camera.axes @ twist[3:]),
            ground=camera.ground(centre),
            motion=mover.kind(number, twist[3:]),
            pixels=pixels,
            visible_fraction=pixels / max(silhouette_area(camera, outlines), float(pixels), 1.0),
            box=(int(x), int(y), int(width), int(height)),
        )

    def close(self) -> None:
        """Give back the offscreen surface."""
        self._view.close()

    def __enter__(self) -> Tabletop:
        """Return the tabletop itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()


def _triple(vector: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(vector[0]), float(vector[1]), float(vector[2])
