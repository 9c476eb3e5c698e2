"""Compiles a scene into a MuJoCo model. Visible meshes do not collide; colliding shapes (group 3) are not drawn."""

from __future__ import annotations

from collections.abc import Callable

import mujoco
import numpy as np
from numpy.typing import NDArray

from refseg_ros.simulation.appearance import ACCENTS, shade
from refseg_ros.simulation.scene import Scene, Thing

COLLISION_GROUP = 3
TIME_STEP = 0.004  # seconds

_SMOOTHING = 4  # samples per pixel
_FRICTION = (0.5, 0.003, 0.002)  # sliding (1), torsional (m), rolling (m)
_DENSITY = 350.0  # kg/m3
_LEAST_INERTIA = 1e-12  # kg m2; MuJoCo refuses a wire's own, which is smaller


def compile_scene(scene: Scene, equip: Callable[[mujoco.MjSpec, Scene], None] | None = None) -> mujoco.MjModel:
    """Build the model of a scene: bodies 1, 2, ... (each with a free joint) are its things, camera 0 is its camera.

    `equip` may add more after them.
    """
    builder = _Builder(scene)
    builder.set_up()
    builder.add_room()
    builder.add_lights()
    builder.add_camera()
    for number, thing in enumerate(scene.things, start=1):
        builder.add_thing(thing, number)
    if equip:
        equip(builder.spec, scene)
    return builder.compile()


