"""What the doctor says of a model, and of a GPU that it does not run on."""

from __future__ import annotations

from pathlib import Path

import pytest

from refseg_ros.doctor.finding import Level
from refseg_ros.doctor.model import check_model
from tests.doctor.test_machine import OF_A_DRIVER


@pytest.mark.usefixtures("no_gpu")
def test_a_gpu_that_the_model_does_not_run_on_is_told(bundle_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "version"
    (whole,) = check_model(str(bundle_folder), file)
    file.write_text(OF_A_DRIVER)
    before, warning = check_model(str(bundle_folder), file)
    assert whole == before and whole.level == Level.OK and "runs on ONNX Runtime on the CPU" in whole.text
    assert warning.level == Level.WARN
    assert "there is a GPU (NVRM version: NVIDIA UNIX x86_64" in warning.text and "docs/engines.md" in warning.text


def test_a_model_that_ships_is_known_by_its_name() -> None:
    assert next(check_model("household")).text.startswith("the model household is whole")


def test_a_model_that_is_not_there_is_told(tmp_path: Path) -> None:
    (finding,) = check_model(str(tmp_path / "gone"))
    assert finding.level == Level.ERROR and "gone: there is no such folder" in finding.text
