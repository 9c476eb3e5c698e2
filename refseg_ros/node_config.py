"""The settings of the two nodes, which are their ROS parameters. Each default, unit, range and text stands here."""

from __future__ import annotations

from dataclasses import dataclass

from refseg_ros.config import SegmenterConfig, check, setting

DEVICES = ("auto", "cpu")
SPLITS = ("train", "held_out")
LARGEST_SEED = 2**31 - 1


@dataclass(frozen=True)
class SegmentNodeConfig(SegmenterConfig):
    """Settings of the node `segment`: those of `Segmenter`, and what to look at and look for."""

    image_topic: str = setting("camera topic (sensor_msgs/Image)", default="/camera/image_raw", read_only=True)
    query: str = setting("what to look for, in words; empty: nothing until a query comes", default="")
    device: str = setting(
        "where the network runs: cpu, or auto for the fastest there is (in this version the CPU)",
        default="auto",
        read_only=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self)
        _check_choice("device", self.device, DEVICES)
        if not self.image_topic:
            raise ValueError("image_topic is empty; it must name a topic of sensor_msgs/Image")


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
        _check_choice("split", self.split, SPLITS)


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} is {value!r}; it must be one of {', '.join(choices)}")
