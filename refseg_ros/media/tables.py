"""Tables as people and spreadsheets write them: a header, then rows, separated by commas, semicolons or tabs."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
"""Byte order mark -> encoding."""


def decoded(data: bytes, path: Path, what: str) -> tuple[str, str]:
    """The text of a file in UTF-8, or in UTF-16 with a byte order mark, without the mark; and its encoding.

    Args:
        data: of the file.
        path: of the file, for the message.
        what: what the file should be, for the message.

    Raises:
        ValueError: it has another encoding; the message names the line.
    """
    mark = next((one for one in _MARKS if data.startswith(one)), b"")
    encoding, written = _MARKS.get(mark, "utf-8"), data[len(mark) :]
    try:
        return written.decode(encoding), encoding
    except UnicodeDecodeError as error:
        line = written[: error.start].count(b"\n") + 1
        raise ValueError(f"{path}, line {line}: not in UTF-8; save it in that encoding ({what})") from None


@dataclass(frozen=True)
class Table:
    """The content of a table, and how it is written."""

    path: Path
    what: str
    """What the file should be, for messages."""
    data: bytes
    """Bytes of the file."""
    encoding: str
    delimiter: str
    names: tuple[str, ...]
    """Names of the columns, as in the first line."""
    rows: tuple[tuple[int, dict[str, str]], ...]
    """For each row the number of its last line, and its fields by column."""

    @classmethod
    def of(cls, data: bytes, path: Path, columns: tuple[str, ...], what: str) -> Table:
        """Read a table; empty rows are skipped.

        Args:
            data: of the file.
            path: of the file, for messages.
            columns: names of those that it must have; more are allowed.
            what: what the file should be, for messages.

        Raises:
            ValueError: it is no such table: another encoding, a missing column, or a row with more or fewer fields than
                the header; the message names the file and the line.
        """
        text, encoding = decoded(data, path, what)
        first = text.partition("\n")[0]
        delimiter = max(",;\t", key=first.count)
        reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, delimiter=delimiter)
        rows = []
        try:
            names = tuple(name.strip() for name in next(reader, []))
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
        return cls(path, what, data, encoding, delimiter, names, tuple(rows))

    def with_row(self, fields: Mapping[str, str]) -> Table:
        """The same table with one more row, written as the others are; nothing else in the file changes.

        Args:
            fields: by the names of their columns. Those of columns that the table lacks are left out, and columns
                without a field stay empty.

        Raises:
            ValueError: the row could not be read after the present text.
        """
        text, _ = decoded(self.data, self.path, self.what)
        end = "\r\n" if "\r\n" in text else "\n"
        row = {name: fields.get(name, "") for name in self.names}
        added = io.StringIO(newline="")
        csv.writer(added, delimiter=self.delimiter, lineterminator=end).writerow([row[name] for name in self.names])
        line = ("" if text.endswith(("\n", "\r")) else end) + added.getvalue()
        try:
            longer = Table.of(self.data + line.encode(self.encoding), self.path, self.names, self.what)
        except ValueError:
            longer = self
        if [one for _, one in longer.rows] != [*(one for _, one in self.rows), row]:
            raise ValueError(f"{self.path}: no row can follow its last line; see that each quote in it has its end")
        return longer
