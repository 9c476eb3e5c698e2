"""Turns an image message and queries into results, for the cameras, the service and the replay of bags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from refseg_ros.answer import Answer, stale
from refseg_ros.images.messages import to_rgb
from refseg_ros.msg import Placement, Segmentation
from refseg_ros.node.messages import result_message
from refseg_ros.node.model import Model, Past
from refseg_ros.node.queries import Query
from refseg_ros.node.stability import Standing


@dataclass(frozen=True, eq=False)
class Frame:
    """An image message, decoded."""

    header: Header
    image: np.ndarray
    """(H, W, 3) uint8 RGB."""

    @staticmethod
    def of(message: Image | CompressedImage, white: int | None = None) -> Frame:
        """Decode a message; for `white` see `images.encodings.eight_bits`.

        Raises:
            ImageError: its data are not an image that can be read.
        """
        return Frame(message.header, to_rgb(message, white))

    @property
    def stamp(self) -> float:
        """The header's stamp in seconds."""
        return seconds_of(self.header)


def seconds_of(header: Header) -> float:
    """The stamp in seconds."""
    return float(header.stamp.sec + header.stamp.nanosec * 1e-9)


def answer(model: Model, past: Past, frame: Frame, queries: Sequence[Query]) -> list[Answer]:
    """Add a frame to the past and answer each query on it; errors as in `Model.answer`."""
    return model.answer(past, frame.image, frame.stamp, [query.text for query in queries])


def stale_answers(frame: Frame, queries: Sequence[Query]) -> list[Answer]:
    """The answers on a frame that is too old."""
    height, width = frame.image.shape[:2]
    return [stale(query.text, height, width) for query in queries]


def results(
    frame: Frame,
    queries: Sequence[Query],
    answers: Sequence[Answer],
    age: float,
    standings: Sequence[Standing] | None = None,
    placements: Sequence[Placement] | None = None,
) -> list[Segmentation]:
    """One message for each query, under the header of the frame.

    Args:
        frame: the answered frame.
        queries: the answered queries.
        answers: one for each query.
        age: of the frame, in seconds.
        standings: one for each query; None if the frame belongs to no stream.
        placements: one for each query; None if nothing is placed in space.
    """
    standings = standings or [Standing()] * len(queries)
    placements = placements or [Placement() for _ in queries]
    return [
        result_message(answer, query, standing, age, frame.header, placement)
        for query, answer, standing, placement in zip(queries, answers, standings, placements, strict=True)
    ]
