"""Reads meshes: OBJ with its material, PLY (ASCII and little-endian binary), STL (ASCII and binary)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from refseg_ros.simulation.mesh_materials import (
    SUFFIXES,
    Material,
    only_picture,
    own_picture,
    prevailing,
    read_materials,
)
from refseg_ros.text import one_line

_BARE = (0.7, 0.7, 0.7)  # RGB of a face whose material has no colour

_PLY_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "<i2", "int16": "<i2", "ushort": "<u2",
    "uint16": "<u2", "int": "<i4", "int32": "<i4", "uint": "<u4", "uint32": "<u4", "float": "<f4", "float32": "<f4",
    "double": "<f8", "float64": "<f8",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class FileMesh:
    """A mesh as read from its file, in the file's unit."""

    vertices: NDArray[np.float64]
    """(V, 3)."""
    faces: NDArray[np.int64]
    """(F, 3), counter-clockwise from outside."""
    texture: NDArray[np.float64] | None = None
    """(V, 2): texture coordinates of each vertex from the lower left corner, 0 to 1."""
    picture: Path | None = None
    """The file of the texture; it may not exist."""
    colours: NDArray[np.float64] | None = None
    """(F, 3) RGB, 0 to 1: colour of each face, for a mesh without texture or whose picture does not exist."""
    remarks: tuple[str, ...] = ()
    """Notes on what its files name but is not shown."""


def read_mesh(path: Path) -> FileMesh:
    """Read a mesh.

    Raises:
        ValueError: the file is damaged or of an unsupported kind; one line names it.
        OSError: the file cannot be read.
    """
    readers = {".obj": _obj, ".ply": _ply, ".stl": _stl}
    if path.suffix.lower() not in readers:
        raise ValueError(f"{path}: is no mesh ({', '.join(SUFFIXES)})")
    try:
        mesh = readers[path.suffix.lower()](path)
    except (ValueError, IndexError, KeyError, StopIteration, OverflowError) as error:
        raise ValueError(f"{path}: is damaged or no mesh of its kind ({one_line(error)})") from None
    if not len(mesh.faces):
        raise ValueError(f"{path}: has no faces; a point cloud must be made a mesh first")
    if mesh.faces.min() < 0 or mesh.faces.max() >= len(mesh.vertices):
        raise ValueError(f"{path}: a face names a vertex that is not there")
    if not np.isfinite(mesh.vertices).all():
        raise ValueError(f"{path}: a vertex is not finite")
    return mesh


def _obj(path: Path) -> FileMesh:
    points: list[list[float]] = []
    places: list[list[float]] = []
    corners: dict[tuple[int, int], int] = {}
    faces: list[tuple[int, int, int]] = []
    paints: list[str] = []
    materials: dict[str, Material] = {}
    current, remarks = "", []
    text = path.read_text(encoding="utf-8", errors="replace")
    for line in text.replace("\\\n", " ").splitlines():
        key, *values = line.split() or [""]
        if key == "v":
            points.append([float(value) for value in values[:6]])
        elif key == "vt":
            places.append([float(value) for value in [*values, "0"][:2]])
        elif key == "f":
            ring = []
            for value in values:
                parts = value.split("/")
                vertex = _counted(int(parts[0]), len(points))
                place = _counted(int(parts[1]), len(places)) if len(parts) > 1 and parts[1] else -1
                ring.append(corners.setdefault((vertex, place), len(corners)))
            faces += [(ring[0], ring[i], ring[i + 1]) for i in range(1, len(ring) - 1)]
            paints += [current] * (len(faces) - len(paints))
        elif key == "mtllib":
            named = line.split(None, 1)[1].strip() if values else ""
            for name in [named] if (path.parent / named).is_file() else values:
                if (path.parent / name).is_file():
                    materials |= read_materials(path.parent / name)
                else:
                    remarks.append(f"its materials {path.parent / name} are not there")
        elif key == "usemtl":
            current = line.split(None, 1)[1].strip() if values else ""
    used = np.array(list(corners), np.int64).reshape(-1, 2)
    vertices = np.array([points[index][:3] for index in used[:, 0]], np.float64).reshape(-1, 3)
    triangles = np.array(faces, np.int64).reshape(-1, 3)
    first = next(iter(materials.values()), Material())
    looks = [materials.get(paint, Material()) if paint else first for paint in paints]
    colours, tones = None, None
    if points and all(len(point) == 6 for point in points):
        colours = np.array([points[index][3:] for index in used[:, 0]])[triangles].mean(axis=1)
    if any(look.tone for look in looks):
        tones = np.array([look.tone or _BARE for look in looks])
    if colours is None:
        colours = tones
    if not (places and len(used) and (used[:, 1] >= 0).all()):
        return FileMesh(vertices, triangles, colours=colours, remarks=tuple(remarks))
    picture, remark = prevailing(looks)
    if remark:
        remarks.append(remark)
    elif picture is None:
        picture = own_picture(path) or (only_picture(path) if tones is None else None)
    return FileMesh(vertices, triangles, np.array(places)[used[:, 1]], picture, colours, tuple(remarks))


def _counted(number: int, count: int) -> int:
    """The index for a number in an OBJ file, which counts from 1, or back from the newest if negative."""
    if number == 0 or number < -count:
        raise ValueError(f"a face has the number {number}, and nothing there has it")
    return number - 1 if number > 0 else count + number


