"""The check of a GPU: what it says where there is none, and its rehearsal, run as a user runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from refseg_ros.doctor.finding import Level
from refseg_ros.engines.bundle import Bundle
from refseg_ros.gpu_check.clone import check_compiled_training, with_half_precision
from refseg_ros.gpu_check.deadline import Deadline

ROOT = Path(__file__).parent.parent.parent
WITHOUT_TRAINING = "import sys; sys.modules['torch'] = None"
"""The steps of training take minutes on a CPU."""
NO_PROVIDER = """
from refseg_ros.gpu_check import stand_ins
stand_ins._Session.get_providers = lambda session: ["CPUExecutionProvider"]
"""
"""What ONNX Runtime does where the cuDNN that its provider wants is missing: the session is one of the CPU."""
NO_TENSORRT = """
from refseg_ros.gpu_check import stand_ins
def install(install=stand_ins.install):
    install()
    sys.modules["tensorrt"] = sys.modules["tensorrt_rtx"] = None
stand_ins.install = install
"""

BROKEN = """
from refseg_ros.gpu_check import graph_launches, stand_ins
def run_with_iobinding(session, binding):
    raise RuntimeError("out of luck")
stand_ins._Session.run_with_iobinding = run_with_iobinding
stand_ins._Engine.create_execution_context = lambda engine, settings=None: stand_ins._Context(engine, captures=False)
graph_launches.PATIENCE = 0.1
"""
"""ONNX Runtime loads and does not run, and TensorRT-RTX captures no graph."""


def check(*arguments: object, where: str = "") -> subprocess.CompletedProcess[str]:
    """Run it where torch is missing, and where what a piece of code does is so."""
    command = f"from refseg_ros.gpu_check.__main__ import main; sys.exit(main({[*map(str, arguments)]!r}))"
    line = [sys.executable, "-c", "\n".join([WITHOUT_TRAINING, where, command])]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=1200, check=False)


@pytest.mark.usefixtures("no_gpu")
def test_without_a_gpu_it_says_at_once_what_is_missing(tmp_path: Path, bundle_folder: Path) -> None:
    page = tmp_path / "page.md"
    result = check("--model", bundle_folder, "--page", page)
    assert result.returncode == 2 and not page.exists()
    assert "onnxruntime-gpu" in result.stdout and "tensorrt is not installed" in result.stdout
    assert result.stderr.startswith("error: no GPU") and "--rehearse" in result.stderr


def test_without_a_runtime_it_says_at_once_what_to_install(bundle_folder: Path) -> None:
    result = check("--rehearse", "--model", bundle_folder, where=NO_PROVIDER + NO_TENSORRT)
    assert result.returncode == 2, result.stdout + result.stderr
    assert "CUDAExecutionProvider does not start" in result.stdout
    assert result.stderr.startswith("error: nothing is tried without a runtime") and "onnxruntime-gpu" in result.stderr
    assert "are taken" not in result.stdout


def test_a_page_that_cannot_be_written_is_said_before_all_else(tmp_path: Path, bundle_folder: Path) -> None:
    for page in (tmp_path / "nowhere" / "page.md", tmp_path):
        result = check("--model", bundle_folder, "--page", page)
        assert (result.returncode, result.stdout) == (2, "") and str(page) in result.stderr


def test_a_provider_that_does_not_start_leaves_tensorrt_to_be_tried(bundle_folder: Path) -> None:
    result = check("--rehearse", "--model", bundle_folder, where=NO_PROVIDER)
    assert result.returncode == 1, result.stderr
    lines = result.stdout.splitlines()
    assert [line for line in lines if "ERROR" in line] == [line for line in lines if "does not start" in line] != []
    for title in ("TensorRT", "TensorRT-RTX"):
        assert any(f"{title} in fp32: 50 frames are off by" in line for line in lines)


def test_a_runtime_that_breaks_is_told_of_in_each_check_and_hides_no_other(bundle_folder: Path) -> None:
    result = check("--rehearse", "--model", bundle_folder, where=BROKEN)
    assert result.returncode == 1, result.stderr
    lines = result.stdout.splitlines()
    wrong = [line for line in lines if "ERROR" in line]
    for words in ("ONNX Runtime in fp32 beside the CPU", "ONNX Runtime in fp32's copies", "fp32 without memory"):
        assert sum(words in line and "out of luck" in line for line in wrong) == 1, (words, wrong)
    assert any("TensorRT-RTX in fp32" in line and "launches 0 CUDA graphs, although" in line for line in wrong)
    for title in ("TensorRT", "TensorRT-RTX"):
        for words in ("50 frames are off by", "copies 2 arrays up and 3 down", "the next frame"):
            assert any(f"{title} in fp32" in line and words in line for line in lines), (title, words)


def test_a_rehearsal_goes_all_the_way_says_so_on_every_line_and_writes_no_page(
    tmp_path: Path, bundle_folder: Path
) -> None:
    page = tmp_path / "page.md"
    result = check("--rehearse", "--model", bundle_folder, "--page", page)
    assert result.returncode == 0, result.stdout + result.stderr
    lines = result.stdout.splitlines()
    assert all(line.startswith("REHEARSAL ") for line in lines) and not page.exists()
    for runtime in ("ONNX Runtime", "TensorRT", "TensorRT-RTX"):
        for words in ("50 frames are off by", "ms a frame", "copies 2 arrays up and 3 down", "the next frame"):
            assert any(f"{runtime} in fp32" in line and words in line for line in lines), (runtime, words)
    assert sum("an engine of another GPU is refused" in line for line in lines) == 2
    assert sum("a frame launches 3 CUDA graphs" in line for line in lines) == 1
    assert not list(bundle_folder.glob("*.engine*"))


def test_a_model_is_copied_for_its_graphs_in_16_bits(tmp_path: Path, bundle_folder: Path) -> None:
    bundle, failures = with_half_precision(Bundle.load(bundle_folder), tmp_path / "bundle", Deadline(600.0))
    assert not failures and bundle.folder == tmp_path / "bundle" and "encoder.gpu-fp16.onnx" in bundle.contents


def test_graphs_in_16_bits_that_cannot_be_made_are_reported(
    tmp_path: Path, bundle_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Bundle.load(bundle_folder)
    bundle, failures = with_half_precision(plain, tmp_path / "late", Deadline(0.0))
    assert bundle is plain and "half_precision" in failures[0].text and "took more than 0 s" in failures[0].text
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH")  # so that the command is not found
    bundle, failures = with_half_precision(plain, tmp_path / "lost", Deadline(600.0))
    assert bundle is plain and failures[0].level == Level.ERROR and "exit code 1: " in failures[0].text


def test_a_step_that_is_not_compiled_in_time_is_a_warning_alone() -> None:
    machine = SimpleNamespace(is_rehearsal=True, deadline=Deadline(0.0))
    (finding,) = check_compiled_training(machine)
    assert finding.level == Level.WARN and "--compile took more than 0 s" in finding.text
