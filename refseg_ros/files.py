"""Writing files so that nothing half-written ever stands under the final name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` (same suffix) to write to; on success it takes the place of `path`.

    When the block raises, the temporary file is removed and whatever stood under `path` before stays.

    Raises:
        OSError: the file cannot be written there. It names `path`: nobody knows the temporary file.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        # Writing to an open file, as on a full disk, fails without a name.
        if error.errno is None or error.filename not in (None, str(temporary)):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a whole file, or leave what was there.

    Raises:
        OSError: the file cannot be written there; it names `path`.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(data)
