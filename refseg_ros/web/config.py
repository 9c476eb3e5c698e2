"""The settings of the node `web`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from refseg_ros.config import Settings, setting
from refseg_ros.images.encodings import white_of
from refseg_ros.ros.node_config import SegmentNodeConfig, check_cameras

THIS_MACHINE = "127.0.0.1"


def _as_segment(name: str) -> Any:
    """The setting of the node `segment` of this name, read at the start."""
    field = next(field for field in dataclasses.fields(SegmentNodeConfig) if field.name == name)
    return setting(default=field.default, **{**field.metadata, "read_only": True})


@dataclass(frozen=True)
class WebConfig(Settings):
    """Settings of the node `web`. Those that the node `segment` has, too, must be the same there."""

    image_topic: str = _as_segment("image_topic")
    image_transport: str = _as_segment("image_transport")
    mono16_range: str = _as_segment("mono16_range")
    rectified: str = _as_segment("rectified")
    depth_topic: str = _as_segment("depth_topic")
    depth_transport: str = _as_segment("depth_transport")
    camera_info_topic: str = _as_segment("camera_info_topic")
    depth_tolerance: float = _as_segment("depth_tolerance")
    cameras: tuple[str, ...] = _as_segment("cameras")
    model: str = _as_segment("model")
    host: str = setting(
        "address of this machine at which the page is served; any other than 127.0.0.1 wants the token that the log "
        "tells, and 0.0.0.0 stands for all",
        default=THIS_MACHINE,
        read_only=True,
    )
    port: int = setting("its port; 0: any that is free", default=8080, range=(0, 65535), read_only=True)
    lessons: str = setting(
        "folder that corrections are kept in, as own frames to train with", default="~/refseg_lessons", read_only=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_cameras(self)
        if not self.host or not self.lessons:
            raise ValueError("host and lessons must not be empty")

    @property
    def white(self) -> int | None:
        """`mono16_range` as `images.encodings.eight_bits` takes it."""
        return white_of(self.mono16_range)
