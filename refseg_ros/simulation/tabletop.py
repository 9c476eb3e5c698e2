"""The simulated tabletop: physics, a camera, and exact ground truth, for training, tests and demonstrations.

World units are metres and seconds. A frame's truth is in the camera optical frame: x right, y down, z forward.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import mujoco
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from refseg_ros.simulation.appearance import COLOURS, HELD_OUT_PAIRS, allowed_pairs
from refseg_ros.simulation.camera import Camera, silhouette_area, surface_area
from refseg_ros.simulation.motion import SECONDS_BETWEEN, Mover
from refseg_ros.simulation.mujoco_model import TIME_STEP, compile_scene
from refseg_ros.simulation.objects import CLASSES
from refseg_ros.simulation.renderer import Renderer
from refseg_ros.simulation.scan_scene import draw_scan_scene
from refseg_ros.simulation.scans import ScanSet
from refseg_ros.simulation.scene import Scene, Thing, draw_scene
from refseg_ros.space.pinhole import Lens

__all__ = ["CLASSES", "COLOURS", "HELD_OUT_PAIRS", "Frame", "ObjectTruth", "Tabletop", "remembered"]

_SETTLING_STEPS = 150
_FALLING_STEPS = 400
_AT_REST = 0.01  # m/s and rad/s
_SMALLEST_SIDE = 16  # pixels


@dataclass(frozen=True)
class ObjectTruth:
    """The ground truth of one thing in one frame."""

    instance_id: int  # its value in the label image, 1..255
    class_name: str
    colour: str  # one of COLOURS; "" if it has no single colour
    finish: str
    scale: float  # linear size relative to the nominal size of its class, 0.7..1.42; a scan's relative to 0.1 m
    position: tuple[float, float, float]  # centre of mass, optical frame, metres
    velocity: tuple[float, float, float]  # of the centre of mass, optical axes, m/s
    ground: tuple[float, float]  # (right, away) of the camera as the viewer sees it, along the table, metres
    motion: str | None  # "rolling", "sliding", "falling", "pushed"; None below 0.05 m/s
    pixels: int  # visible pixels
    visible_fraction: float  # estimate: pixels / area of its whole outline, including parts beyond the image
    box: tuple[int, int, int, int]  # x, y, width, height of the visible pixels; all 0 if no pixel is visible
    names: tuple[str, ...] = ()  # all nouns for a scan or a thing in a photo; () if CLASS_WORDS has them
    other_colours: tuple[str, ...] = ()  # other colours that somebody might name
    earlier: tuple[float, ...] = ()  # m/s in the clip's earlier frames, the oldest first, see `remembered`
    earlier_motion: str | None = None  # its newest motion there


@dataclass(frozen=True)
class Frame:
    """One moment: rgb (H, W, 3) uint8 RGB, depth (H, W) float32 metres along the optical axis, labels (H, W) uint8.

    `stamp` is simulated seconds since the scene began; depth is all zero if it was not requested.
    """

    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]
    labels: NDArray[np.uint8]
    stamp: float
    objects: tuple[ObjectTruth, ...]
    intrinsics: Lens


def remembered(clip: Sequence[Frame]) -> tuple[ObjectTruth, ...]:
    """The objects of a clip's last frame, each with its motion in the earlier ones."""
    histories = zip(*(frame.objects for frame in clip), strict=True)
    return tuple(
        replace(
            past[-1],
            earlier=tuple(float(np.linalg.norm(thing.velocity)) for thing in past[:-1]),
            earlier_motion=next((thing.motion for thing in past[-2::-1] if thing.motion), None),
        )
        for past in histories
    )


