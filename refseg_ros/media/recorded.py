"""Video files, picture files and folders of images as sources of pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from refseg_ros.images.headers import header_of
from refseg_ros.images.pictures import read_picture
from refseg_ros.media.files import IMAGE_SUFFIXES, images_of, report_motion
from refseg_ros.media.films import Film, FilmError
from refseg_ros.media.source import Picture, Source, SourceError
from refseg_ros.text import printable

STAMP_ERROR = 1e-3
"""Seconds; containers round their stamps by about as much."""
_BEGIN = 64
"""Bytes of a file that tell its kind."""


class VideoFile(Source):
    """A video at its own speed; pictures between two calls are skipped. `warn` gets one line for a damaged one."""

    def __init__(self, path: Path, loop: bool, warn: Callable[[str], object]) -> None:
        self._path, self._loop, self._warn = path, loop, warn
        self._is_judged = False
        self._open()

    def _open(self) -> None:
        try:
            self._film = Film(self._path)
            if not self._film.grab():
                raise FilmError(f"{self._path}: holds no picture that OpenCV can read")
        except FilmError as error:
            raise SourceError(str(error)) from error
        self._begun = False
        self._wanted = 0.0  # seconds since its first picture
        self._go_on(0.0)

    def _go_on(self, wanted: float) -> bool:
        """Move to the picture that is shown `wanted` seconds after the first one.

        Returns:
            Whether that moment lies within the film; the last picture is shown as long as the one before it.
        """
        try:
            while True:
                rgb, stamp = self._film.rgb(), self._film.seconds
                self._more = self._film.grab()
                if not self._more or self._film.seconds > wanted + STAMP_ERROR:
                    break
            if not self._more and not self._is_judged:
                self._judge()
        except (FilmError, OSError) as error:
            raise SourceError(str(error)) from error
        if self._more:
            self.highest_rate = 1.0 / (self._film.seconds - stamp)
        self._picture, self._wanted = Picture(rgb), max(wanted, stamp)
        return self._more or wanted < stamp + 1.0 / self.highest_rate - STAMP_ERROR

    def _judge(self) -> None:
        self._is_judged = True
        if damage := self._film.damage():
            self._warn(printable(damage))

    def read(self, elapsed: float, *, depth: bool = False) -> Picture | None:
        """See `Source.read`; a looped video starts again after its last picture."""
        if not self._begun:
            self._begun = True
            return self._picture
        if self._more and self._go_on(self._wanted + elapsed):
            return self._picture
        if not self._loop:
            return None
        self.close()
        self._open()
        return self.read(0.0)

    def close(self) -> bool:
        """See `Source.close`."""
        self._film.close()
        return True


def open_file(path: Path, loop: bool, warn: Callable[[str], object]) -> VideoFile | ImageFile:
    """Open a video or a picture. Pictures in motion that FFmpeg plays, such as GIF and raw Motion JPEG, are videos.

    Raises:
        SourceError: it is neither, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            is_picture = header_of(file.read(_BEGIN)) is not None
    except OSError as error:
        raise SourceError(str(error)) from error
    return ImageFile(path, loop, warn) if is_picture and not _moves(path) else VideoFile(path, loop, warn)


def _moves(path: Path) -> bool:
    try:
        with Film(path) as film:
            return film.grab() and film.grab()
    except FilmError:
        return False


class ImageFile(Source):
    """One picture, shown once, or again and again; `warn` gets one line where the file holds further ones."""

    def __init__(self, path: Path, loop: bool, warn: Callable[[str], object]) -> None:
        try:
            self._picture = Picture(read_picture(path, as_displayed=True))
        except (ValueError, OSError) as error:
            raise SourceError(str(error)) from error
        report_motion(path, warn)
        self._is_over, self._loop = False, loop

    def read(self, elapsed: float, *, depth: bool = False) -> Picture | None:
        """See `Source.read`."""
        if self._is_over:
            return None
        self._is_over = not self._loop
        return self._picture

    def close(self) -> bool:
        """Nothing to give back."""
        return True


class ImageFolder(Source):
    """The images of a folder in the order of their names, one per call; `warn` gets a line for each unreadable one."""

    def __init__(self, path: Path, loop: bool, warn: Callable[[str], object]) -> None:
        self._path, self._loop, self._warn = path, loop, warn
        self._paths = images_of(path, warn)
        self._next = 0
        if not self._paths:
            raise SourceError(f"the folder {path} holds no image ({', '.join(IMAGE_SUFFIXES)})")

    def read(self, elapsed: float, *, depth: bool = False) -> Picture | None:
        """See `Source.read`."""
        while self._paths:
            if self._next == len(self._paths):
                if not self._loop:
                    return None
                self._next = 0
            try:
                rgb = read_picture(self._paths[self._next], as_displayed=True)
            except (ValueError, OSError) as error:
                self._warn(f"left out: {printable(str(error))}")
                del self._paths[self._next]
                continue
            self._next += 1
            return Picture(rgb)
        raise SourceError(f"the folder {self._path} holds no image that can be read")

    def close(self) -> bool:
        """Nothing to give back."""
        return True
