"""The answers on the images of one bag: what a worker does."""

from __future__ import annotations

import functools
import socket
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from refseg_ros.bags.images import BagError, image_topics, open_images
from refseg_ros.engines.bundle import DEFAULT
from refseg_ros.errors import BundleError
from refseg_ros.search.parts import PartWriter, Searched
from refseg_ros.search.recordings import Recording
from refseg_ros.search.settings import SearchConfig, digest
from refseg_ros.segmenter import Segmenter


@dataclass(frozen=True)
class Task:
    """A bag to search."""

    recording: Recording
    config: SearchConfig
    model: str
    """As in `SegmenterConfig`; a folder is an absolute path."""


def search_bag(task: Task) -> bytes:
    """Answer the expressions on the images of a bag; return the bytes of its part (`parts.py`).

    An image is answered as by `refseg_ros.replay`: in the order of time, with the images before it as its past.

    Raises:
        BagError: the bag cannot be read, lacks the topic, or holds no image that can be read; or its name is not UTF-8.
        BundleError: the model is not there, or is another one.
        EngineError: the runtime failed.
    """
    config, bag = task.config, Path(task.recording.path)
    try:
        str(bag).encode()
    except UnicodeEncodeError:
        raise BagError(f"{bag}: its name is not UTF-8, as the answers have it; rename it") from None
    segmenter = _segmenter(task.model, config.model)
    part = PartWriter()
    frames, refused, remarks = 0, Counter[str](), dict[str, None]()
    for topic in [config.image_topic] if config.image_topic else image_topics(bag):
        stream = segmenter.stream()
        with open_images(bag, topic) as source:
            for moment, message, rgb in source.images(config.every, nth=config.nth):
                stamp = message.header.stamp
                try:
                    stream.observe(rgb, float(stamp.sec + stamp.nanosec * 1e-9))
                except ValueError as error:  # too large, as of `SegmenterConfig`
                    source.refused[str(error)] += 1
                    continue
                answers = stream.answer(config.expressions)
                part.add(str(bag), topic, moment, stamp.sec * 1_000_000_000 + stamp.nanosec, answers)
                frames += 1
                remarks.update(dict.fromkeys(remark for answer in answers for remark in answer.remarks))
            if not refused:  # the first topic with images tells why none could be read
                nothing = source.nothing()
            refused.update(source.refused)
            lost = source.lost
    if not frames:
        raise nothing
    return part.finish(Searched(task.recording, frames, dict(sorted(refused.items())), list(remarks), lost))


@functools.lru_cache(maxsize=1)
def _segmenter(model: str, wanted: str) -> Segmenter:
    """The model of this process, on one thread, because more would compete with the other workers."""
    segmenter = Segmenter(model, threads=1)
    if digest(segmenter.manifest) != wanted:
        name = model or DEFAULT.name
        raise BundleError(f"the model {name} on {socket.gethostname()} is not the one of this search; copy it there")
    return segmenter
