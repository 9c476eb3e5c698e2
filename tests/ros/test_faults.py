"""Every fault is counted, and no flood of faults fills the log."""

from __future__ import annotations

from refseg_ros.ros.faults import FaultLog


def test_a_flood_is_told_once_for_each_kind() -> None:
    told: list[str] = []
    faults = FaultLog(told.append, pause=3600)
    for number in range(1000):
        faults.note("step", f"wrong step {number}")
        faults.note("size", f"wrong size {number}")
    assert told == ["wrong step 0", "wrong size 0"]
    assert faults.counts == {"step": 1000, "size": 1000}


def test_a_fault_that_lasts_is_told_again_with_its_count() -> None:
    told: list[str] = []
    faults = FaultLog(told.append, pause=0)
    faults.note("step", "wrong step")
    faults.note("step", "wrong step")
    assert told == ["wrong step", "wrong step (met 2 times)"]
