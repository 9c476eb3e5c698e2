"""Checks the model bundle and its runtime. No ROS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from refseg_ros.doctor.finding import Finding, error, ok, warn
from refseg_ros.doctor.machine import DRIVER, gpu_driver
from refseg_ros.errors import BundleError
from refseg_ros.interrupts import importing
from refseg_ros.ros.needed import words_of

ON_THE_CPU = "runs on ONNX Runtime on the CPU"


def check_model(model: str, driver_file: Path = DRIVER) -> Iterator[Finding]:
    """Load a bundle, which checks the hash of each file, and run it once.

    Args:
        model: see `SegmenterConfig`.
        driver_file: as of `gpu_driver`.
    """
    try:
        with importing():  # here, because what it needs may be what is missing
            from refseg_ros.segmenter import Segmenter
    except ModuleNotFoundError as missing:
        yield error(f"no model can run: {words_of(missing)}")
        return
    try:
        segmenter = Segmenter(model)
    except BundleError as refusal:
        yield error(f"the model is refused: {refusal}")
        return
    yield ok(f"the model {segmenter.manifest.name} is whole, and {segmenter.runtime}")
    driver = gpu_driver(driver_file)
    if driver and segmenter.runtime.startswith(ON_THE_CPU):
        yield warn(
            f"there is a GPU ({driver}), but the model runs on the CPU: see the reasons above and docs/engines.md"
        )
