"""Meshes of a folder made ready for the table: each with texture, colour, names, poses and a hull that collides."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from refseg_ros.simulation.appearance import COLOURS
from refseg_ros.simulation.mesh_files import FileMesh, read_mesh
from refseg_ros.simulation.meshes import Mesh
from refseg_ros.simulation.objects import SPHERE, UPRIGHT, UPSIDE_DOWN, Blueprint, Part, Pose, Solid
from refseg_ros.simulation.scan_list import Listed, list_scans
from refseg_ros.simulation.scan_names import SPOKEN_AS
from refseg_ros.simulation.scan_textures import colours_shown, texture_coordinates, texture_of

SMALLEST, LARGEST = 0.005, 1.0
"""Metres; range of the longest side of a thing that can stand on a table."""
MOST_FACES = 200_000
"""A mesh with more faces is refused, because it would make each scene slow."""

_FLAT = 1e-4  # of the longest side; what is thinner has no volume that physics could reckon with
_UNITS = (("millimetres", 0.001), ("centimetres", 0.01))
_USUAL = 0.12  # metres, the longest side of a typical thing
_DIRECTIONS = 48  # in which the colliding hull reaches as far as the mesh
_STANDING = (Pose(UPRIGHT, 0.6), Pose((0.7071, 0.7071, 0.0, 0.0), 0.15), Pose((0.7071, 0.0, 0.7071, 0.0), 0.15))
_POSES = (*_STANDING, Pose(UPSIDE_DOWN, 0.1))


@dataclass(frozen=True, eq=False)
class Scan:
    """One thing of a folder, at its own size."""

    id: str
    names: tuple[str, ...]
    """Nouns for it, the usual one first."""
    colour: str
    """One of COLOURS, or "" if no colour is clear."""
    other_colours: tuple[str, ...]
    held_out: bool
    blueprint: Blueprint
    """About the middle of its box, metres."""
    texture: NDArray[np.uint8]
    """(H, W, 3) RGB."""

    @property
    def size(self) -> NDArray[np.float64]:
        """Edge lengths (3,) of its box, metres."""
        return np.ptp(self.blueprint.vertices(), axis=0)


@dataclass(frozen=True, eq=False)
class ScanSet:
    """The things of a folder."""

    scans: tuple[Scan, ...]

    @property
    def nouns(self) -> tuple[str, ...]:
        """All names of its things, in alphabetical order."""
        return tuple(sorted({name for scan in self.scans for name in scan.names}))

    @property
    def digest(self) -> str:
        """16 hexadecimal digits that change with the look or the words of a thing, in whatever file they are."""
        found = hashlib.sha256()
        for scan in self.scans:
            (part,) = scan.blueprint.parts
            said = (scan.id, scan.names, scan.colour, scan.other_colours, scan.held_out)
            found.update(repr((said, part.mesh.vertices.shape, part.mesh.faces.shape, scan.texture.shape)).encode())
            for array in (part.mesh.vertices, part.mesh.texture, part.mesh.faces, scan.texture):
                found.update(array.tobytes())
        return found.hexdigest()[:16]

    def of_split(self, split: str) -> tuple[Scan, ...]:
        """The things for scenes of a split: "train" without the held-out ones, "held_out" with all."""
        return tuple(scan for scan in self.scans if split == "held_out" or not scan.held_out)

    @classmethod
    def load(cls, folder: str | Path) -> ScanSet:
        """Read a folder.

        Raises:
            ValueError: the folder holds no meshes, or an unusable one; one line says which and why.
            OSError: a file cannot be read.
        """
        return cls(tuple(load_scan(listed) for listed in list_scans(Path(folder))))


def load_scan(listed: Listed) -> Scan:
    """Read the mesh and the texture of a thing.

    Raises:
        ValueError: the mesh cannot be used; one line names the file and says what to do.
        OSError: a file cannot be read.
    """
    mesh = read_mesh(listed.path)
    size = float(np.ptp(mesh.vertices, axis=0).max())
    if complaint := wrong_size(listed, size):
        raise ValueError(complaint)
    if len(mesh.faces) > MOST_FACES:
        raise ValueError(f"{listed.path}: has {len(mesh.faces)} faces; make it at most {MOST_FACES}, better 5000")
    points = support_points(mesh.vertices)
    if np.linalg.matrix_rank(points - points.mean(axis=0), tol=_FLAT * size) < 3:
        raise ValueError(f"{listed.path}: is flat; give it a thickness")
    texture = texture_of(mesh)
    colours = listed.colours if listed.colours is not None else colours_shown(mesh, texture)
    known = [SPOKEN_AS.get(colour, colour) for colour in colours]
    first = known[0] if known and known[0] in COLOURS else ""
    others = tuple(dict.fromkeys(colour for colour in known[bool(first) :] if colour in COLOURS and colour != first))
    return Scan(listed.id, listed.names, first, others, listed.held_out, _blueprint(mesh, texture), texture)


def wrong_size(listed: Listed, size: float) -> str:
    """What is wrong with a thing's longest side in metres; "" if it is right."""
    if SMALLEST <= size <= LARGEST:
        return ""
    unit, factor = min(_UNITS, key=lambda one: abs(np.log(size * one[1] / _USUAL)) if size > 0 else 0.0)
    advice = f": are these {unit}? Scale the mesh by {factor}" if SMALLEST <= size * factor <= LARGEST else ""
    thing = f"{listed.path}: this {listed.names[0]} is {size:.3g} m long"
    return f"{thing}{advice}; things on a table are {SMALLEST} to {LARGEST:g} m"


def _blueprint(mesh: FileMesh, texture: NDArray[np.uint8]) -> Blueprint:
    vertices, places, faces = texture_coordinates(mesh, texture)
    vertices = vertices - (vertices.min(axis=0) + vertices.max(axis=0)) / 2.0
    part = Part(Mesh(vertices, places, faces, ()))
    radii = np.linalg.norm(vertices, axis=1)
    middles = np.linalg.norm(vertices[faces].mean(axis=1), axis=1)  # the corners of a box are on a sphere, too
    if min(radii.min(), middles.min()) > 0.93 * radii.max():
        return Blueprint((part,), (Solid(SPHERE, (float(radii.mean()),)),), (Pose(UPRIGHT, 1.0, "any"),))
    return Blueprint((part,), (Solid.hull_of(support_points(vertices)),), _POSES)


def support_points(vertices: NDArray[np.float64], directions: int = _DIRECTIONS) -> NDArray[np.float64]:
    """The outermost vertices (K, 3) in evenly spread directions; their hull stands for the mesh in collisions."""
    index = np.arange(directions) + 0.5
    height, turn = 1.0 - 2.0 * index / directions, np.pi * (1.0 + 5.0**0.5) * index
    ring = np.sqrt(1.0 - height**2)
    spread = np.stack([ring * np.cos(turn), ring * np.sin(turn), height], axis=1)
    spread = np.concatenate([spread, np.eye(3), -np.eye(3)])
    furthest: NDArray[np.float64] = vertices[np.unique((vertices @ spread.T).argmax(axis=0))]
    return furthest
