"""Reads files of a data set, with errors that name the file and its expected contents."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from pathlib import Path
from typing import Any


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
    data = expected(path, what).read_bytes()
    try:
        return data.decode("utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ValueError(f"{path}, line {line}: not in UTF-8; save it in that encoding ({what})") from None


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


def read_table(path: Path, columns: tuple[str, ...], what: str) -> list[tuple[int, dict[str, str]]]:
    """The rows of a CSV file with a header, each with the number of its last line; empty rows are skipped.

    Fields are separated by a comma, a semicolon or a tab, like the names in the header. More columns are allowed.

    Raises:
        FileNotFoundError: the file is missing.
        ValueError: a column is missing, or a row has more or fewer fields than the header.
    """
    text = read_text(path, what)
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, delimiter=delimiter)
    rows = []
    try:
        names = [name.strip() for name in next(reader, [])]
        if missing := [name for name in columns if name not in names]:
            raise ValueError(f"{path}: the first line names no column {', '.join(missing)} ({what})")
        for fields in reader:
            if not any(map(str.strip, fields)):
                continue
            if len(fields) != len(names):
                cure = f"they are {len(fields)}; put a text with {delimiter!r} in it in quotes"
                raise ValueError(
                    f"{path}, line {reader.line_num}: not the {len(names)} fields of the first line; {cure}"
                )
            rows.append((reader.line_num, dict(zip(names, fields, strict=True))))
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: not a row of a table ({error}; {what})") from None
    return rows


def whole_number(value: Any, least: int) -> int:
    """A whole number from a JSON file: 120, 120.0 or "120".

    Raises:
        ValueError: it is none, or is below `least`.
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
