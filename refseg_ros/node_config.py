"""The settings of the two nodes, which are their ROS parameters. Each default, unit, range and text stands here."""

from __future__ import annotations

import re
from dataclasses import dataclass

from refseg_ros.config import SegmenterConfig, brief, check, check_choice, setting

TRANSPORTS = ("raw", "compressed")
SPLITS = ("train", "held_out")
LARGEST_SEED = 2**31 - 1
CAMERA_MARK = "{camera}"
"""Stands in a topic for the name of a camera."""
TOPICS = ("image_topic", "depth_topic", "camera_info_topic")
"""Settings that are topics of a camera."""

_CAMERA = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class SegmentNodeConfig(SegmenterConfig):
    """Settings of the node `segment`: those of `Segmenter`, and what to look at and look for."""

    image_topic: str = setting(
        "camera topic; {camera} stands for the name of each of `cameras`",
        default="/camera/image_raw",
        read_only=True,
    )
    image_transport: str = setting(
        "how images come: raw (sensor_msgs/Image), or compressed (sensor_msgs/CompressedImage on the topics below "
        "image_topic, image_raw/compressed, and depth_topic, depth/compressedDepth)",
        default="raw",
    )
    depth_topic: str = setting(
        "depth images (sensor_msgs/Image) registered to the colour image; {camera} as above; empty: nothing is placed "
        "in space",
        default="",
        read_only=True,
    )
    camera_info_topic: str = setting(
        "calibration of the colour image (sensor_msgs/CameraInfo); wanted with depth_topic", default="", read_only=True
    )
    depth_tolerance: float = setting(
        "how far the stamps of an image and of its depth image may be apart",
        default=0.02,
        unit="s",
        range=(0.0, 0.5),
        read_only=True,
    )
    target_frame: str = setting(
        "frame in which things are placed in space, by the transforms on /tf and /tf_static at the stamp of the image; "
        "empty: the camera's optical frame",
        default="",
        read_only=True,
    )
    cameras: tuple[str, ...] = setting(
        "names of the cameras, [front, wrist]; each has topics of its own for its answers (front/mask); empty: one "
        "camera without a name",
        default=(),
        read_only=True,
    )
    query: str = setting(
        "what to look for, in words; a semicolon separates several; empty: nothing until a query comes",
        default="",
    )
    threshold: float = setting(
        "probability from which on a thing counts as found; 0: the model's own", default=0.0, range=(0.0, 1.0)
    )
    stable_frames: int = setting(
        "images in a row that must find a thing at the same place before it is called stable",
        default=5,
        range=(1, 1000),
    )
    stable_distance: float = setting(
        "how far a thing that depth places in space may be, while it is called stable, from where it was first",
        default=0.03,
        unit="m",
        range=(0.001, 10.0),
    )
    max_frame_age: float = setting(
        "an image that is older than this is not answered but called stale; 0: no limit",
        default=1.0,
        unit="s",
        range=(0.0, 3600.0),
    )
    max_rate: float = setting(
        "images answered per second and camera, at most; 0: no limit", default=0.0, unit="Hz", range=(0.0, 1000.0)
    )
    autostart: bool = setting(
        "configure and activate at the start; false: leave it to a lifecycle manager", default=True, read_only=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self)
        check_choice("image_transport", self.image_transport, TRANSPORTS)
        if not self.image_topic:
            raise ValueError("image_topic is empty; it must name a topic of sensor_msgs/Image")
        if bool(self.depth_topic) != bool(self.camera_info_topic):
            raise ValueError("depth_topic and camera_info_topic are wanted both, or none of them")
        if self.target_frame and not self.depth_topic:
            raise ValueError(f"target_frame is {brief(self.target_frame)}; it is wanted with depth_topic only")
        for name in self.cameras:
            if not isinstance(name, str) or not _CAMERA.fullmatch(name):
                raise ValueError(
                    f"cameras names {brief(name)}; a name is lower-case letters, digits and _, a letter first"
                )
        if len(set(self.cameras)) != len(self.cameras):
            raise ValueError(f"cameras is {brief(list(self.cameras))}; it must name each camera once")
        for topic in TOPICS:
            value = getattr(self, topic)
            if len(self.cameras) > 1 and value and CAMERA_MARK not in value:
                raise ValueError(f"{topic} is {brief(value)}; with several cameras it must contain {CAMERA_MARK}")


@dataclass(frozen=True)
class CameraNodeConfig:
    """Settings of the node `camera`."""

    source: str = setting(
        "simulation, the index of a webcam, a video file, or a folder of images", default="simulation", read_only=True
    )
    rate: float = setting(
        "images per second, if the source can give as many", default=10.0, unit="Hz", range=(0.1, 240.0)
    )
    loop: bool = setting("begin a video or folder again at its end", default=True, read_only=True)
    frame_id: str = setting("name of the camera's optical frame", default="camera_optical_frame")
    width: int = setting(
        "of a simulated image, and asked of a webcam", default=640, unit="px", range=(16, 4096), read_only=True
    )
    height: int = setting(
        "of a simulated image, and asked of a webcam", default=480, unit="px", range=(16, 4096), read_only=True
    )
    seed: int = setting(
        "number of the simulated scene; setting it shows that scene", default=1, range=(0, LARGEST_SEED)
    )
    split: str = setting(
        "which textures and pairs of colour and class scenes are made of: train or held_out",
        default="train",
        read_only=True,
    )
    scene_seconds: float = setting(
        "time until the scene of the next seed is shown; 0: never",
        default=0.0,
        unit="s",
        range=(0.0, 86400.0),
        read_only=True,
    )

    def __post_init__(self) -> None:
        check(self)
        check_choice("split", self.split, SPLITS)