def _ply(path: Path) -> FileMesh:
    data = path.read_bytes()
    head, mark, body = data.partition(b"end_header")
    if not mark or not head.startswith(b"ply"):
        raise ValueError("a PLY file begins with ply and a header")
    body = body[body.index(b"\n") + 1 :]
    lines = [line.split() for line in head.decode("ascii", "replace").splitlines()]
    form = next(line[1] for line in lines if line[:1] == ["format"])
    comments = re.findall(r"comment TextureFile (.+)", head.decode("ascii", "replace"))
    if form == "binary_big_endian":
        raise ValueError("it is big-endian; save it as little-endian or ASCII")
    elements: list[tuple[str, int, list[list[str]]]] = []
    for line in lines:
        if line[:1] == ["element"]:
            elements.append((line[1], int(line[2]), []))
            if elements[-1][1] < 0:
                raise ValueError(f"its header says that it has {line[2]} of {line[1]}")
        elif line[:1] == ["property"]:
            elements[-1][2].append(line[1:])
    read_rows = _ascii_rows if form == "ascii" else _binary_rows
    tables: dict[str, tuple[dict[str, NDArray[np.float64]], list[list[float]]]] = {}
    for name, count, properties in elements:
        table, lists, body = read_rows(body, count, properties)
        tables[name] = table, lists
    table, _ = tables["vertex"]
    vertices = np.stack([table[axis] for axis in "xyz"], axis=1).astype(np.float64)
    rings = [[int(value) for value in ring] for ring in tables.get("face", ({}, []))[1]]
    triangles = [(ring[0], ring[i], ring[i + 1]) for ring in rings for i in range(1, len(ring) - 1)]
    faces = np.array(triangles, np.int64).reshape(-1, 3)
    colours = None
    if all(colour in table for colour in ("red", "green", "blue")) and len(faces):
        tones = np.stack([table[colour] for colour in ("red", "green", "blue")], axis=1)
        colours = (tones / (255.0 if tones.max() > 1.0 else 1.0))[faces].mean(axis=1)
    for u, v in (("s", "t"), ("u", "v"), ("texture_u", "texture_v")):
        if u in table and v in table:
            picture = path.parent / comments[0].strip() if comments else own_picture(path) or only_picture(path)
            return FileMesh(vertices, faces, np.stack([table[u], table[v]], axis=1), picture, colours)
    return FileMesh(vertices, faces, colours=colours)


def _ascii_rows(body: bytes, count: int, properties: list[list[str]]) -> tuple[dict, list[list[float]], bytes]:
    lines = body.split(b"\n", count)
    if len(lines) < count:
        raise ValueError(f"it ends after {len(lines)} of {count} lines")
    rest = lines[count] if len(lines) > count else b""
    scalars: dict[str, list[float]] = {}
    lists = []
    for line in lines[:count]:
        values = [float(value) for value in line.split()]
        for kind in properties:
            if kind[0] == "list":
                length = int(values.pop(0))
                if not 0 <= length <= len(values):
                    raise ValueError(f"a face should have {length} numbers, but has {len(values)}")
                ring, values = values[:length], values[length:]
                lists += [ring] if kind[-1].startswith("vertex_ind") else []
            else:
                scalars.setdefault(kind[-1], []).append(values.pop(0))
    return {name: np.array(column) for name, column in scalars.items()}, lists, rest


def _binary_rows(body: bytes, count: int, properties: list[list[str]]) -> tuple[dict, list[list[float]], bytes]:
    if all(kind[0] != "list" for kind in properties):
        row = np.dtype([(kind[-1], _PLY_TYPES[kind[0]]) for kind in properties])
        table = np.frombuffer(body, row, count)
        return {name: table[name].astype(np.float64) for name in row.names or ()}, [], body[count * row.itemsize :]
    lists, at = [], 0
    for _ in range(count):
        for kind in properties:
            length = 1
            if kind[0] == "list":
                size = np.dtype(_PLY_TYPES[kind[1]])
                length = int(np.frombuffer(body, size, 1, at)[0])
                at += size.itemsize
                if length < 0:  # NumPy would read all that is left
                    raise ValueError(f"a face should have {length} numbers")
            item = np.dtype(_PLY_TYPES[kind[-2]])
            values = np.frombuffer(body, item, length, at)
            at += length * item.itemsize
            lists += [values.tolist()] if kind[0] == "list" and kind[-1].startswith("vertex_ind") else []
    return {}, lists, body[at:]


def _stl(path: Path) -> FileMesh:
    data = path.read_bytes()
    count = int(np.frombuffer(data, "<u4", 1, 80)[0]) if len(data) >= 84 else -1
    if len(data) == 84 + 50 * count:
        row = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("rest", "<u2")])
        corners = np.frombuffer(data, row, count, 84)["corners"].reshape(-1, 3).astype(np.float64)
    elif data.lstrip().startswith(b"solid"):
        found = re.findall(rb"vertex\s+(\S+)\s+(\S+)\s+(\S+)", data)
        corners = np.array([[float(value) for value in vertex] for vertex in found], np.float64).reshape(-1, 3)
    else:
        raise ValueError(f"it has {len(data)} bytes, not the 84 + 50 x {count} of its header")
    vertices, places = np.unique(corners, axis=0, return_inverse=True)
    return FileMesh(vertices.reshape(-1, 3), places.reshape(-1)[: len(corners) // 3 * 3].reshape(-1, 3))
