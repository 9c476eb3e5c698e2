"""The check of a GPU: what it says where there is none, and its rehearsal, run as a user runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from refseg_ros.engines.bundle import SHIPPED
from refseg_ros.gpu_check.clone import with_half_precision

ROOT = Path(__file__).parent.parent.parent
WITHOUT_TRAINING = "import sys; sys.modules['torch'] = None; from refseg_ros.gpu_check.__main__ import main; "


def check(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run it where torch is missing, whose steps take minutes on a CPU."""
    code = f"{WITHOUT_TRAINING}sys.exit(main({[str(argument) for argument in arguments]!r}))"
    line = [sys.executable, "-c", code]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=1200, check=False)


@pytest.mark.usefixtures("no_gpu")
def test_without_a_gpu_it_says_at_once_what_is_missing(tmp_path: Path, bundle_folder: Path) -> None:
    page = tmp_path / "page.md"
    result = check("--model", bundle_folder, "--page", page)
    lines = result.stdout.splitlines()
    assert result.returncode == 2 and lines[0].startswith("ERROR ") and not page.exists()
    assert any("onnxruntime-gpu" in line for line in lines) and "--rehearse" in lines[-1]


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
    assert not list(bundle_folder.glob("*.engine*"))


def test_a_model_that_ships_is_tried_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # without it no graphs in 16 bits are made
    copied = with_half_precision(SHIPPED.name, tmp_path / "bundle")
    assert copied.folder == tmp_path / "bundle" and copied.manifest.name == SHIPPED.name
