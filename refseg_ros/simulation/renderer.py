"""Renders a MuJoCo model: colour, depth and labels of one moment, on an offscreen surface shared by all scenes."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from refseg_ros.simulation.mujoco_model import COLLISION_GROUP

_MOST_SHAPES = 200
_DRAWN = mujoco.mjtCatBit.mjCAT_ALL


@dataclass(frozen=True)
class Pictures:
    """rgb (H, W, 3) uint8 RGB; depth (H, W) float32, metres along the optical axis; labels (H, W) uint8, body ids.

    Depth is all zero if it was not requested.
    """

    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]
    labels: NDArray[np.uint8]


class Renderer:
    """An offscreen surface of a fixed size; `open` loads a model, `draw` renders it."""

    def __init__(self, width: int, height: int) -> None:
        self._size = mujoco.MjrRect(0, 0, width, height)
        self._surface = mujoco.GLContext(width, height)
        self._context: mujoco.MjrContext | None = None
        self._options = mujoco.MjvOption()
        self._options.geomgroup[COLLISION_GROUP] = 0
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        self._camera.fixedcamid = 0

    def open(self, model: mujoco.MjModel) -> None:
        """Load a model; its first camera is used."""
        self._surface.make_current()
        if self._context is not None:
            self._context.free()
        self._context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_50)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)
        self._context.readDepthMap = mujoco.mjtDepthMap.mjDEPTH_ZEROFAR
        self._scene = mujoco.MjvScene(model, _MOST_SHAPES)
        self._model = model

    def draw(self, data: mujoco.MjData, depth: bool) -> Pictures:
        """Render the state, which must be up to date (mj_forward). Labels are body ids; 0 is the world."""
        self._surface.make_current()
        scene, size = self._scene, self._size
        mujoco.mjv_updateScene(self._model, data, self._options, None, self._camera, _DRAWN, scene)
        shape = (size.height, size.width)
        rgb, segments = np.empty((*shape, 3), np.uint8), np.empty((*shape, 3), np.uint8)
        distances = np.zeros(shape, np.float32)
        self._render(segments=False)
        mujoco.mjr_readPixels(rgb, None, size, self._context)
        self._render(segments=True)
        mujoco.mjr_readPixels(segments, distances if depth else None, size, self._context)
        if depth:
            near, far = self._model.vis.map.znear, self._model.vis.map.zfar  # metres: the extent is 1
            distances = (near * far / (distances * (far - near) + near)).astype(np.float32)  # a reversed depth buffer
        bodies = np.zeros(_MOST_SHAPES + 1, np.uint8)
        for shape_drawn in scene.geoms[: scene.ngeom]:
            if shape_drawn.objtype == mujoco.mjtObj.mjOBJ_GEOM:
                bodies[shape_drawn.segid + 1] = self._model.geom_bodyid[shape_drawn.objid]
        labels = bodies[segments[..., 0]]
        return Pictures(*(np.ascontiguousarray(picture[::-1]) for picture in (rgb, distances, labels)))

    def _render(self, segments: bool) -> None:
        for flag in (mujoco.mjtRndFlag.mjRND_SEGMENT, mujoco.mjtRndFlag.mjRND_IDCOLOR):
            self._scene.flags[flag] = segments
        self._scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = False
        mujoco.mjr_render(self._size, self._scene, self._context)

    def close(self) -> None:
        """Release the surface."""
        if self._context is not None:
            self._surface.make_current()
            self._context.free()
            self._context = None
        self._surface.free()