class _Builder:
    """Puts a scene into a model specification; filling in textures after compilation is quicker."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.spec = mujoco.MjSpec()
        self._textures: dict[str, NDArray[np.uint8]] = {}

    def set_up(self) -> None:
        """Set the image, the physics and the ambient light; the extent is 1, so clip planes are in metres."""
        spec, lens = self.spec, self._scene.camera.intrinsics
        spec.visual.global_.offwidth, spec.visual.global_.offheight = lens.width, lens.height
        spec.visual.quality.offsamples = _SMOOTHING
        spec.visual.quality.shadowsize = int(np.clip(4 * lens.width, 512, 2048))  # pixels, square
        spec.visual.map.znear, spec.visual.map.zfar, spec.visual.map.shadowclip = 0.02, 8.0, 0.8
        spec.visual.headlight.ambient = [self._scene.ambient] * 3
        spec.visual.headlight.diffuse = [0.0] * 3
        spec.visual.headlight.specular = [0.0] * 3
        spec.stat.extent, spec.stat.center = 1.0, [0.0, 0.0, 0.0]
        spec.option.timestep = TIME_STEP
        spec.compiler.boundinertia = _LEAST_INERTIA
        spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST

    def compile(self) -> mujoco.MjModel:
        """Return the finished model."""
        model = self.spec.compile()
        for name, texture in self._textures.items():
            start = int(model.texture(name).adr[0])
            model.tex_data[start : start + texture.size] = texture.ravel()
        return model

    def add_room(self) -> None:
        """Add the plane that things rest on, and the visible room: the table's top, the floor, a wall."""
        scene, world = self._scene, self.spec.worldbody
        plane, box = mujoco.mjtGeom.mjGEOM_PLANE, mujoco.mjtGeom.mjGEOM_BOX
        world.add_geom(type=plane, size=[5, 5, 0.1], group=COLLISION_GROUP, condim=6, friction=_FRICTION)
        across, along = scene.table_half_size
        behind = scene.camera.away * scene.wall_distance
        surfaces = (
            ("table", scene.table, box, [along, across, 0.02], [0, 0, -0.02], scene.table_turn),
            ("floor", scene.floor, plane, [4, 4, 0.1], [0, 0, -0.72], 0.0),
            ("wall", scene.wall, box, [0.02, 4, 1.2], [float(behind[0]), float(behind[1]), 0.0], scene.wall_turn),
        )
        for name, texture, kind, size, position, yaw in surfaces:
            roles = self._texture_roles(name, texture)
            material = self.spec.add_material(name=name, specular=0.15, shininess=0.3)
            material.textures, material.texuniform = roles, True
            material.texrepeat = [scene.repeats, scene.repeats]
            turn = [np.cos(yaw / 2), 0, 0, np.sin(yaw / 2)]
            world.add_geom(type=kind, size=size, pos=position, quat=turn, material=name, contype=0, conaffinity=0)

    def add_lights(self) -> None:
        """Add the lights, with white highlights."""
        for light in self._scene.lights:
            self.spec.worldbody.add_light(
                type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
                pos=-1.5 * light.direction,
                dir=light.direction,
                diffuse=light.diffuse,
                specular=[0.4 * float(light.diffuse.mean())] * 3,
                ambient=[0.0] * 3,
                castshadow=light.shadow,
            )

    def add_camera(self) -> None:
        """Add the camera; a MuJoCo camera looks along its own negative z axis, with y up."""
        camera, lens = self._scene.camera, self._scene.camera.intrinsics
        right, down, forward = camera.axes
        turn = np.zeros(4)
        mujoco.mju_mat2Quat(turn, np.stack([right, -down, -forward], axis=1).ravel())
        angle = float(np.degrees(2.0 * np.arctan(lens.height / 2.0 / lens.fy)))
        self.spec.worldbody.add_camera(name="camera", pos=camera.position, quat=turn, fovy=angle)

    def add_thing(self, thing: Thing, number: int) -> None:
        """Add a thing as a free body: its colliding shapes, its paints, its visible meshes."""
        body = self.spec.worldbody.add_body(name=f"thing {number}", pos=thing.position, quat=thing.quaternion)
        body.add_freejoint()
        for index, solid in enumerate(thing.blueprint.solids):
            hull = "" if solid.points is None else self._add_hull(solid.points * thing.scale, f"hull {number} {index}")
            body.add_geom(
                type=solid.kind,
                meshname=hull,
                size=[thing.scale * half for half in (*solid.size, 0.0, 0.0)[:3]],
                pos=[thing.scale * p for p in solid.position],
                quat=solid.quaternion,
                density=_DENSITY,
                group=COLLISION_GROUP,
                condim=6,
                priority=1,
                friction=_FRICTION,
            )
        self._add_paints(thing, number)
        for index, part in enumerate(thing.blueprint.parts):
            mesh, name = part.mesh.scaled(thing.scale), f"mesh {number} {index}"
            self.spec.add_mesh(
                name=name,
                uservert=mesh.vertices.ravel(),
                userface=mesh.faces.ravel(),
                usertexcoord=mesh.texture.ravel(),
                inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL,
            )
            body.add_geom(
                type=mujoco.mjtGeom.mjGEOM_MESH,
                meshname=name,
                material=f"{part.paint} {number}",
                mass=0.0,
                contype=0,
                conaffinity=0,
            )

    def _add_hull(self, points: NDArray[np.float64], name: str) -> str:
        """Add the convex hull of some points as a mesh, and return its name."""
        self.spec.add_mesh(name=name, uservert=points.ravel(), inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_CONVEX)
        return name

    def _add_paints(self, thing: Thing, number: int) -> None:
        specular, shininess = (0.75, 0.7) if thing.finish == "shiny" else (0.12, 0.2)
        for paint in sorted({part.paint for part in thing.blueprint.parts}):
            material = self.spec.add_material(name=f"{paint} {number}", specular=specular, shininess=shininess)
            if paint == "base":
                material.textures = self._texture_roles(f"finish {number}", thing.texture)
            else:
                tone = shade(thing.rgb, 0.25) if paint == "shade" else np.asarray(ACCENTS[paint]) / 255.0
                material.rgba = [*tone, 1.0]

    def _texture_roles(self, name: str, texture: NDArray[np.uint8]) -> list[str]:
        """Reserve a texture and return the list of texture roles of a material."""
        kind, flat = mujoco.mjtTexture.mjTEXTURE_2D, mujoco.mjtBuiltin.mjBUILTIN_FLAT
        height, width = texture.shape[:2]
        self.spec.add_texture(name=name, type=kind, builtin=flat, width=width, height=height, nchannel=3)
        self._textures[name] = texture
        roles = [""] * int(mujoco.mjtTextureRole.mjNTEXROLE)
        roles[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name
        return roles
