"""The command that builds engines, as far as it goes without a GPU: every graph compiles, the rest is refused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from refseg_ros.engines import build, tensorrt
from refseg_ros.engines.bundle import Bundle
from refseg_ros.errors import UnavailableError


def test_every_graph_is_compiled_without_a_gpu_and_nothing_is_written(
    bundle_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tensorrt_rtx", reason="tensorrt_rtx is not installed (pip install tensorrt-rtx)")
    before = sorted(bundle_folder.iterdir())
    assert build.main([str(bundle_folder), "--check"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name, line in zip(Bundle.load(bundle_folder).manifest.graphs, lines, strict=True):
        assert line.startswith(f"{name}: TensorRT-RTX builds it for SM86 and SM89 (")
    assert sorted(bundle_folder.iterdir()) == before


def test_what_cannot_be_built_is_refused_in_one_line(
    bundle_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, words in (
        ([str(tmp_path / "nowhere")], "nowhere: there is no such folder"),
        ([str(bundle_folder), "--precision", "fp4"], "precision is 'fp4'; it must be one of fp32, fp16, int8"),
        ([str(bundle_folder), "--queries", "1"], "queries is 1; it must be a whole number from 2 to 1024"),
        ([str(bundle_folder), "--check", "--rebuild"], "--rebuild has no effect with --check"),
        ([str(bundle_folder), "--check", "--precision", "fp16"], f"quantize {bundle_folder} gpu-fp16"),
    ):
        assert build.main(arguments) == 2
        message = capsys.readouterr().err
        assert message.startswith("error: ") and words in message and message.count("\n") == 1


def test_without_a_gpu_nothing_is_built(bundle_folder: Path, no_gpu: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert build.main([str(bundle_folder)]) == 2
    message = capsys.readouterr().err
    assert message.startswith(("error: no GPU that can be used (", "error: cuda-bindings is not installed"))
    assert message.count("\n") == 1
    assert not list(bundle_folder.glob("*.engine*"))


def test_the_library_that_is_there_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    trt = pytest.importorskip("tensorrt_rtx", reason="tensorrt_rtx is not installed (pip install tensorrt-rtx)")
    monkeypatch.setattr(build, "library", tensorrt.library.__wrapped__)  # it remembers what it found
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    assert build.installed() is trt
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", None)
    with pytest.raises(UnavailableError, match=r"^tensorrt is not installed \(.+\); tensorrt_rtx is not installed \("):
        build.installed()
