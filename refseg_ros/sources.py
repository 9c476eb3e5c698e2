"""Where a camera's pictures come from: the simulated tabletop, a webcam, a video file or a folder of images. No ROS.

Time is asked for, not waited for: `read(elapsed)` gives the picture that the camera sees `elapsed` seconds after the
one before. Whoever reads decides how fast the time passes.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from refseg_ros.media import rate_of

if TYPE_CHECKING:
    from refseg_ros.simulation.tabletop import Intrinsics

IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""Files of a folder that are taken for images, in small letters."""


class SourceError(Exception):
    """A source that does not open or gives no picture, with the reason in one line."""


@dataclass(frozen=True)
class Picture:
    """What a camera sees at one moment."""

    rgb: npt.NDArray[np.uint8]
    """(H, W, 3) RGB."""
    depth: npt.NDArray[np.float32] | None = None
    """(H, W) metres along the optical axis; simulated cameras only."""
    labels: npt.NDArray[np.uint8] | None = None
    """(H, W) number of the object that each pixel shows, 0 for none; simulated cameras only."""
    truth: dict[str, Any] | None = None
    """What is in the scene, ready for JSON: "seed" and "objects" (fields of `ObjectTruth`); simulated cameras only."""
    intrinsics: Intrinsics | None = None
    """None for a camera that is not calibrated."""


class Source(ABC):
    """A camera whose time is under control."""

    highest_rate: float = math.inf
    """Pictures per second beyond which the same picture would come twice."""

    @abstractmethod
    def read(self, elapsed: float, *, depth: bool = False) -> Picture | None:
        """Give the picture `elapsed` seconds after the one before, None when there is no more.

        Args:
            elapsed: seconds, 0 or more; the first call gives the first picture whatever it says.
            depth: whether depth is wanted, from a source that has it.

        Raises:
            SourceError: the picture cannot be had.
        """

    @abstractmethod
    def close(self) -> None:
        """Give the device back."""


class SimulatedCamera(Source):
    """The tabletop of the simulator, a new scene every `scene_seconds` (0: the first one for ever)."""

    def __init__(self, width: int, height: int, seed: int, split: str, scene_seconds: float) -> None:
        try:
            from refseg_ros.simulation.tabletop import Tabletop
        except (ImportError, AttributeError, RuntimeError) as error:  # the last two from bindings without their library
            raise SourceError(f"the simulated camera needs the package mujoco, and EGL (libegl1): {error}") from error
        self._split = split
        self._scene_seconds = scene_seconds
        try:
            self._tabletop = Tabletop(width, height)
            self.show(seed)
        except Exception as error:  # what OpenGL raises where there is none has no common base
            raise SourceError(f"the simulated camera cannot render; is EGL installed (libegl1)? {error}") from error

    def show(self, seed: int) -> None:
        """Set up the scene of `seed`, at its beginning."""
        self._seed = seed
        self._in_scene = 0.0
        self._started = False
        self._tabletop.reset(seed, self._split)

    def read(self, elapsed: float, *, depth: bool = False) -> Picture:
        """See `Source.read`; there is always one more."""
        if self._started:
            self._in_scene += elapsed
            if 0 < self._scene_seconds <= self._in_scene:
                self.show(self._seed + 1)
            else:
                self._tabletop.advance(elapsed)
        self._started = True
        frame = self._tabletop.render(depth=depth)
        truth = {"seed": self._seed, "objects": [asdict(item) for item in frame.objects]}
        return Picture(frame.rgb, frame.depth if depth else None, frame.labels, truth, frame.intrinsics)

    def close(self) -> None:
        """See `Source.close`."""
        self._tabletop.close()


