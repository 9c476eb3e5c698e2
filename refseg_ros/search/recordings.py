"""Finds the bags that arguments mean: folders, patterns, files, and lists of these."""

from __future__ import annotations

import glob
import os
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from refseg_ros.bags.files import METADATA, SUFFIXES, is_file_of_bag, meant, one_recording
from refseg_ros.files import expanded


@dataclass(frozen=True, order=True)
class Recording:
    """A bag, and what tells whether it has changed since."""

    path: str
    """Absolute."""
    size: int
    """Bytes of its files."""
    changed: int
    """When the newest of them was changed, in nanoseconds since 1970."""


def recordings(arguments: Iterable[str]) -> list[Recording]:
    """The bags that are meant, in alphabetical order, each once: by its own name rather than that of a link.

    Args:
        arguments: each is a bag; a folder, for all bags in it at any depth; a pattern with * ? [] or ** for either; or
            a text file with one of these on each line, relative to the file's folder (# begins a comment). A path that
            does not exist, or a folder that cannot be listed, counts as a bag that cannot be read.

    Raises:
        ValueError: a folder or a pattern has no bag, or a list is no text, or names nothing.
        OSError: a list cannot be read.
    """
    found: dict[str, str] = {}
    lists: set[str] = set()
    paths = [path for argument in arguments for path in _bags_of(argument, Path.cwd(), lists)]
    for path in sorted(set(map(os.path.abspath, paths))):
        real = os.path.realpath(path)
        found[real] = path if path == real else found.get(real, path)
    if not found:
        raise ValueError(f"{', '.join(sorted(lists))}: these lists name each other, and no bag")
    return [_recording(Path(path)) for path in sorted(found.values())]


def _bags_of(argument: str, folder: Path, lists: set[str]) -> Iterator[Path]:
    path = folder / expanded(argument)
    if os.path.exists(path):
        yield from _bags_at(path, lists)
    elif glob.has_magic(argument):
        # The folder is no part of the pattern: its own name may have brackets.
        matches = glob.glob(str(expanded(argument)), root_dir=folder, recursive=True)
        found = [bag for match in matches for bag in _bags_in(folder / match)]
        if not found:
            raise ValueError(f"{argument}: no bag has such a name")
        yield from found
    else:
        yield path


def _bags_at(path: Path, lists: set[str]) -> Iterator[Path]:
    bags = _bags_in(path)
    if bags:
        yield from bags
    elif path.is_dir():
        raise ValueError(f"{path}: there is no bag in this folder")
    else:
        yield from _listed(path, lists)


def _bags_in(path: Path) -> list[Path]:
    """The bag itself, or all bags in a folder. Links are followed last, and no folder is searched twice.

    A folder that cannot be listed, such as lost+found, counts as a bag, so that it is reported as not read.
    """
    path = meant(path)
    if not os.path.isdir(path):
        return [path] if is_file_of_bag(path) else []
    bags: list[Path] = []
    met: set[str] = set()
    left = deque([path])
    while left:
        folder = left.popleft()
        if (real := os.path.realpath(folder)) in met:
            continue
        met.add(real)
        try:
            found, below = _look_into(folder)
        except OSError:
            found, below = [folder], []
        bags += found
        for entry in below:
            (left.append if entry.is_symlink() else left.appendleft)(entry)
    return bags


def _look_into(folder: Path) -> tuple[list[Path], list[Path]]:
    """The bags that lie in a folder itself, and the folders in it to look into.

    A folder with metadata.yaml is one bag, whatever is in it. Without it, a folder is a bag if its bag files are the
    two or more of one recording.

    Raises:
        OSError: the folder cannot be listed.
    """
    if (folder / METADATA).is_file():
        return [folder], []
    inside = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    bags, below = list[Path](), list[Path]()
    if len(parts := one_recording(folder)) > 1:
        bags.append(folder)
        inside = [entry for entry in inside if entry not in parts]
    for entry in inside:
        if os.path.isdir(entry):  # Path.is_dir would raise for a link to a place without permission
            below.append(entry)
        elif is_file_of_bag(entry):
            bags.append(entry)
    return bags, below


def _listed(file: Path, lists: set[str]) -> Iterator[Path]:
    """The bags that a list names, unless it was read before; `lists` has the lists that were."""
    if (real := os.path.realpath(file)) in lists:
        return
    lists.add(real)
    try:
        lines = file.read_text("utf-8-sig").splitlines()  # editors on Windows write a mark first
    except UnicodeDecodeError:
        raise ValueError(f"{file}: neither a bag ({', '.join(SUFFIXES)}) nor a text that lists bags") from None
    names = [name for line in lines if (name := line.partition("#")[0].strip())]
    if not names:
        raise ValueError(f"{file}: names no bag")
    for name in names:
        yield from _bags_of(name, file.parent, lists)


def _recording(path: Path) -> Recording:
    try:
        files = [file for file in path.iterdir() if os.path.isfile(file)] if os.path.isdir(path) else [path]
        states = [file.stat() for file in files if os.path.exists(file)]
    except OSError:  # the worker says why it cannot be read
        states = []
    return Recording(
        str(path),
        sum(state.st_size for state in states),
        max((state.st_mtime_ns for state in states), default=0),
    )
