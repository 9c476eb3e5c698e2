"""Reading the files of a data set, with errors that name the file and what was expected of it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any


def expected(path: Path, what: str) -> Path:
    """The path, if there is something there.

    Raises:
        FileNotFoundError: there is not; the message says what was expected.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: expected, but not there ({what})")
    return path


def first_existing(candidates: list[Path], what: str) -> Path:
    """The first of several places that exists.

    Raises:
        FileNotFoundError: none does; the message lists them.
    """
    for path in candidates:
        if path.exists():
            return path
    places = ", nor ".join(str(path) for path in candidates)
    raise FileNotFoundError(f"{places}: expected, but not there ({what})")


def read_json(path: Path, what: str) -> Any:
    """The content of a JSON file.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is no JSON.
    """
    try:
        return json.loads(expected(path, what).read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: not the JSON expected there ({error}; {what})") from None


def read_table(path: Path, columns: tuple[str, ...], what: str) -> list[dict[str, str]]:
    """The rows of a CSV file with a header; columns beside those named are allowed.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: a column is missing, or a row has not as many fields as the header.
    """
    try:
        # A byte order mark, as spreadsheet programs write it, is no part of the first column's name.
        with expected(path, what).open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            missing = [name for name in columns if name not in (reader.fieldnames or [])]
            if missing:
                raise ValueError(f"{path}: the first line names no column {', '.join(missing)} ({what})")
            rows = []
            for row in reader:
                if None in row or None in row.values():
                    raise ValueError(f"{path}, line {reader.line_num}: not the {len(reader.fieldnames or [])} fields")
                rows.append(row)
            return rows
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: not the UTF-8 table expected there ({error}; {what})") from None
