"""Writes figures of Matplotlib to files."""

from __future__ import annotations

import io
from pathlib import Path

from matplotlib.figure import Figure

from refseg_ros.files import write_bytes

RESOLUTION = 110
"""Dots per inch."""


def write_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG.

    Raises:
        OSError: the file cannot be written there.
    """
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=RESOLUTION)
    write_bytes(path, data.getvalue())
