"""Expands paths as people write them, and writes files so that a final name never belongs to a half-written file.

This holds after a power loss, too: a file is on the disk before it gets its name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TEMPORARY = re.compile(r"\..+\.(\d{1,7})\.partial(\.[^.]+)?")
"""Names of the files that `replacing` gives, with the number of the process."""


def expanded(path: str | Path) -> Path:
    """A path with a leading ~ replaced by the home folder, if there is one; a shell leaves the ~ in model:=~/mine."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def check_folder(path: Path) -> None:
    """Check that a path is a folder, or can become one, before the work begins whose results go there.

    Raises:
        NotADirectoryError: the path, or a part of it, is a file.
    """
    there = next(part for part in (path, *path.absolute().parents) if part.exists())
    if not there.is_dir():
        raise NotADirectoryError(f"{path}: wants to be a folder, but {there} is a file; choose another name")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` (same suffix) to write to; on success it replaces `path`.

    If the block raises, the temporary file is removed and `path` stays as it was.

    Raises:
        OSError: the file cannot be written there; the error names `path`, not the temporary file.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        # A failure to write to an open file, as on a full disk, has no file name.
        if error.errno is None or error.filename not in (None, str(temporary)):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a whole file, or leave the old one.

    Raises:
        OSError: the file cannot be written there; it names `path`.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of `replacing` that killed processes left in a folder."""
    for path in folder.glob(".*.partial*"):
        if (match := _TEMPORARY.fullmatch(path.name)) and not _runs(int(match[1])):
            path.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is somebody else's
        pass
    return True
