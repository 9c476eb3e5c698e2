"""A drawn scene as a compiled MuJoCo model. Visible meshes do not collide; what collides (group 3) is not drawn."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from refseg_ros.simulation.appearance import ACCENTS, shade
from refseg_ros.simulation.scene import Scene, Thing

COLLISION_GROUP = 3
TIME_STEP = 0.004  # seconds
SMOOTHING = 4  # samples per pixel

_FRICTION = (0.5, 0.003, 0.002)  # sliding (1), torsional (m), rolling (m)
_RGB_ROLE = mujoco.mjtTextureRole.mjTEXROLE_RGB


def body_name(instance_id: int) -> str:
    """Return the model's name for the body of a thing."""
    return f"thing {instance_id}"


def compile_scene(scene: Scene) -> mujoco.MjModel:
    """Build the model of a scene: body "thing i" with a free joint for thing i = 1, 2, ..., and the camera "camera"."""
    spec = mujoco.MjSpec()
    lens = scene.camera.intrinsics
    spec.visual.global_.offwidth, spec.visual.global_.offheight = lens.width, lens.height
    spec.visual.quality.offsamples = SMOOTHING
    spec.visual.quality.shadowsize = int(np.clip(4 * lens.width, 512, 2048))  # pixels, square
    spec.visual.map.znear, spec.visual.map.zfar, spec.visual.map.shadowclip = 0.02, 8.0, 0.8
    spec.visual.headlight.ambient = [scene.ambient] * 3
    spec.visual.headlight.diffuse = [0.0] * 3
    spec.visual.headlight.specular = [0.0] * 3
    spec.stat.extent, spec.stat.center = 1.0, [0.0, 0.0, 0.0]
    spec.option.timestep = TIME_STEP
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    textures: dict[str, NDArray[np.uint8]] = {}
    _add_room(spec, scene, textures)
    for number, thing in enumerate(scene.things, start=1):
        _add_thing(spec, thing, number, textures)
    model = spec.compile()
    for name, texture in textures.items():
        start = int(model.texture(name).adr[0])
        model.tex_data[start : start + texture.size] = texture.ravel()
    return model


def _add_texture(spec: mujoco.MjSpec, name: str, texture: NDArray[np.uint8], textures: dict[str, NDArray[np.uint8]]) -> list[str]:
    """Reserve a texture, to be filled after compilation, and return the list of roles that a material wants."""
    kind, flat = mujoco.mjtTexture.mjTEXTURE_2D, mujoco.mjtBuiltin.mjBUILTIN_FLAT
    spec.add_texture(name=name, type=kind, builtin=flat, width=texture.shape[1], height=texture.shape[0], nchannel=3)
    textures[name] = texture
    roles = [""] * int(mujoco.mjtTextureRole.mjNTEXROLE)
    roles[_RGB_ROLE] = name
    return roles


def _add_room(spec: mujoco.MjSpec, scene: Scene, textures: dict[str, NDArray[np.uint8]]) -> None:
    world = spec.worldbody
    plane, box = mujoco.mjtGeom.mjGEOM_PLANE, mujoco.mjtGeom.mjGEOM_BOX
    world.add_geom(type=plane, size=[5, 5, 0.1], group=COLLISION_GROUP, condim=6, friction=_FRICTION)
    across, along = scene.table_half_size
    surfaces = {
        "table": (box, [along, across, 0.02], [0, 0, -0.02], [np.cos(scene.table_turn / 2), 0, 0, np.sin(scene.table_turn / 2)]),
        "floor": (plane, [4, 4, 0.1], [0, 0, -0.72], [1, 0, 0, 0]),
        "wall": (box, [0.02, 4, 1.2], _wall_position(scene), [np.cos(scene.wall_turn / 2), 0, 0, np.sin(scene.wall_turn / 2)]),
    }
    for name, (kind, size, position, quaternion) in surfaces.items():
        roles = _add_texture(spec, name, getattr(scene, name), textures)
        material = spec.add_material(name=name, specular=0.15, shininess=0.3)
        material.textures, material.texuniform = roles, True
        material.texrepeat = [scene.table_repeats, scene.table_repeats]
        world.add_geom(type=kind, size=size, pos=position, quat=quaternion, material=name, contype=0, conaffinity=0)
    for light in scene.lights:
        directional = mujoco.mjtLightType.mjLIGHT_DIRECTIONAL
        specular = [0.4 * float(light.diffuse.mean())] * 3
        world.add_light(
            type=directional, pos=-1.5 * light.direction, dir=light.direction, diffuse=light.diffuse, specular=specular,
            ambient=[0.0] * 3, castshadow=light.shadow,
        )  # fmt: skip
    right, down, forward = scene.camera.axes
    turn = np.zeros(4)
    mujoco.mju_mat2Quat(turn, np.stack([right, -down, -forward], axis=1).ravel())
    lens = scene.camera.intrinsics
    angle = float(np.degrees(2.0 * np.arctan(lens.height / 2.0 / lens.fy)))
    world.add_camera(name="camera", pos=scene.camera.position, quat=turn, fovy=angle)


def _wall_position(scene: Scene) -> list[float]:
    away = scene.camera.away[:2] * scene.wall_distance
    return [float(away[0]), float(away[1]), 0.0]


def _add_thing(spec: mujoco.MjSpec, thing: Thing, number: int, textures: dict[str, NDArray[np.uint8]]) -> None:
    body = spec.worldbody.add_body(name=body_name(number), pos=thing.position, quat=thing.quaternion)
    body.add_freejoint()
    for solid in thing.blueprint.solids:
        size = [thing.scale * half for half in (*solid.size, 0.0, 0.0)[:3]]
        body.add_geom(
            type=solid.kind, size=size, pos=[thing.scale * p for p in solid.position], quat=solid.quaternion, density=350.0,
            group=COLLISION_GROUP, condim=6, priority=1, friction=_FRICTION,
        )  # fmt: skip
    gloss = 0.75 if thing.finish == "shiny" else 0.12
    for part in sorted({part.paint for part in thing.blueprint.parts}):
        material = spec.add_material(name=f"{part} {number}", specular=gloss, shininess=0.7 if thing.finish == "shiny" else 0.2)
        if part == "base":
            material.textures = _add_texture(spec, f"finish {number}", thing.texture, textures)
        else:
            tone = shade(thing.rgb, 0.25) if part == "shade" else np.asarray(ACCENTS[part]) / 255.0
            material.rgba = [*tone, 1.0]
    for index, part in enumerate(thing.blueprint.parts):
        mesh = part.mesh.scaled(thing.scale)
        name = f"mesh {number} {index}"
        spec.add_mesh(
            name=name, uservert=mesh.vertices.ravel(), userface=mesh.faces.ravel(), usertexcoord=mesh.texture.ravel(),
            inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL,
        )  # fmt: skip
        body.add_geom(
            type=mujoco.mjtGeom.mjGEOM_MESH, meshname=name, material=f"{part.paint} {number}", mass=0.0, contype=0, conaffinity=0,
        )  # fmt: skip


