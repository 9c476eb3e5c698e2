"""A gripper on rails over the simulated table, which stands in for a robot's arm.

It moves along the world's axes and turns about the vertical; two fingers close along its own y axis. World frame: z up,
the table is z = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from refseg_ros.simulation.scene import Scene

WIDEST = 0.20  # metres between the fingers

_AXES = ("x", "y", "z")
_SPEED, _TURNING = 0.6, 2.0  # m/s and rad/s of a commanded motion
_STIFFNESS, _DAMPING = 4000.0, 250.0  # of the rails, N/m and N s/m; of the turning joint N m/rad
_FORCE = 25.0  # newtons of each finger
_FINGER = (0.011, 0.005, 0.055)  # half sizes, metres; the tips are at z = 0 of the gripper
_BEHIND, _ABOVE = 0.7, 0.6  # metres from the camera to where the gripper waits, out of sight


@dataclass(frozen=True)
class GripperState:
    """Where the gripper is: its tips' middle (world, metres), its turn (radians), metres between the fingers."""

    position: NDArray[np.float64]
    turn: float
    opening: float


class Gripper:
    """A gripper on a `Tabletop` made with `equip`. Call `wake` after each `reset`, `drive` before each `advance`."""

    def equip(self, spec: mujoco.MjSpec, scene: Scene) -> None:
        """Add the gripper to a model, where it waits: behind the camera and above it."""
        camera = scene.camera
        self._home = camera.position - _BEHIND * camera.away + [0.0, 0.0, _ABOVE]
        hand = spec.worldbody.add_body(name="gripper", pos=self._home, gravcomp=1.0)
        for index, axis in enumerate(_AXES):
            direction = np.eye(3)[index]
            hand.add_joint(name=f"gripper {axis}", type=mujoco.mjtJoint.mjJNT_SLIDE, axis=direction, armature=0.5)
        hand.add_joint(name="gripper turn", type=mujoco.mjtJoint.mjJNT_HINGE, axis=[0, 0, 1], armature=0.5)
        palm = [0.02, WIDEST / 2 + 2 * _FINGER[1], 0.012]
        box, dark = mujoco.mjtGeom.mjGEOM_BOX, [0.2, 0.2, 0.22, 1.0]
        hand.add_geom(type=box, size=palm, pos=[0, 0, 2 * _FINGER[2] + palm[2]], rgba=dark)
        for side, name in ((1.0, "left"), (-1.0, "right")):
            place = [0, side * (WIDEST / 2 + _FINGER[1]), _FINGER[2]]
            finger = hand.add_body(name=f"gripper {name}", pos=place, gravcomp=1.0)
            finger.add_joint(
                name=f"gripper {name}",
                type=mujoco.mjtJoint.mjJNT_SLIDE,
                axis=[0, -side, 0],
                range=[0.0, WIDEST / 2],
                limited=True,
                armature=0.1,
            )
            finger.add_geom(type=box, size=_FINGER, rgba=[0.75, 0.75, 0.78, 1.0], condim=6)
        for axis in (*_AXES, "turn"):
            rail = spec.add_actuator(
                name=f"gripper {axis}", target=f"gripper {axis}", trntype=mujoco.mjtTrn.mjTRN_JOINT
            )
            rail.set_to_position(kp=_STIFFNESS, kv=_DAMPING)
        for name in ("left", "right"):
            grip = spec.add_actuator(
                name=f"gripper {name}", target=f"gripper {name}", trntype=mujoco.mjtTrn.mjTRN_JOINT
            )
            grip.set_to_position(kp=_STIFFNESS, kv=_DAMPING)
            grip.forcerange, grip.forcelimited = [-_FORCE, _FORCE], True

    def wake(self, physics: tuple[mujoco.MjModel, mujoco.MjData]) -> None:
        """Take over the gripper of a new scene: it waits, open."""
        self._model, self._data = physics
        self.move(self._home, 0.0)
        self.open(WIDEST)
        self._commanded = self._goal.copy()

    def move(self, position: NDArray[np.float64], turn: float) -> None:
        """Go to a place of the tips' middle (world, metres) and a turn about the vertical (radians)."""
        self._goal = np.array([*(position - self._home), turn])

    def open(self, opening: float) -> None:
        """Bring the fingers this far apart (metres), or as close as the thing between them allows."""
        closed = (WIDEST - float(np.clip(opening, 0.0, WIDEST))) / 2
        for name in ("left", "right"):
            self._data.actuator(f"gripper {name}").ctrl[0] = closed

    def drive(self, seconds: float) -> None:
        """Go on towards the goal for so long, at a limited speed."""
        way = self._goal - self._commanded
        fastest = np.array([_SPEED, _SPEED, _SPEED, _TURNING]) * seconds
        self._commanded += np.clip(way, -fastest, fastest)
        for name, value in zip((*_AXES, "turn"), self._commanded, strict=True):
            self._data.actuator(f"gripper {name}").ctrl[0] = value

    @property
    def state(self) -> GripperState:
        """Where it is."""
        place = [float(self._data.joint(f"gripper {axis}").qpos[0]) for axis in (*_AXES, "turn")]
        closed = sum(float(self._data.joint(f"gripper {name}").qpos[0]) for name in ("left", "right"))
        return GripperState(self._home + place[:3], place[3], WIDEST - closed)
