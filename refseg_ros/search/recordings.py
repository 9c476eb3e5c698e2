"""Which bags are meant: folders, patterns, files and lists of these."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from refseg_ros.bag_files import METADATA, SUFFIXES, one_recording


@dataclass(frozen=True, order=True)
class Recording:
    """A bag, and what tells whether it has changed since."""

    path: str
    """Absolute."""
    size: int
    """Bytes of its files."""
    changed: int
    """When the last of them was, in nanoseconds since 1970."""


def recordings(arguments: Iterable[str]) -> list[Recording]:
    """The bags that are meant, each once, in alphabetical order.

    Args:
        arguments: a bag; a folder, in which all bags are meant, however deep; a pattern with * ? [] or ** of either; or
            a text file with one of these on each line, relative to the file's folder (# begins a comment). A path at
            which there is nothing is one of a bag that cannot be read.

    Raises:
        ValueError: a folder or a pattern has no bag, or a list is no text.
        OSError: a list cannot be read.
    """
    found = {os.path.abspath(path) for argument in arguments for path in _bags_of(argument, Path.cwd())}
    return [_recording(Path(path)) for path in sorted(found)]


def _bags_of(argument: str, folder: Path) -> Iterator[Path]:
    path = folder / Path(argument).expanduser()
    if path.exists():
        yield from _bags_at(path)
    elif glob.has_magic(argument):
        found = [bag for match in glob.glob(str(path), recursive=True) for bag in _bags_in(Path(match))]
        if not found:
            raise ValueError(f"{argument}: no bag has such a name")
        yield from found
    else:
        yield path


def _bags_at(path: Path) -> Iterator[Path]:
    bags = _bags_in(path)
    if bags:
        yield from bags
    elif path.is_dir():
        raise ValueError(f"{path}: there is no bag in this folder")
    else:
        yield from _listed(path)


def _bags_in(path: Path) -> list[Path]:
    """The bag itself, or all that are in a folder.

    A folder with metadata.yaml is one bag, whatever is in it. One without it is a bag where it has all the files of one
    recording, of which there are several.
    """
    if not path.is_dir():
        return [path] if path.suffix in SUFFIXES else []
    if (path / METADATA).is_file():
        return [path]
    whole = parts if len(parts := one_recording(path)) > 1 else []
    bags = [path] if whole else []
    others = [inside for inside in path.iterdir() if inside not in whole and not inside.name.startswith(".")]
    return bags + [bag for inside in others for bag in _bags_in(inside)]


def _listed(file: Path) -> Iterator[Path]:
    try:
        lines = file.read_text("utf-8").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{file}: neither a bag ({', '.join(SUFFIXES)}) nor a text that lists bags") from None
    for line in lines:
        if name := line.partition("#")[0].strip():
            yield from _bags_of(name, file.parent)


def _recording(path: Path) -> Recording:
    files = [file for file in path.iterdir() if file.is_file()] if path.is_dir() else [path]
    states = [file.stat() for file in files if file.exists()]
    return Recording(
        str(path),
        sum(state.st_size for state in states),
        max((state.st_mtime_ns for state in states), default=0),
    )
