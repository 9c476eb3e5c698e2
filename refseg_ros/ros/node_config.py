"""The settings of the nodes `segment` and `camera`, which are their ROS parameters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from refseg_ros.config import SegmenterConfig, Settings, setting
from refseg_ros.images.encodings import white_of
from refseg_ros.text import brief

TRANSPORTS = ("raw", "compressed")
AS_COLOUR = "auto"
"""Value of depth_transport: the same as image_transport."""
BY_NAME = "auto"
"""Value of rectified: decided by the name of the topic."""
BY_SEED = "auto"
"""Value of moving: decided by the number of the scene."""
SPLITS = ("train", "held_out")
LARGEST_SEED = 2**31 - 1
MOST_STABLE_FRAMES = 1000
CAMERA_MARK = "{camera}"
"""Placeholder in a topic for the name of a camera."""
TOPICS = ("image_topic", "depth_topic", "camera_info_topic")
"""Settings that name topics of a camera."""

_CAMERA = re.compile(r"[a-z][a-z0-9_]*")


def depth_transport_of(depth_transport: str, image_transport: str) -> str:
    """The transport of depth images; "auto" is that of the colour images."""
    return image_transport if depth_transport == AS_COLOUR else depth_transport


def check_cameras(settings: Any) -> None:
    """Check the settings `cameras`, TOPICS and `mono16_range` of a node.

    Raises:
        ValueError: a value is not usable, or does not go with another one.
    """
    if not settings.image_topic:
        raise ValueError("image_topic is empty; it must name a topic of sensor_msgs/Image")
    white_of(settings.mono16_range)
    if bool(settings.depth_topic) != bool(settings.camera_info_topic):
        raise ValueError("only one of depth_topic and camera_info_topic is set; set both or neither")
    for name in settings.cameras:
        if not isinstance(name, str) or not _CAMERA.fullmatch(name):
            raise ValueError(f"cameras names {brief(name)}; a name is lower-case letters, digits and _, a letter first")
    if len(set(settings.cameras)) != len(settings.cameras):
        raise ValueError(f"cameras is {brief(list(settings.cameras))}; it must name each camera once")
    for topic in TOPICS:
        value = getattr(settings, topic)
        if len(settings.cameras) > 1 and value and CAMERA_MARK not in value:
            raise ValueError(f"{topic} is {brief(value)}; with several cameras it must contain {CAMERA_MARK}")
        if not settings.cameras and CAMERA_MARK in value:
            raise ValueError(f"{topic} is {brief(value)}; {CAMERA_MARK} stands for each of cameras, which is empty")


@dataclass(frozen=True)
class SegmentNodeConfig(SegmenterConfig):
    """Settings of the node `segment`: those of `Segmenter`, the topics, and the query."""

    image_topic: str = setting(
        "camera topic; {camera} stands for the name of each of `cameras`",
        default="/camera/image_raw",
        read_only=True,
    )
    image_transport: str = setting(
        "how images come: raw (sensor_msgs/Image), or compressed (sensor_msgs/CompressedImage, on image_topic itself "
        "or on the topic below it, image_raw/compressed)",
        default="raw",
        choices=TRANSPORTS,
    )
    mono16_range: str = setting(
        "which value of mono16 and of other colours of 16 bits is white: a number, such as 4095 for a camera of 12 "
        "bits, or auto for the largest of as many bits (8, 10, 12, 14, 16) as the brightest pixel of an image takes",
        default="auto",
        read_only=True,
    )
    rectified: str = setting(
        "whether the images have no distortion, so that P of camera_info describes them instead of K and D: yes, no, "
        "or auto: yes if the topic, after remapping, is named image_rect...",
        default=BY_NAME,
        read_only=True,
        choices=(BY_NAME, "yes", "no"),
    )
    depth_topic: str = setting(
        "depth images (sensor_msgs/Image) registered to the colour image; {camera} as above; empty: nothing is placed "
        "in space",
        default="",
        read_only=True,
    )
    depth_transport: str = setting(
        "how depth images come: raw, compressed (sensor_msgs/CompressedImage, on depth_topic itself or on the topic "
        "below it, depth/compressedDepth), or auto for the same as image_transport",
        default=AS_COLOUR,
        choices=(AS_COLOUR, *TRANSPORTS),
    )
    camera_info_topic: str = setting(
        "calibration of the colour image (sensor_msgs/CameraInfo); needed with depth_topic", default="", read_only=True
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
    threshold: float = setting("least score of a found thing; 0: the model's own", default=0.0, range=(0.0, 1.0))
    stable_frames: int = setting(
        "a thing is stable after so many images in a row that show it at the same place",
        default=5,
        range=(1, MOST_STABLE_FRAMES),
    )
    stable_distance: float = setting(
        "a stable thing that depth places in space stays within this distance of where it was first",
        default=0.03,
        unit="m",
        range=(0.001, 10.0),
    )
    max_frame_age: float = setting(
        "an older image is not answered but called stale; 0: no limit",
        default=1.0,
        unit="s",
        range=(0.0, 3600.0),
    )
    max_rate: float = setting(
        "images answered per second and camera, at most; 0: no limit", default=0.0, unit="Hz", range=(0.0, 1000.0)
    )
    autostart: bool = setting(
        "configure and activate the node at its start; false: a lifecycle manager does it", default=True, read_only=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_cameras(self)
        if self.target_frame and not self.depth_topic:
            raise ValueError(f"target_frame is {brief(self.target_frame)}; it needs depth_topic, which is empty")

    @property
    def white(self) -> int | None:
        """`mono16_range` as `images.encodings.eight_bits` takes it."""
        return white_of(self.mono16_range)

    @property
    def used_depth_transport(self) -> str:
        """`depth_transport`, with "auto" resolved."""
        return depth_transport_of(self.depth_transport, self.image_transport)


@dataclass(frozen=True)
class CameraNodeConfig(Settings):
    """Settings of the node `camera`."""

    source: str = setting(
        "simulation, a webcam (0 or /dev/video0), a stream (rtsp://...), a video, a picture, or a folder of images",
        default="simulation",
        read_only=True,
    )
    rate: float = setting(
        "images per second, if the source can give as many", default=10.0, unit="Hz", range=(0.1, 240.0)
    )
    loop: bool = setting("begin a video or folder again at its end", default=True, read_only=True)
    frame_id: str = setting("name of the camera's optical frame", default="camera_optical_frame")
    width: int = setting(
        "of a simulated image, and requested from a webcam", default=640, unit="px", range=(16, 4096), read_only=True
    )
    height: int = setting(
        "of a simulated image, and requested from a webcam", default=480, unit="px", range=(16, 4096), read_only=True
    )
    seed: int = setting("number of the simulated scene; set it to see another one", default=1, range=(0, LARGEST_SEED))
    split: str = setting(
        "which textures and pairs of colour and class the scenes have: train or held_out",
        default="train",
        read_only=True,
        choices=SPLITS,
    )
    moving: str = setting(
        "whether things move on the simulated table: yes, no, or auto for every second scene; setting it shows the "
        "scene from its beginning",
        default=BY_SEED,
        choices=(BY_SEED, "yes", "no"),
    )
    scene_seconds: float = setting(
        "time until the scene of the next seed is shown; 0: never",
        default=0.0,
        unit="s",
        range=(0.0, 86400.0),
        read_only=True,
    )

    objects: str = setting(
        "folder of meshes that lie on the simulated table; empty: the simulator's own things",
        default="",
        read_only=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.source.strip():
            raise ValueError("source is empty; it must name what the camera shows")
