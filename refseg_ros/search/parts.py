"""Stores answers as rows of Parquet: a part for each bag, with notes on the bag, and one file of all parts."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from refseg_ros.answer import Answer
from refseg_ros.files import replacing
from refseg_ros.search.recordings import Recording
from refseg_ros.search.run_length import encode

FOLDER = "parts"
SCHEMA = pa.schema(
    [
        ("bag", pa.string()),
        ("topic", pa.string()),
        ("moment", pa.int64()),  # nanoseconds of the bag
        ("stamp", pa.int64()),  # nanoseconds of the header
        ("expression", pa.string()),
        ("verdict", pa.string()),  # as of Verdict
        ("score", pa.float64()),
        ("box", pa.struct([(name, pa.int32()) for name in ("x", "y", "width", "height")])),  # pixels
        ("mask", pa.struct([("size", pa.list_(pa.int32())), ("counts", pa.string())])),  # as pycocotools decodes it
    ]
)
"""Columns of the rows, which are in the order of bag, topic, moment and expression."""
ROWS_AT_ONCE = 50_000
"""Rows that are held before they are written."""
_KEY = "refseg_ros"


@dataclass
class Searched:
    """What became of a bag."""

    recording: Recording
    frames: int = 0
    """Number of frames that were answered."""
    refused: dict[str, int] = field(default_factory=dict)
    """How many images were passed over for which reason."""
    remarks: list[str] = field(default_factory=list)
    """Notes on words that the model does not know or did not see."""
    lost: list[str] = field(default_factory=list)
    """A line for each of its files that cannot be read; the frames are those of the others."""

    @classmethod
    def read(cls, path: Path) -> Searched:
        """Read it from a part.

        Raises:
            OSError, ValueError, LookupError, TypeError: there is none, or it is not whole.
        """
        values = json.loads(pq.read_metadata(path).metadata[_KEY.encode()])
        return cls(**{**values, "recording": Recording(**values["recording"])})


class PartWriter:
    """Makes the part of a bag, in memory."""

    def __init__(self) -> None:
        self._sink = pa.BufferOutputStream()
        self._writer = _writer(self._sink)
        self._rows: list[dict[str, Any]] = []

    def add(self, bag: str, topic: str, moment: int, stamp: int, answers: Iterable[Answer]) -> None:
        """Add the answers on a frame; moment and stamp in nanoseconds."""
        for answer in answers:
            self._rows.append(
                {
                    "bag": bag,
                    "topic": topic,
                    "moment": moment,
                    "stamp": stamp,
                    "expression": answer.text,
                    "verdict": answer.verdict.name,
                    "score": answer.score,
                    "box": answer.box._asdict(),
                    "mask": {"size": list(answer.mask.shape), "counts": encode(answer.mask)},
                }
            )
        if len(self._rows) >= ROWS_AT_ONCE:
            self._flush()

    def finish(self, searched: Searched) -> bytes:
        """The bytes of the part."""
        self._flush()
        self._writer.add_key_value_metadata({_KEY: json.dumps(dataclasses.asdict(searched))})
        self._writer.close()
        return bytes(self._sink.getvalue())

    def _flush(self) -> None:
        self._writer.write_table(pa.Table.from_pylist(self._rows, SCHEMA))
        self._rows = []


def part_path(folder: Path, recording: Recording) -> Path:
    """Where the part of a bag lies in the folder of a search."""
    return folder / FOLDER / f"{hashlib.sha256(os.fsencode(recording.path)).hexdigest()[:32]}.parquet"


def done(folder: Path, recordings: Iterable[Recording]) -> dict[Recording, Searched]:
    """What became of the bags that have a whole part and did not change since; a damaged part counts as missing."""
    found = {}
    for recording in recordings:
        path = part_path(folder, recording)
        with suppress(OSError, ValueError, LookupError, TypeError):
            if (searched := Searched.read(path)).recording == recording:
                _rows(path)
                found[recording] = searched
    return found


def tables(folder: Path, recordings: Iterable[Recording]) -> Iterator[pa.Table]:
    """The rows of each bag."""
    for recording in recordings:
        yield _rows(part_path(folder, recording))


def _rows(path: Path) -> pa.Table:
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        return file.read().cast(SCHEMA)


def write_rows(path: Path, parts: Iterable[pa.Table]) -> int:
    """Write all rows as one file; returns how many there are.

    Raises:
        OSError: it cannot be written.
    """
    count, held, size = 0, [SCHEMA.empty_table()], 0
    with replacing(path) as temporary, _writer(temporary) as writer:
        for table in parts:
            held.append(table)
            size += len(table)
            if size >= ROWS_AT_ONCE:
                writer.write_table(pa.concat_tables(held))
                count, held, size = count + size, [], 0
        writer.write_table(pa.concat_tables([*held, SCHEMA.empty_table()]))
    return count + size


def _writer(where: Any) -> pq.ParquetWriter:
    return pq.ParquetWriter(where, SCHEMA, compression="zstd", write_page_checksum=True)
