"""Triangle meshes for everyday things: turned profiles, tubes along a curve, boxes.

All lengths are metres. Faces are wound so that their normals point outwards. Besides its triangles a mesh has convex
pieces (lists of vertex numbers) whose union has the mesh's outline; `camera.silhouette_area` draws them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Mesh:
    """Vertices (V, 3) in metres, texture coordinates (V, 2) with 1 = one repeat, faces (F, 3), convex pieces."""

    vertices: Array
    texture: Array
    faces: Integers
    pieces: tuple[Integers, ...]

    def moved(self, offset: Sequence[float]) -> Mesh:
        """Return the mesh shifted by `offset` (x, y, z) metres."""
        return replace(self, vertices=self.vertices + np.asarray(offset, dtype=np.float64))

    def scaled(self, factor: float) -> Mesh:
        """Return the mesh made `factor` times larger about its origin."""
        return replace(self, vertices=self.vertices * factor)


def _rings(points: Array, texture: Array) -> Mesh:
    """Join consecutive rings of points (R, S, 3), the last point of each ring repeating the first, by triangles."""
    rings, sides = points.shape[0], points.shape[1]
    start = (np.arange(rings - 1)[:, None] * sides + np.arange(sides - 1)[None]).ravel()
    faces = np.concatenate(
        [
            np.stack([start, start + 1, start + sides + 1], axis=1),
            np.stack([start, start + sides + 1, start + sides], axis=1),
        ]
    )
    pieces = tuple(np.arange(ring * sides, (ring + 2) * sides) for ring in range(rings - 1))
    return Mesh(points.reshape(-1, 3), texture.reshape(-1, 2), faces, pieces)


def lathe(profile: Sequence[tuple[float, float]], sides: int = 24, repeats: float = 2.0) -> Mesh:
    """Turn a profile of (radius, height) points about the z axis; normals point outwards if its outside goes up."""
    outline = np.maximum(np.asarray(profile, dtype=np.float64), [[1e-4, -np.inf]])
    angle = np.linspace(0.0, 2.0 * np.pi, sides + 1)
    radius, height = outline[:, :1], outline[:, 1:]
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle), np.repeat(height, sides + 1, axis=1)], axis=-1)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(outline, axis=0).T))])
    across = np.broadcast_to(angle / (2.0 * np.pi) * repeats, points.shape[:2])
    up = np.broadcast_to((along / along[-1] * repeats)[:, None], points.shape[:2])
    return _rings(points, np.stack([across, up], axis=-1))


def ball_profile(radius: float, steps: int = 12) -> list[tuple[float, float]]:
    """Return the profile of a sphere about the origin, for `lathe`."""
    return [(radius * float(np.sin(a)), -radius * float(np.cos(a))) for a in np.linspace(0.0, np.pi, steps + 1)]


def tube(curve: Array, radii: Array, sides: int = 12, repeats: float = 3.0) -> Mesh:
    """Sweep circles of radii (K,) along a curve (K, 3) in the x-z plane; an end is open unless its radius is 0."""
    forward = np.gradient(curve, axis=0)
    forward /= np.linalg.norm(forward, axis=1, keepdims=True)
    if np.allclose(curve[0], curve[-1]):
        forward[0] = forward[-1] = (forward[0] + forward[-1]) / np.linalg.norm(forward[0] + forward[-1])
    side = np.array([0.0, 1.0, 0.0])
    up = np.cross(forward, side)
    angle = np.linspace(0.0, 2.0 * np.pi, sides + 1)[None, :, None]
    width = np.maximum(radii, 1e-4)[:, None, None]
    points = curve[:, None] + width * (np.cos(angle) * side[None, None] + np.sin(angle) * up[:, None])
    along = np.broadcast_to(np.linspace(0.0, repeats, len(curve))[:, None], points.shape[:2])
    around = np.broadcast_to(angle[..., 0] / (2.0 * np.pi), points.shape[:2])
    return _rings(points, np.stack([along, around], axis=-1))


def box(size: tuple[float, float, float]) -> Mesh:
    """Return a box of full edge lengths (x, y, z) about the origin, each face with its own texture square."""
    corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    vertices: list[Array] = []
    texture: list[Array] = []
    faces: list[Integers] = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            face = np.zeros((4, 3))
            face[:, axis] = 0.5 * sign
            face[:, (axis + 1) % 3], face[:, (axis + 2) % 3] = corners[:, 0], corners[:, 1]
            first = 4 * len(vertices)
            order = [0, 1, 2, 0, 2, 3] if sign > 0 else [0, 2, 1, 0, 3, 2]
            faces.append(first + np.array(order).reshape(2, 3))
            vertices.append(face * np.asarray(size))
            texture.append(corners + 0.5)
    return Mesh(np.concatenate(vertices), np.concatenate(texture), np.concatenate(faces), (np.arange(24),))


def join(*meshes: Mesh) -> Mesh:
    """Join several meshes into one."""
    offsets = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.texture for mesh in meshes]),
        np.concatenate([mesh.faces + offset for mesh, offset in zip(meshes, offsets, strict=False)]),
        tuple(piece + offset for mesh, offset in zip(meshes, offsets, strict=False) for piece in mesh.pieces),
    )
