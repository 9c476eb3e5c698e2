"""Reads files of a data set, with errors that name the file and its expected contents."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from refseg_ros.media.tables import Table, decoded


def expected(path: Path, what: str = "") -> Path:
    """Return the path if it exists.

    Raises:
        FileNotFoundError: it does not; the message says what was expected.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: expected, but not there" + (f" ({what})" if what else ""))
    return path


def first_existing(candidates: list[Path], what: str) -> Path:
    """The first existing path of several.

    Raises:
        FileNotFoundError: none exists; the message lists them.
    """
    for path in candidates:
        if path.exists():
            return path
    places = ", nor ".join(str(path) for path in candidates)
    raise FileNotFoundError(f"{places}: expected, but not there ({what})")


def read_text(path: Path, what: str) -> str:
    """The content of a text file in UTF-8, or in UTF-16 with a byte order mark; the mark is removed.

    Raises:
        FileNotFoundError: the file is missing.
        ValueError: it has another encoding; the message names the line.
    """
    return decoded(expected(path, what).read_bytes(), path, what)[0]


def read_json(path: Path, what: str) -> Any:
    """The content of a JSON file.

    Raises:
        FileNotFoundError: the file is missing.
        ValueError: it is not JSON.
    """
    text = read_text(path, what)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not the JSON expected there ({error}; {what})") from None


def read_table(path: Path, columns: tuple[str, ...], what: str) -> tuple[tuple[int, dict[str, str]], ...]:
    """The rows of a table with a header, each with the number of its last line; see `refseg_ros.media.tables.Table`.

    Raises:
        FileNotFoundError: the file is missing.
        ValueError: a column is missing, or a row has more or fewer fields than the header.
    """
    return Table.of(expected(path, what).read_bytes(), path, columns, what).rows


def whole_number(value: Any, least: int) -> int:
    """A whole number from a JSON file: 120, 120.0 or "120".

    Raises:
        ValueError: it is no whole number, or is below `least`.
    """
    written = str(int(value) if isinstance(value, float) and value.is_integer() else value)
    if not re.fullmatch(r"\d{1,18}", written) or int(written) < least:
        raise ValueError(f"{value!r} is no whole number from {least}")
    return int(written)


def as_text(value: Any) -> str:
    """A text from a JSON file.

    Raises:
        ValueError: it is anything else.
    """
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    return value
