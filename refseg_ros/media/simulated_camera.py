"""The simulated tabletop as a source of pictures, with its ground truth."""

from __future__ import annotations

from dataclasses import asdict

from refseg_ros.files import expanded
from refseg_ros.media.source import Picture, Source, SourceError


class SimulatedCamera(Source):
    """The simulated tabletop; a new scene starts every `scene_seconds` (0: the first scene stays)."""

    def __init__(
        self,
        width: int,
        height: int,
        seed: int,
        split: str,
        moving: bool | None,
        scene_seconds: float,
        objects: str = "",
    ) -> None:
        try:
            from refseg_ros.simulation.scans import ScanSet
            from refseg_ros.simulation.tabletop import Tabletop
        except (ImportError, AttributeError, RuntimeError) as error:  # the last two: bindings without their library
            raise SourceError(f"the simulated camera needs the package mujoco, and EGL (libegl1): {error}") from error
        self._split = split
        self._scene_seconds = scene_seconds
        try:
            scans = ScanSet.load(expanded(objects)) if objects else None
        except (ValueError, OSError) as error:
            raise SourceError(str(error)) from None
        try:
            self._tabletop = Tabletop(width, height, scans)
            self.show(moving, seed)
        except Exception as error:  # errors of a missing OpenGL have no common base
            raise SourceError(f"the simulated camera cannot render; is EGL installed (libegl1)? {error}") from error

    def show(self, moving: bool | None, seed: int | None = None) -> None:
        """Show the scene of `seed`, or the present one, from its beginning; for `moving` see `Tabletop.reset`."""
        if seed is not None:
            self._seed = seed
        self._moving = moving
        self._in_scene = 0.0
        self._started = False
        self._tabletop.reset(self._seed, self._split, moving)

    def read(self, elapsed: float, *, depth: bool = False) -> Picture:
        """See `Source.read`; it never ends."""
        if self._started:
            self._in_scene += elapsed
            if 0 < self._scene_seconds <= self._in_scene:
                self.show(self._moving, self._seed + 1)
            else:
                self._tabletop.advance(elapsed)
        self._started = True
        frame = self._tabletop.render(depth=depth)
        truth = {"seed": self._seed, "objects": [asdict(item) for item in frame.objects]}
        return Picture(frame.rgb, frame.depth if depth else None, frame.labels, truth, frame.intrinsics)

    def close(self) -> bool:
        """See `Source.close`."""
        self._tabletop.close()
        return True
