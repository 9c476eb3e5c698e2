"""How a mesh looks: the materials that an OBJ file names (MTL), and the pictures beside a mesh."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SUFFIXES = (".obj", ".ply", ".stl")
"""Suffixes of meshes that are read; a thing in several formats is read from the first of these."""
PICTURES = (".png", ".jpg", ".jpeg", ".bmp")

_OPTIONS = re.compile(r"(?:-[a-zA-Z]+(?:\s+(?:-?[\d.]+(?:e[-+]?\d+)?|on|off|[rgbmlz])(?=\s))+\s+)*")
"""What may stand before the name of a picture: "-s 1 1 1 -clamp on "."""


@dataclass(frozen=True)
class Material:
    """How faces look."""

    tone: tuple[float, ...] | None = None
    """RGB, 0 to 1."""
    picture: Path | None = None
    """It may not exist."""


def read_materials(path: Path) -> dict[str, Material]:
    """The materials of an MTL file by name.

    Raises:
        ValueError: a colour is no number.
        OSError: the file cannot be read.
    """
    found: dict[str, Material] = {}
    name, plain = "", Material()
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        key, rest = (*line.split(None, 1), "", "")[:2]
        rest = rest.strip()
        before = found.get(name, plain)
        if key == "newmtl":
            name = rest
            found[name] = plain
        elif key == "Kd":
            found[name] = Material(_tone(rest) or before.tone, before.picture)
        elif key == "map_Kd" and rest:
            found[name] = Material(before.tone, _picture(path, rest))
    return found


def _tone(said: str) -> tuple[float, ...] | None:
    """The red, green and blue of a line; what is left out is as red. None for a spectrum."""
    words = said.split()
    if words and words[0] in ("spectral", "xyz"):
        return None
    given = [float(word) for word in words[:3]]
    return (*given, *given[:1] * 2)[:3]


def _picture(path: Path, said: str) -> Path:
    """The picture that a line names after its options. If that is no file, but the last word is one, the last word."""
    picture = _beside(path, _OPTIONS.sub("", said, count=1))
    last = _beside(path, said.split()[-1])
    return last if last.is_file() and not picture.is_file() else picture


def _beside(path: Path, named: str) -> Path:
    """The picture that a file names. If its path does not exist here, the picture of the same name beside the file."""
    picture = path.parent / named.replace("\\", "/")
    beside = path.parent / picture.name
    return beside if beside.is_file() and not picture.is_file() else picture


def prevailing(materials: Sequence[Material]) -> tuple[Path | None, str]:
    """The picture that most faces have; None where most have a colour alone. And what is not shown, "" if nothing.

    Args:
        materials: of each face.
    """
    looks = Counter(material.picture for material in materials if material.picture or material.tone)
    if looks.keys() <= {None}:
        return None, ""
    picture, _ = looks.most_common(1)[0]
    if len(looks) == 1:
        return picture, ""
    others = ", ".join(sorted(other.name if other else "plain colours" for other in looks if other != picture))
    shown = picture.name if picture else "the plain colours"
    return picture, f"has several materials; all faces show {shown}, which most have, none {others}"


def own_picture(mesh: Path) -> Path | None:
    """The picture beside a mesh that has its name."""
    same = [path for path in _files(mesh.parent, PICTURES) if path.stem == mesh.stem]
    return min(same, key=lambda path: PICTURES.index(path.suffix.lower()), default=None)


def only_picture(mesh: Path) -> Path | None:
    """The only picture in the folder of a mesh, where no other mesh is there that it may belong to."""
    pictures = _files(mesh.parent, PICTURES)
    alone = {path.stem for path in _files(mesh.parent, SUFFIXES)} == {mesh.stem}
    return pictures[0] if alone and len(pictures) == 1 else None


def _files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in suffixes)
