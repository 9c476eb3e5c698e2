"""What a simulated camera says is truly there, beside what was answered."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from refseg_ros.answer import Box
from refseg_ros.space.pairing import NANOSECONDS, StampedBuffer


@dataclass(frozen=True)
class TrueThing:
    """A thing on the simulated table."""

    number: int
    """Its value in the label image."""
    name: str
    """Colour and class: "red mug"."""
    motion: str
    """How it moves: "sliding"; empty when it rests."""
    box: Box


@dataclass(frozen=True)
class Scene:
    """A simulated scene at one moment."""

    seed: int
    things: tuple[TrueThing, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the things, each once."""
        return tuple(dict.fromkeys(thing.name for thing in self.things))


class Truth:
    """The scenes and label images of the last moments, by stamp. One thread puts them in; any may ask.

    Attributes:
        newest: the last scene; None before the first.
        moving: whether things were set moving from a page, the last that the camera agreed to.
    """

    def __init__(self) -> None:
        self.moving = False
        self.newest: Scene | None = None
        self._scenes: StampedBuffer[Scene] = StampedBuffer(0.0)
        self._labels: StampedBuffer[npt.NDArray[np.uint8]] = StampedBuffer(0.0)

    def put_scene(self, text: str) -> None:
        """Keep the JSON that the camera node publishes.

        Raises:
            ValueError: it is something else.
        """
        try:
            told = json.loads(text)
            things = tuple(
                TrueThing(
                    int(item["instance_id"]),
                    f"{item['colour']} {item['class_name']}",
                    str(item["motion"] or ""),
                    Box(*map(int, item["box"])),
                )
                for item in told["objects"]
            )
            scene = Scene(int(told["seed"]), things)
            stamp = int(told["stamp"][0]) * NANOSECONDS + int(told["stamp"][1])
        except (KeyError, TypeError, IndexError) as error:
            raise ValueError(f"the truth lacks {error}") from error
        self._scenes.put(stamp, scene)
        self.newest = scene

    def put_labels(self, stamp: int, labels: npt.NDArray[np.uint8]) -> None:
        """Keep a label image, (H, W) uint8: the number of the thing that each pixel shows."""
        self._labels.put(stamp, labels)

    def things(self, stamp: int) -> tuple[TrueThing, ...]:
        """What was there at a moment; nothing where that is not known."""
        scene = self._scenes.at(stamp)
        return () if scene is None else scene.things

    def under(self, stamp: int, mask: npt.NDArray[np.uint8]) -> tuple[str, float] | None:
        """Name of the thing that a mask, (H, W), covers best, and their intersection over union; None if unknown."""
        labels = self._labels.at(stamp)
        if labels is None or labels.shape != mask.shape:
            return None
        covered = mask > 0
        best, name = 0.0, ""
        for thing in self.things(stamp):
            true = labels == thing.number
            share = float(np.count_nonzero(true & covered) / max(int(np.count_nonzero(true | covered)), 1))
            if share > best:
                best, name = share, thing.name
        return name, best
