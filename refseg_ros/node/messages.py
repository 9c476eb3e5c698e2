"""Answers as messages, under the header of their image, and back."""

from __future__ import annotations

import array

import numpy as np
from std_msgs.msg import Header

from refseg_ros.answer import Answer, Box, Verdict
from refseg_ros.images.messages import to_array, to_message
from refseg_ros.msg import BoundingBox, Placement, Segmentation
from refseg_ros.node.queries import Query
from refseg_ros.node.stability import Standing


def result_message(
    answer: Answer, query: Query, standing: Standing, age: float, header: Header, placement: Placement | None = None
) -> Segmentation:
    """The message of an answer; its `box` and `mask` can be published alone. `age` of the image in seconds."""
    box, score = answer.box, float(answer.score)
    return Segmentation(
        header=header,
        query_id=query.id,
        query=query.text,
        verdict=int(answer.verdict),
        frame_age=age,
        score=score,
        stable_frames=standing.frames,
        stable=standing.stable,
        lost=standing.lost,
        box=BoundingBox(
            header=header, query_id=query.id, x=box.x, y=box.y, width=box.width, height=box.height, score=score
        ),
        placement=placement or Placement(),
        mask=to_message(answer.mask, "mono8", header),
        words=list(answer.words),
        levels=answer.word_attention.shape[0],
        word_attention=array.array("f", answer.word_attention.tobytes()),
        unknown_words=list(answer.unknown_words),
        truncated_words=list(answer.truncated_words),
    )


def answer_of(message: Segmentation) -> Answer:
    """The answer that a message carries.

    Raises:
        ImageError: its mask is no image.
        ValueError: its verdict is unknown.
    """
    attention = np.asarray(message.word_attention, np.float32)
    shape = (message.levels, len(message.words))
    fits = attention.size == shape[0] * shape[1]
    box = message.box
    return Answer(
        message.query,
        Verdict(message.verdict),
        message.score,
        to_array(message.mask),
        Box(box.x, box.y, box.width, box.height),
        tuple(message.words),
        attention.reshape(shape) if fits else np.zeros((0, len(message.words)), np.float32),
        tuple(message.unknown_words),
        tuple(message.truncated_words),
    )
