"""The things of a folder of meshes, before any mesh is read: names, colours, paths.

    DIR/objects.json            names, colours; optional
    DIR/mug/mesh.obj            a thing in a folder of its own, named by the folder
    DIR/mug/texture.png
    DIR/bolt.stl                or a file, named by itself
    DIR/fasteners/nut.stl       also where several things share a folder: "fasteners/nut"

Without `objects.json` the name of the folder or file says what a thing is. `left_out` names unused meshes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from refseg_ros.expression import tokenise
from refseg_ros.simulation.mesh_materials import SUFFIXES
from refseg_ros.simulation.scan_names import names_and_colours
from refseg_ros.text import brief

LIST = "objects.json"

_GENERIC = ("textured", "visual", "mesh", "model", "object", "scan")
"""Usual file names of the mesh in a thing's own folder, in the order of preference."""
_LESSER = ("simple", "nontextured", "collision", "convex", "hull", "low", "decimated", "simplified")
"""Words for a simpler form of a mesh, which is used only if there is no other."""
_OF_FILES = {*_GENERIC, *_LESSER, "high", "full", "res", "poly", "lod", "v", "version"}
"""Words that do not say what a thing is."""
_UNREAD = (".dae", ".glb", ".gltf", ".fbx", ".3mf", ".off", ".step", ".stp", ".iges", ".igs")
"""Suffixes of other files with shapes, which are not read."""


@dataclass(frozen=True)
class Listed:
    """A thing of a folder before its mesh is read."""

    id: str
    path: Path
    names: tuple[str, ...]
    colours: tuple[str, ...] | None
    """Names that people use, the most visible colour first; None if neither list nor file name gives any."""
    held_out: bool = False


def list_scans(folder: Path) -> list[Listed]:
    """The things of a folder, in the order of their names.

    Raises:
        ValueError: the folder holds no mesh, or objects.json is wrong; one line.
    """
    meshes = {name: paths[0] for name, paths in _found(folder).items()}
    if not (folder / LIST).exists():
        return [_named(name, path) for name, path in meshes.items()]
    return [_listed(folder / LIST, entry, meshes) for entry in _entries(folder / LIST)]


def left_out(folder: Path) -> list[str]:
    """A line for each mesh of a folder that `list_scans` does not give, and why.

    Raises:
        ValueError: as `list_scans`.
    """
    listed = {thing.id for thing in list_scans(folder)}
    lines = []
    for name, (taken, *others) in _found(folder).items():
        lines += [f"{other}: is left out; {taken} is the same thing" for other in others]
        if name not in listed:
            lines.append(f"{taken}: is left out; {folder / LIST} does not name {name!r}")
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in _UNREAD:
            lines.append(f"{path}: is left out; save it as OBJ, PLY or STL")
        elif path.suffix.lower() in SUFFIXES and len(path.relative_to(folder).parts) > 2:
            lines.append(f"{path}: is left out; move it up, to {folder} or a folder there")
    return lines


def _found(folder: Path) -> dict[str, list[Path]]:
    """Id of each thing of a folder -> its meshes, in the order of preference."""
    if not folder.is_dir():
        raise ValueError(f"{folder}: there is no such folder of meshes")
    meshes = sorted(path for path in (*folder.glob("*"), *folder.glob("*/*")) if path.suffix.lower() in SUFFIXES)
    if not meshes:
        raise ValueError(f"{folder}: holds no mesh ({', '.join(SUFFIXES)}), neither itself nor in its folders")
    shared = {one.parent for one in meshes for other in meshes if one.parent == other.parent and one.stem != other.stem}
    found: dict[str, list[Path]] = {}
    for path in meshes:
        by_folder = path.parent != folder and (path.parent not in shared or _says_nothing(path.stem, path.parent.name))
        name = path.parent.name if by_folder else path.relative_to(folder).with_suffix("").as_posix()
        found.setdefault(name, []).append(path)
    for paths in found.values():
        paths.sort(key=_preference)
    return found


def _preference(path: Path) -> tuple[bool, int, int, Path]:
    words = _plain(path.stem).split()
    generic = _GENERIC.index(words[0]) if words and words[0] in _GENERIC else -1
    return not set(_LESSER).isdisjoint(words), generic, SUFFIXES.index(path.suffix.lower()), path


def _says_nothing(name: str, folder: str = "") -> bool:
    """Whether the name of a file says nothing about the thing beyond the name of its folder."""
    return set(_plain(name).split()) <= _OF_FILES | set(_plain(folder).split())


def _plain(name: str) -> str:
    return re.sub(r"[\d_\-.]+", " ", name).strip().lower()


def _entries(path: Path) -> list[Any]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: is not JSON ({error})") from None
    if not isinstance(entries, list) or not entries:
        raise ValueError(f"{path}: should be a list with an object for each thing: id, noun, other_nouns, colours")
    return entries


def _listed(path: Path, entry: Any, meshes: dict[str, Path]) -> Listed:
    if not isinstance(entry, dict) or not all(isinstance(entry.get(key), str) for key in ("id", "noun")):
        raise ValueError(f"{path}: each thing needs an id and a noun; found {brief(entry)}")
    name = entry["id"]
    others, colours = entry.get("other_nouns", []), entry.get("colours")
    for key, value in (("other_nouns", others), ("colours", colours or [])):
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            raise ValueError(f"{path}: {key} of {name!r} should be a list of words")
    if name not in meshes:
        there = brief(", ".join(meshes))
        raise ValueError(f"{path}: names {name!r}, but there is no mesh of it in {path.parent}; there are {there}")
    names = tuple(dict.fromkeys(" ".join(tokenise(noun)) for noun in (entry["noun"], *others)))
    if not names[0]:
        raise ValueError(f"{path}: the noun of {name!r} has no word")
    return Listed(name, meshes[name], names, None if colours is None else tuple(colours), bool(entry.get("held_out")))


def _named(name: str, path: Path) -> Listed:
    """A thing from its file name."""
    own = name.rpartition("/")[2]
    names, colours = names_and_colours(path.parent.name if _says_nothing(own) else own)
    return Listed(name, path, names, colours or None)


def double_names(listed: Iterable[Listed]) -> dict[str, list[str]]:
    """Names -> ids of the things that have exactly these names, if several do; no noun tells such things apart."""
    found: dict[str, list[str]] = {}
    for thing in listed:
        found.setdefault(", ".join(sorted(thing.names)), []).append(thing.id)
    return {names: ids for names, ids in found.items() if len(ids) > 1}
