"""A digest of what a split teaches, by which a run recognises its data."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from webdataset.gopen import gopen

from model_training.datasets.files import expected
from model_training.datasets.sample import Reader


def digest_of(reader: Reader, split: str) -> str:
    """Digest of the records of a split, 16 hexadecimal digits: their ids, expressions, and which masks these have.

    Images and masks may be many GB, so their names and sizes stand for their content; JSON files, which list outlines,
    count with their content. The folder's place and its files' times do not matter: a copy on another machine is the
    same data.

    Raises:
        ValueError: there is no such split.
        FileNotFoundError: an image or a file of masks is not there; the message names it.
    """
    digest = hashlib.sha256()
    sizes: dict[Path, int | str] = {}
    for record in reader.of_split(split):
        files = [*record.frames.files([record.target]), *reader.truth_files(record)]
        for path in files:
            if path not in sizes:
                sizes[path] = _version(expected(path))
        said = [(expression.text, expression.referent) for expression in record.expressions]
        listed = [(path.name, sizes[path]) for path in files]
        digest.update(repr((record.id, said, _within(reader.folder, record.truth), listed)).encode())
    return digest.hexdigest()[:16]


def digest_of_list(address: str) -> str:
    """Digest of a list of shards in a folder or at a URL, byte for byte.

    Raises:
        OSError: it cannot be read.
    """
    with gopen(address) as file:
        return hashlib.sha256(file.read()).hexdigest()[:16]


def _version(path: Path) -> int | str:
    """A digest of the content of a JSON file; the size of any other file in bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.suffix == ".json" else path.stat().st_size


def _within(folder: Path, truth: Any) -> Any:
    """The truth of a record with its paths as seen from the folder."""
    if isinstance(truth, tuple):
        return tuple(_within(folder, part) for part in truth)
    return os.path.relpath(truth, folder) if isinstance(truth, Path) else truth
