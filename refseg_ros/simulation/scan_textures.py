"""Textures of meshes from files, their texture coordinates, and the colours that they show."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from refseg_ros.simulation.colour_names import colour_of
from refseg_ros.simulation.mesh_files import FileMesh

_TEXTURE_SIDE = 512  # pixels; larger textures are made smaller
_BARE = (178, 178, 178)  # RGB of a mesh without texture and colour


def texture_of(mesh: FileMesh) -> NDArray[np.uint8]:
    """The picture of a mesh, (H, W, 3) uint8 RGB; else one with a texel for the colour of each face; else grey."""
    if mesh.texture is not None and mesh.picture is not None and mesh.picture.is_file():
        pixels = cv2.imread(str(mesh.picture), cv2.IMREAD_COLOR)
        if pixels is None:
            raise ValueError(f"{mesh.picture}: is no image that can be read")
        largest = max(pixels.shape[:2])
        if largest > _TEXTURE_SIDE:
            sides = [max(1, side * _TEXTURE_SIDE // largest) for side in pixels.shape[1::-1]]
            pixels = cv2.resize(pixels, sides, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
    if mesh.colours is not None:
        side = int(np.ceil(np.sqrt(len(mesh.colours))))
        texels = np.zeros((side * side, 3), np.uint8)
        texels[: len(mesh.colours)] = np.clip(mesh.colours * 255.0 + 0.5, 0, 255)
        return texels.reshape(side, side, 3)
    return np.full((4, 4, 3), _BARE, np.uint8)


def texture_coordinates(mesh: FileMesh, texture: NDArray[np.uint8]) -> tuple[NDArray, NDArray, NDArray]:
    """Vertices (V, 3), texture coordinates from the upper left corner (V, 2), faces (F, 3).

    Coloured faces share no vertices, so that each face has its own texel.
    """
    if mesh.texture is not None and mesh.picture is not None and mesh.picture.is_file():
        return mesh.vertices, mesh.texture * [1.0, -1.0] + [0.0, 1.0], mesh.faces
    if mesh.colours is not None:
        number, side = np.repeat(np.arange(len(mesh.faces)), 3), texture.shape[0]
        middle = np.stack([number % side + 0.5, number // side + 0.5], axis=1) / side
        return mesh.vertices[mesh.faces.ravel()], middle, np.arange(3 * len(mesh.faces)).reshape(-1, 3)
    return mesh.vertices, np.full((len(mesh.vertices), 2), 0.5), mesh.faces


def colours_shown(mesh: FileMesh, texture: NDArray[np.uint8]) -> Sequence[str]:
    """Names of the colours of a mesh, from the texture at the middle of each face, weighted by area."""
    vertices, places, faces = texture_coordinates(mesh, texture)
    height, width = texture.shape[:2]
    corners = places[faces].mean(axis=1) % 1.0
    pixels = texture[(corners[:, 1] * height).astype(int) % height, (corners[:, 0] * width).astype(int) % width]
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    areas = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    share = areas / max(float(areas.sum()), 1e-12)
    drawn = np.repeat(pixels, np.ceil(share * 2000).astype(int), axis=0)
    colour, others = colour_of(drawn)
    return (colour, *others)
