"""Opens the source of pictures that a text names: the simulator, a webcam, a stream, a file or a folder."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable

from refseg_ros.files import expanded
from refseg_ros.media.live import open_stream, open_webcam
from refseg_ros.media.recorded import ImageFolder, open_file
from refseg_ros.media.simulated_camera import SimulatedCamera
from refseg_ros.media.source import Source, SourceError
from refseg_ros.text import without_password


def open_source(
    source: str,
    *,
    loop: bool,
    width: int,
    height: int,
    seed: int,
    split: str,
    moving: bool | None,
    scene_seconds: float,
    warn: Callable[[str], object],
    objects: str = "",
    now: Callable[[], float] = time.time,
) -> Source:
    """Open a source.

    Args:
        source: "simulation", a webcam (number "0" or device "/dev/video0"), a network stream ("rtsp://..."), a video
            file, a picture, or a folder of images.
        loop: start a video or folder again at its end.
        width: of simulated images, and requested from a webcam, in pixels.
        height: as `width`.
        seed: number of the first simulated scene.
        split: "train" or "held_out": the textures and the pairs of colour and class of simulated scenes.
        moving: whether simulated things move; None lets the seed decide.
        scene_seconds: simulated seconds until the next scene; 0 keeps the first.
        warn: called with one line for each file of a folder that is left out, for a damaged video, and for a picture
            file if only its first picture is shown.
        objects: folder of meshes to put on the simulated table; "" for the simulator's own objects.
        now: clock that stamps live pictures, in seconds; called in another thread.

    Raises:
        SourceError: the source does not open.
    """
    if source == "simulation":
        return SimulatedCamera(width, height, seed, split, moving, scene_seconds, objects)
    if re.fullmatch(r"[0-9]{1,6}", source):
        return open_webcam(int(source), width, height, now)
    if "://" in source:
        return open_stream(source, now)
    path = expanded(source)
    try:
        if device := re.fullmatch(r"/dev/video(\d{1,6})", os.path.realpath(path)):  # also /dev/v4l/by-id/...
            return open_webcam(int(device[1]), width, height, now)
        if path.is_dir():
            return ImageFolder(path, loop, warn)
        if path.is_file():
            return open_file(path, loop, warn)
        is_there = path.exists()
    except OSError as error:  # a folder that may not be entered or listed, a name that is too long
        raise SourceError(f"camera source {ascii(source)} cannot be read: {error.strerror}") from error
    kinds = "'simulation', a webcam (0 or /dev/video0), a stream (rtsp://...), a video, a picture, a folder of images"
    fault = "it is another kind of file" if is_there else "there is no file or folder of that name"
    raise SourceError(f"camera source {ascii(without_password(source))} must be one of: {kinds}; {fault}")
