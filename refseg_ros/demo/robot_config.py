"""The settings of the node `robot`."""

from __future__ import annotations

from dataclasses import dataclass

from refseg_ros.config import Settings, setting


@dataclass(frozen=True)
class RobotConfig(Settings):
    """Settings of the node `robot`."""

    seed: int = setting("of the scene; a new one is shown when it changes", default=7, range=(0, 2**31 - 1))
    split: str = setting("kind of the scene", default="held_out", choices=("train", "held_out"), read_only=True)
    width: int = setting("of the image, pixels", default=640, range=(64, 1920), read_only=True)
    height: int = setting("of the image, pixels", default=480, range=(48, 1080), read_only=True)
