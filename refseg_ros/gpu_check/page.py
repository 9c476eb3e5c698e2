"""Writes docs/performance-gpu.md."""

from __future__ import annotations

import datetime
import errno
import html
import os
import platform
import tempfile
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from refseg_ros.doctor.finding import Finding
from refseg_ros.files import write_bytes
from refseg_ros.text import printable

PACKAGES = ("onnxruntime", "onnxruntime-gpu", "tensorrt", "tensorrt-rtx", "cuda-bindings", "torch", "numpy")


def check_page(path: Path) -> None:
    """See that the page can be written, before the work that it reports.

    Raises:
        OSError: it cannot; it names the page.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as failure:
        raise OSError(failure.errno, failure.strerror, str(path)) from None


def write_page(path: Path, findings: Sequence[Finding]) -> None:
    """Write what came of the checks.

    Raises:
        OSError: it cannot be written.
    """
    date = datetime.datetime.now(datetime.timezone.utc).date()
    text = (
        f"# Performance on a GPU\n\nWritten by `make gpu-check` on {date}, with {versions(PACKAGES)}.\n\n"
        "| | |\n|---|---|\n" + "".join(map(_row, findings))
    )
    write_bytes(path, text.encode())


def _row(finding: Finding) -> str:
    """A row of the table, without line breaks and bars, which would end it."""
    words = html.escape(printable(finding.text), quote=False).replace("|", "&#124;")
    return f"| {finding.level.name} | {words} |\n"


def versions(packages: Iterable[str]) -> str:
    """The version of Python and of each package that is installed."""
    found = [f"Python {platform.python_version()}"]
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)
