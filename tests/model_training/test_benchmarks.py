"""What `make bench` compares computes the same, and what it writes says so."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import aims, cmsa, compared, floor, load, report, system_step
from benchmarks.measuring import Effort, Table, in_turn, ratio
from model_training.networks.kinds import KINDS, Kind
from refseg_ros.engines.bundle import TABLETOP, Bundle
from refseg_ros.engines.reach import IMAGE
from tests.model_training.networks import systems

EFFORT = Effort(seconds=0.0, least=3, most=3)


@pytest.mark.parametrize("pooled", [False, True])
def test_the_forms_of_cmsa_that_are_compared_are_the_same(pooled: bool) -> None:
    x = cmsa.draw(30, 7, 16)
    assert (cmsa.factorised(x, pooled) - cmsa.materialised(x)).abs().max() < 1e-5
    compiled = torch.compile(cmsa.factorised, backend="aot_eager")  # the part of a GPU's compiler that any machine has
    assert (compiled(x, pooled) - cmsa.materialised(x)).abs().max() < 1e-5


def test_steps_are_run_in_turn() -> None:
    order: list[str] = []
    times = in_turn({name: lambda name=name: order.append(name) for name in "ab"}, EFFORT, warm_up=1)
    assert order == list("abababab") and [len(values) for values in times.values()] == [3, 3]
    assert ratio(np.array([2.0, 30.0, 4.0]), np.array([1.0, 10.0, 2.0])) == 2.0


def test_the_peak_of_a_step_is_that_of_a_process_of_its_own() -> None:
    # In a fresh interpreter: of one that has been large, the kernel may have taken pages back, and they count again.
    code = """
import numpy as np
from benchmarks.measuring import peak_of
print(peak_of(lambda: np.ones(5_000_000)), peak_of(lambda: None))
"""
    printed = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout
    large, none = map(int, printed.split())
    assert 40e6 < large < 60e6 and none < 5e6


def test_the_page_says_what_was_measured_and_what_not(tmp_path: Path) -> None:
    table = Table("Sums", ["n", "ms"], [["1", "2.0"]], ["A note."], {"sum": ([1.0, 2.0], [3.0, 4.0])}, ("n", "ms"))
    table.figures = {"clip 30": 1.4, "clip 5": 1.6}
    sections = [
        report.Section("First", [table], others=0.5, counted=True),
        report.Section("Second", [], "Not measured: no reason."),
    ]
    report.write(sections, tmp_path, quick=True)
    page = (tmp_path / "performance.md").read_text()
    assert "| n | ms |\n| --- | --- |\n| 1 | 2.0 |\n\nA note." in page
    assert "## Second\n\nNot measured: no reason." in page
    assert "Other work kept the cores" in page and "QUICK=1" in page and "onnxruntime" in page
    assert "Other work took 50% of the cores while this was measured; times are the computing time" in page
    assert page.count("**short**") == 1 and page.count("| not measured |") == len(aims.AIMS) - 2
    assert (tmp_path / "performance.png").read_bytes().startswith(b"\x89PNG")
    report.write(sections[1:], tmp_path, quick=False)
    page = (tmp_path / "performance.md").read_text()
    assert "performance.png" not in page and "Other work" not in page and "QUICK" not in page


def test_what_falls_short_is_told_from_what_does_not() -> None:
    rows = {row[0]: row for row in aims.reached({"cmsa 400": 15.0, "queries": 0.21}).rows}
    assert rows[aims.AIMS["cmsa 400"].what][1:] == ["at least 15 times faster", "15 times faster", ""]
    assert rows[aims.AIMS["queries"].what][1:] == ["at most 0.20 of it", "0.21 of it", "**short**"]


def test_multiply_adds_are_counted_by_what_a_run_meets() -> None:
    product, given = floor.product(np.float32)
    assert floor.work(product, given) == (floor.SIDE**3, 0)
    bundle = Bundle.load(TABLETOP)
    image = {IMAGE: np.zeros((1, bundle.manifest.input.height, bundle.manifest.input.width, 3), np.uint8)}
    whole, low = (floor.work(bundle.contents[name], image) for name in ("encoder.onnx", "encoder.cpu-int8.onnx"))
    assert whole.bytes == 0 < low.bytes and sum(whole) == sum(low)


def test_the_work_of_others_is_told_from_ours() -> None:
    began = load.Load()
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        until = time.monotonic() + 3
        while time.monotonic() < until and began.of_others() < 0.05:
            sum(range(10_000))
        assert began.of_others() > 0
    finally:
        other.kill()
        other.wait()
    assert 0 <= load.of_others(0.05) <= 1


def test_a_system_that_there_is_not_is_refused_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert compared.main(["lastc_compared", "lastc"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: no system is called 'lastc'; choose of cmsa_compared, ") and error.count("\n") == 1


@pytest.mark.parametrize("name", ["lastc", "vlide"])
def test_a_training_step_of_a_system_is_timed(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = getattr(systems, name)(vocabulary=system_step.VOCABULARY).config
    monkeypatch.setitem(KINDS, name, Kind(lambda vocabulary: tiny, KINDS[name].system))
    assert system_step.main([name, "--steps", "1"]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"{name}: ") and "64x64, " in told and "first step " in told and "peak memory " in told