class Tabletop:
    """A camera over a table: `reset` draws a scene from a seed, `advance` lets time pass, `render` looks.

    One offscreen surface serves all scenes. Use the tabletop from one thread, and close it or use it in a `with`.

    Args:
        width, height: of the image, pixels.
        objects: scans to put on the table instead of the simulator's own things.
        dress: changes a drawn scene before it is set up, with its own generator: other surfaces or lights, more
            things. Things without a class name are visible, but missing in a frame's objects and labels.
        equip: adds a robot to the model of a scene. It is visible, but missing in a frame's objects and labels.
    """

    def __init__(
        self,
        width: int = 640,
        height: int = 480,
        objects: ScanSet | None = None,
        dress: Callable[[Scene, Generator], Scene] | None = None,
        equip: Callable[[mujoco.MjSpec, Scene], None] | None = None,
    ) -> None:
        if min(width, height) < _SMALLEST_SIDE:
            raise ValueError(f"the image is {width} x {height} pixels, but each side must be at least {_SMALLEST_SIDE}")
        self._size = (width, height)
        self._objects, self._dress, self._equip = objects, dress, equip
        self._renderer = Renderer(width, height)
        self._mover: Mover | None = None

    def reset(self, seed: int, split: str = "train", moving: bool | None = None, spread: float = 0.0) -> None:
        """Set up the scene of a seed (>= 0) and split ("train" or "held_out"), settled, at stamp 0.

        With `moving`, 1 to 3 things move at stamp 0, and new motions start every 2 s; None lets the seed decide (about
        every second scene moves). With a `spread`, 2 or 3 start once, each at a time of its own within so many seconds.
        The same arguments and size give the same bytes.

        Raises:
            ValueError: the seed is negative, or there is no such split.
        """
        if seed < 0:
            raise ValueError(f"seed is {seed}, but must not be negative")
        allowed_pairs(split)  # refuses an unknown split
        if self._objects is None:
            self._scene = draw_scene(seed, split, self._size)
        else:
            self._scene = draw_scan_scene(seed, split, self._size, self._objects)
        if self._dress:
            self._scene = self._dress(self._scene, np.random.default_rng([seed, split == "held_out", 3]))
        self._model = compile_scene(self._scene, self._equip)
        self._data = mujoco.MjData(self._model)
        self._settle()
        rng = np.random.default_rng([seed, split == "held_out", 1])
        by_seed = bool(rng.uniform() < 0.5)
        self._mover = Mover(self._scene, self._model, self._data, rng)
        self._moving = by_seed if moving is None else moving
        self._steps, self._asked, self._again = 0, 0.0, not spread
        if self._moving:
            self._mover.start(may_fall=not spread, spread=spread)
        self._renderer.open(self._model)

    def _settle(self) -> None:
        """Let the things come to rest and set the clock to zero."""
        for step in range(_SETTLING_STEPS if self._objects is None else _FALLING_STEPS):
            mujoco.mj_step(self._model, self._data)
            if step > 10 and float(np.abs(self._data.qvel).max()) < _AT_REST:
                break
        self._data.qvel[:] = 0.0
        self._data.time = 0.0
        mujoco.mj_forward(self._model, self._data)

    def advance(self, seconds: float) -> None:
        """Let simulated time pass (>= 0 s) in physics steps of 4 ms; the rest is kept for the next call."""
        mover = self._put_up()
        if seconds < 0.0:
            raise ValueError(f"time cannot go back: advance was given {seconds} s")
        self._asked += seconds
        between = round(SECONDS_BETWEEN / TIME_STEP)
        while self._steps < round(self._asked / TIME_STEP):
            mover.drive()
            mujoco.mj_step(self._model, self._data)
            self._steps += 1
            if self._moving and self._again and self._steps % between == 0:
                mover.start(may_fall=False)

    def _put_up(self) -> Mover:
        if self._mover is None:
            raise RuntimeError("no scene is set up: call reset first")
        return self._mover

    def render(self, depth: bool = True) -> Frame:
        """Return the frame of this moment with its truth; without `depth` the depth image is all zero."""
        mover = self._put_up()
        mujoco.mj_forward(self._model, self._data)
        pictures = self._renderer.draw(self._data, depth)
        named = [number for number, thing in enumerate(self._scene.things) if thing.class_name]
        objects = tuple(self._truth(number, pictures.labels, mover) for number in named)
        labels = pictures.labels
        if len(named) < self._model.nbody - 1:  # body 0 is the world
            labels = labels * np.isin(labels, [number + 1 for number in named]).view(np.uint8)
        stamp = self._steps * TIME_STEP
        return Frame(pictures.rgb, pictures.depth, labels, stamp, objects, self._scene.camera.intrinsics)

    def _truth(self, number: int, labels: NDArray[np.uint8], mover: Mover) -> ObjectTruth:
        thing, camera, body = self._scene.things[number], self._scene.camera, number + 1
        centre = self._data.xipos[body].copy()
        twist = np.zeros(6)  # angular, then linear, in the world's axes
        mujoco.mj_objectVelocity(self._model, self._data, mujoco.mjtObj.mjOBJ_BODY, body, twist, 0)
        turn, place = self._data.xmat[body].reshape(3, 3), self._data.xpos[body]
        visible = (labels == body).view(np.uint8)
        pixels = int(np.count_nonzero(visible))
        x, y, width, height = cv2.boundingRect(visible)
        return ObjectTruth(
            instance_id=body,
            class_name=thing.class_name,
            colour=thing.colour,
            finish=thing.finish,
            scale=thing.scale if not thing.names else float(np.ptp(thing.corners(), axis=0).max()) / 0.1,
            position=_triple(camera.to_optical(centre)),
            velocity=_triple(camera.axes @ twist[3:]),
            ground=camera.ground(centre),
            motion=mover.kind(number, twist[3:]),
            pixels=pixels,
            visible_fraction=pixels / max(self._alone(thing, turn, place), float(pixels), 1.0),
            box=(int(x), int(y), int(width), int(height)),
            names=thing.names,
            other_colours=thing.other_colours,
        )

    def _alone(self, thing: Thing, turn: NDArray[np.float64], place: NDArray[np.float64]) -> float:
        """How many pixels the thing would cover if nothing hid it."""
        meshes = [part.mesh for part in thing.blueprint.parts]
        if thing.names:
            return surface_area(self._scene.camera, thing.corners() @ turn.T + place, meshes[0].faces)
        outlines = [thing.scale * mesh.vertices[piece] @ turn.T + place for mesh in meshes for piece in mesh.pieces]
        return silhouette_area(self._scene.camera, outlines)

    @property
    def physics(self) -> tuple[mujoco.MjModel, mujoco.MjData]:
        """MuJoCo's model and state of the scene that is set up, for a robot to be moved; new after each `reset`."""
        return self._model, self._data

    @property
    def camera(self) -> Camera:
        """The camera of the scene that is set up."""
        return self._scene.camera

    def close(self) -> None:
        """Release the offscreen surface."""
        self._renderer.close()

    def __enter__(self) -> Tabletop:
        """Return the tabletop itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


def _triple(vector: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(vector[0]), float(vector[1]), float(vector[2])
