"""What the page shows of one image: its pixels, and the answers to each expression on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from refseg_ros.answer import Answer

NANOSECONDS = 1_000_000_000


@dataclass(frozen=True)
class Place:
    """Where a thing is in space."""

    frame_id: str
    centre: tuple[float, float, float]
    """Metres."""
    quaternion: tuple[float, float, float, float]
    """Orientation of the box: x, y, z, w."""
    size: tuple[float, float, float]
    """Lengths of the edges, metres."""


@dataclass(frozen=True, eq=False)
class Sighting:
    """An answer, and what the node says beside it."""

    query_id: int
    answer: Answer
    age: float
    """Age of the image when it was answered, seconds."""
    stable: bool = False
    place: Place | None = None
    not_placed: str = ""
    """Why it has no place, where depth is subscribed."""


@dataclass(frozen=True, eq=False)
class Moment:
    """One image of a camera, and all that was answered about it."""

    stamp: int
    """Nanoseconds."""
    frame_id: str
    """The camera's optical frame."""
    rgb: npt.NDArray[np.uint8]
    """(H, W, 3) RGB."""
    sightings: tuple[Sighting, ...] = ()
    """In the order of their queries."""

    def age(self, now: float) -> float:
        """Seconds from the image's stamp to `now` on the same clock."""
        return now - self.stamp / NANOSECONDS
