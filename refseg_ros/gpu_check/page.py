"""docs/performance-gpu.md."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from refseg_ros.doctor.finding import Finding
from refseg_ros.engines.cuda import Gpu
from refseg_ros.files import write_bytes

PACKAGES = ("onnxruntime", "onnxruntime-gpu", "tensorrt", "tensorrt-rtx", "cuda-bindings", "torch", "numpy")


def write_page(path: Path, gpu: Gpu, findings: Sequence[Finding]) -> None:
    """Write what came of the checks.

    Raises:
        OSError: it cannot be written.
    """
    date = datetime.datetime.now(datetime.timezone.utc).date()
    lines = [f"| {finding.level.name} | {finding.text.replace('|', '&#124;')} |" for finding in findings]
    text = (
        f"# Performance on a GPU\n\nWritten by `make gpu-check` on {date}, on {gpu.name} (compute capability "
        f"{gpu.compute_capability}), with {versions(PACKAGES)}.\n\n| | |\n|---|---|\n" + "\n".join(lines) + "\n"
    )
    write_bytes(path, text.encode())


def versions(packages: Iterable[str]) -> str:
    """The version of Python and of each package that is installed."""
    found = [f"Python {platform.python_version()}"]
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)
