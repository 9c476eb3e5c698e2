"""The things of a folder of meshes, before any mesh is read: names, colours, paths.

    DIR/objects.json            names, colours; optional
    DIR/mug/mesh.obj            one folder per thing, or DIR/mug.obj
    DIR/mug/texture.png

Without `objects.json` the name of the folder or file says what a thing is: "red_mug_2" is a red mug.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from refseg_ros.expression import tokenise
from refseg_ros.language.noun_phrases import head_noun
from refseg_ros.simulation.appearance import COLOURS
from refseg_ros.simulation.mesh_materials import SUFFIXES
from refseg_ros.text import brief

LIST = "objects.json"

_GENERIC = frozenset(("mesh", "model", "object", "textured", "nontextured", "textured simple", "visual", "scan"))
SPOKEN_AS = {"grey": "gray", "silver": "gray", "light-blue": "blue", "dark-red": "red", "violet": "purple"}


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
    if not folder.is_dir():
        raise ValueError(f"{folder}: there is no such folder of meshes")
    meshes = sorted(path for path in (*folder.glob("*"), *folder.glob("*/*")) if path.suffix.lower() in SUFFIXES)
    by_id: dict[str, Path] = {}
    for path in meshes:
        by_id.setdefault(path.stem if path.parent == folder else path.parent.name, path)
    if not by_id:
        raise ValueError(f"{folder}: holds no mesh ({', '.join(SUFFIXES)}), neither itself nor in its folders")
    if not (folder / LIST).exists():
        return [_named(name, path) for name, path in by_id.items()]
    return [_listed(folder / LIST, entry, by_id) for entry in _entries(folder / LIST)]


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
        raise ValueError(f"{path}: names {name!r}, but there is no mesh of it in {path.parent}")
    names = tuple(dict.fromkeys(" ".join(tokenise(noun)) for noun in (entry["noun"], *others)))
    if not names[0]:
        raise ValueError(f"{path}: the noun of {name!r} has no word")
    return Listed(name, meshes[name], names, None if colours is None else tuple(colours), bool(entry.get("held_out")))


def _named(name: str, path: Path) -> Listed:
    """A thing from its file name: the noun, the whole name, and the colours in it."""
    spoken = re.sub(r"[\d_\-.]+", " ", name).strip().lower()
    words = tokenise(spoken if spoken and spoken not in _GENERIC else path.parent.name.replace("_", " "))
    head = head_noun(words)
    noun = words[head] if head is not None else (words or ["object"])[-1]
    colours = tuple(word for word in words if SPOKEN_AS.get(word, word) in COLOURS and word != noun)
    whole = " ".join(word for word in words if word not in colours)
    return Listed(name, path, tuple(dict.fromkeys((noun, whole or noun))), colours or None)


def double_names(listed: Iterable[Listed]) -> dict[str, list[str]]:
    """Names -> ids of the things that have exactly these names, if several do; no noun tells such things apart."""
    found: dict[str, list[str]] = {}
    for thing in listed:
        found.setdefault(", ".join(sorted(thing.names)), []).append(thing.id)
    return {names: ids for names, ids in found.items() if len(ids) > 1}
