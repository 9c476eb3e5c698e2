"""The best frames as one HTML page with its pictures inside, which opens without a network."""

from __future__ import annotations

import base64
import heapq
import html
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from refseg_ros.answer import Answer, Box, Verdict
from refseg_ros.bags.images import BagError, open_images
from refseg_ros.files import write_bytes
from refseg_ros.media.overlay import draw
from refseg_ros.search.run_length import decode

MOST = 50
"""Frames on the page."""
WIDTH = 400
"""Largest width of a picture, in pixels."""

_STYLE = """
body { font-family: sans-serif; margin: 2em; background: #fff; color: #222 }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(400px, 1fr)); gap: 1.5em }
figure { margin: 0 } img { max-width: 100% } figcaption { font-size: 85%; overflow-wrap: anywhere }
@media (prefers-color-scheme: dark) { body { background: #111; color: #ddd } }
"""


class BestFrames:
    """The frames in which things were found with the highest scores.

    The best of each bag and expression goes before the second best of any: neighbours in a bag look the same.
    """

    def __init__(self) -> None:
        self._ranked: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def add(self, table: pa.Table) -> None:
        """Look at the rows of a bag."""
        found = table.filter(pc.equal(table["verdict"], Verdict.FOUND.name))
        best = found.take(
            pc.sort_indices(found, [("score", "descending"), ("topic", "ascending"), ("moment", "ascending")])
        )
        seen: Counter[str] = Counter()
        chosen = []
        for index, (expression, score) in enumerate(zip(best["expression"], best["score"], strict=True)):
            rank = seen[expression.as_py()]
            seen[expression.as_py()] += 1
            if rank < MOST:
                chosen.append(((rank, -score.as_py()), index))
        rows = [(key, best.slice(index, 1).to_pylist()[0]) for key, index in heapq.nsmallest(MOST, chosen)]
        places = [((*key, row["bag"], row["topic"], row["moment"], row["expression"]), row) for key, row in rows]
        self._ranked = heapq.nsmallest(MOST, [*self._ranked, *places], key=lambda pair: pair[0])

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Rows of the chosen answers, the best first."""
        return [row for _, row in self._ranked]


def write_page(path: Path, expressions: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """Write the page; its pictures are read from the bags again.

    Raises:
        OSError: it cannot be written.
    """
    title = html.escape("; ".join(expressions))
    figures = "\n".join(map(_figure, rows)) or "<p>Nothing was found.</p>"
    text = (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title}</title>\n'
        f"<style>{_STYLE}</style></head>\n<body><h1>{title}</h1>\n<main>\n{figures}\n</main></body>\n</html>\n"
    )
    write_bytes(path, text.encode("utf-8", "replace"))


def _figure(row: dict[str, Any]) -> str:
    moment = datetime.fromtimestamp(row["stamp"] / 1e9, timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    lines = [f"<b>{html.escape(row['expression'])}</b> {row['score']:.3f}", html.escape(row["bag"])]
    lines.append(f"{html.escape(row['topic'])} at {moment} UTC ({row['stamp']})")
    try:
        data = base64.b64encode(_picture(row)).decode()
        picture = f'<img alt="" src="data:image/jpeg;base64,{data}">'
    except BagError as error:
        picture = f"<p>No picture: {html.escape(str(error))}</p>"
    return f"<figure>{picture}<figcaption>{'<br>'.join(lines)}</figcaption></figure>"


def _picture(row: dict[str, Any]) -> bytes:
    """The frame with its answer drawn, as JPEG.

    Raises:
        BagError: the bag has no such frame any more.
    """
    image = next(_frames_at(row), None)
    if image is None or list(image.shape[:2]) != row["mask"]["size"]:
        raise BagError(f"{row['bag']}: has no such frame any more")
    mask = decode(row["mask"]["counts"], *row["mask"]["size"])
    drawn = draw(image, Answer(row["expression"], Verdict[row["verdict"]], row["score"], mask, Box(**row["box"])))
    height, width = drawn.shape[:2]
    scale = min(1.0, WIDTH / width)
    shrunk = cv2.resize(drawn, (round(width * scale), max(1, round(height * scale))), interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", shrunk[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()


def _frames_at(row: dict[str, Any]) -> Iterator[npt.NDArray[np.uint8]]:
    with open_images(Path(row["bag"]), row["topic"]) as source:
        for moment, message, rgb in source.images(since=row["moment"]):
            if moment > row["moment"]:
                return
            if message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec == row["stamp"]:
                yield rgb