class Webcam(Source):
    """A camera that OpenCV opens by its index."""

    def __init__(self, index: int, width: int, height: int) -> None:
        self._index = index
        self._capture = cv2.VideoCapture(index)
        if not self._capture.isOpened():
            raise SourceError(f"webcam {index} does not open; is /dev/video{index} there, free and permitted?")
        self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
        self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)

    def read(self, elapsed: float, *, depth: bool = False) -> Picture:
        """Wait for the next picture of the device, whose time is its own."""
        good, pixels = self._capture.read()
        if not good:
            raise SourceError(f"webcam {self._index} gives no more pictures")
        return Picture(_rgb(pixels))

    def close(self) -> None:
        """See `Source.close`."""
        self._capture.release()


class VideoFile(Source):
    """A video at its own speed; pictures that fall between two calls are skipped."""

    def __init__(self, path: Path, loop: bool) -> None:
        self._path = path
        self._loop = loop
        self._open()

    def _open(self) -> None:
        self._capture = cv2.VideoCapture(str(self._path))
        good, pixels = self._capture.read() if self._capture.isOpened() else (False, None)
        if not good or pixels is None:
            raise SourceError(f"{self._path} is no video that OpenCV can read")
        self.highest_rate = rate_of(self._capture)
        self._first = _rgb(pixels)
        self._begun = False
        self._time = 0.0
        self._passed = 0

    def read(self, elapsed: float, *, depth: bool = False) -> Picture | None:
        """See `Source.read`; after the last picture comes the first again if the video is looped."""
        if not self._begun:
            self._begun = True
            return Picture(self._first)
        self._time += elapsed
        wanted = max(1, round(self._time * self.highest_rate) - self._passed)
        for _ in range(wanted):
            if not self._capture.grab():
                if not self._loop:
                    return None
                self.close()
                self._open()
                return self.read(0.0)
            self._passed += 1
        good, pixels = self._capture.retrieve()
        if not good or pixels is None:
            raise SourceError(f"{self._path} cannot be decoded at picture {self._passed}")
        return Picture(_rgb(pixels))

    def close(self) -> None:
        """See `Source.close`."""
        self._capture.release()


class ImageFolder(Source):
    """The images of a folder in the order of their names, one a call."""

    def __init__(self, path: Path, loop: bool) -> None:
        self._paths = sorted(item for item in path.iterdir() if item.suffix.lower() in IMAGE_SUFFIXES)
        if not self._paths:
            raise SourceError(f"the folder {path} holds no image ({', '.join(IMAGE_SUFFIXES)})")
        self._loop = loop
        self._next = 0

    def read(self, elapsed: float, *, depth: bool = False) -> Picture | None:
        """See `Source.read`."""
        if self._next == len(self._paths):
            if not self._loop:
                return None
            self._next = 0
        path = self._paths[self._next]
        self._next += 1
        pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if pixels is None:
            raise SourceError(f"{path} is no image that OpenCV can read")
        return Picture(_rgb(pixels))

    def close(self) -> None:
        """Nothing to give back."""


def open_source(
    source: str, *, loop: bool, width: int, height: int, seed: int, split: str, scene_seconds: float
) -> Source:
    """Open what `source` names.

    Args:
        source: "simulation", the index of a webcam ("0"), a video file, or a folder of images.
        loop: begin again at the end of a file or folder.
        width: pixels, of the simulator and asked of a webcam.
        height: as width.
        seed: of the first simulated scene.
        split: "train" or "held_out", which textures and pairs of colour and class the simulator draws from.
        scene_seconds: of simulated time until the scene of the next seed; 0 keeps the first.

    Raises:
        SourceError: it does not open.
    """
    if source == "simulation":
        return SimulatedCamera(width, height, seed, split, scene_seconds)
    if source.isascii() and source.isdigit():
        return Webcam(int(source), width, height)
    path = Path(source).expanduser()
    if path.is_dir():
        return ImageFolder(path, loop)
    if path.is_file():
        return VideoFile(path, loop)
    kinds = "'simulation', a webcam's index, a video file, a folder of images"
    raise SourceError(f"camera source {ascii(source)} is none of: {kinds}; there is no file or folder of that name")


def _rgb(bgr: np.ndarray) -> npt.NDArray[np.uint8]:
    """OpenCV's BGR to RGB, (H, W, 3)."""
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)
