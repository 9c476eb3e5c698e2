"""Workers of a scheduler of Dask, as on many machines: real processes, and some are killed.

SEARCH_BAGS=1000 python -m pytest tests/search/test_fleet.py      with as many bags
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="pyarrow is not installed (the extra `search`)")
pytest.importorskip("distributed", reason="distributed is not installed (the extra `search`)")

import dask
import pyarrow.parquet as pq

from refseg_ros.engines.bundle import Bundle
from refseg_ros.errors import BundleError
from refseg_ros.search import fleet as fleet_module
from refseg_ros.search.answers import Task, search_bag
from refseg_ros.search.fleet import local
from refseg_ros.search.fleet import search as fleet_search
from refseg_ros.search.recordings import recordings
from refseg_ros.search.settings import SearchConfig, digest
from tests.search.bags import ROOT, command, complaints, picture, record, search
from tests.waiting import until

BAGS = int(os.environ.get("SEARCH_BAGS", "24"))
FRAMES = 4


class Fleet:
    """A scheduler and workers, each a process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show")
        self.address = self._said("scheduler", r"Scheduler at:\s+(tcp://\S+)")
        self.workers = [self.worker(name) for name in ("worker-0", "worker-1", "worker-2")]

    def worker(self, name: str) -> subprocess.Popen:
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(self._folder))
        process = self._start("worker", self.address, "--name", name, *options, log=name)
        self._said(name, r"(Registered to:)")
        return process

    def _start(self, *arguments: str, log: str = "scheduler") -> subprocess.Popen:
        with (self._folder / f"{log}.log").open("w") as file:
            line = [sys.executable, "-m", "dask", *arguments]
            return subprocess.Popen(line, cwd=ROOT, stdout=file, stderr=file)

    def _said(self, log: str, pattern: str) -> str:
        deadline = time.monotonic() + 120
        while not (found := re.search(pattern, (self._folder / f"{log}.log").read_text())):
            assert time.monotonic() < deadline, (self._folder / f"{log}.log").read_text()
            time.sleep(0.05)
        return found.group(1)

    def stop(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    folder = tmp_path / "fleet"
    folder.mkdir()
    fleet = Fleet(folder)
    yield fleet
    fleet.stop()


@pytest.fixture(scope="module")
def bags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bags")
    for index in range(BAGS):
        record(folder / f"bag{index:04}", [picture((7 * index + 5 * frame) % 60) for frame in range(FRAMES)])
    return folder


def started(*arguments: object) -> subprocess.Popen:
    return subprocess.Popen(command(*arguments), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_parts(folder: Path, count: int, process: subprocess.Popen) -> int:
    def enough() -> int:
        there = len(list(folder.glob("parts/[!.]*.parquet")))
        return there if there >= count else 0

    return until(enough, f"{count} parts", process)


def test_a_worker_that_dies_loses_no_bag_and_doubles_none(tmp_path, fleet, bags, bundle_folder):
    alone, out = tmp_path / "alone", tmp_path / "out"
    assert search(bags, "red; redder", "--model", bundle_folder, "-o", alone, "--workers", 1).returncode == 0
    # It gets bags and then does nothing, so that it holds some when it is killed, however fast the others are.
    fleet.workers[0].send_signal(signal.SIGSTOP)
    line = (bags, "red; redder", "--model", bundle_folder, "-o", out, "--scheduler", fleet.address)
    process = started(*line)
    assert wait_for_parts(out, BAGS // 2, process) < BAGS
    fleet.workers[0].kill()
    printed, errors = process.communicate(timeout=3000)
    assert process.returncode == 0, errors
    assert f"{BAGS} bags searched; {BAGS * FRAMES} frames" in printed and not complaints(errors)
    found = pq.read_table(out / "answers.parquet").to_pylist()
    places = [(row["bag"], row["moment"], row["expression"]) for row in found]
    assert len(places) == len(set(places)) == BAGS * FRAMES * 2
    assert (out / "answers.parquet").read_bytes() == (alone / "answers.parquet").read_bytes()


def test_without_its_scheduler_it_ends_and_goes_on_later(tmp_path, fleet, bags, bundle_folder):
    out, line = tmp_path / "out", (bags, "red", "--model", bundle_folder)
    process = started(*line, "-o", out, "--scheduler", fleet.address)
    for worker in fleet.workers[1:]:
        worker.kill()
    wait_for_parts(out, 1, process)
    fleet.workers[0].send_signal(signal.SIGSTOP)  # so that it is not done before
    fleet.scheduler.kill()
    _, errors = process.communicate(timeout=300)
    assert len(complaints(errors)) == 1, errors
    (complaint,) = complaints(errors)
    assert process.returncode == 2 and complaint.startswith("error: the scheduler is gone")
    assert not (out / "answers.parquet").exists()
    assert search(*line, "-o", out).returncode == 0
    assert pq.read_table(out / "answers.parquet").num_rows == BAGS * FRAMES


def test_it_says_that_a_bag_is_being_read_and_that_it_waits_for_a_worker(tmp_path, fleet, bags, bundle_folder):
    for worker in fleet.workers:
        worker.send_signal(signal.SIGSTOP)  # as if the bag were long
    line = (next(bags.iterdir()), "red", "--model", bundle_folder, "-o", tmp_path / "out")
    errors = tmp_path / "errors"
    with errors.open("w") as file:
        process = subprocess.Popen(command(*line, "--scheduler", fleet.address), cwd=ROOT, stderr=file)
    wait_for(errors, r"^\[\.+\] 0 of 1 bags, 1 being read  \d:\d\d:\d\d so far$")
    for worker in fleet.workers:
        worker.kill()
    wait_for(errors, r"^\[\.+\] 0 of 1 bags, no worker is there: waiting for one  \d:\d\d:\d\d so far$")
    fleet.workers.append(fleet.worker("late"))
    assert process.wait(timeout=300) == 0 and not complaints(errors.read_text())


def wait_for(file: Path, pattern: str) -> None:
    deadline = time.monotonic() + 120
    while not re.search(pattern, file.read_text(), re.MULTILINE):
        assert time.monotonic() < deadline, file.read_text()
        time.sleep(0.05)


def _deadly(task: Task) -> bytes:
    """As `search_bag`, but one bag kills its worker, as one does for which the memory is too small."""
    time.sleep(1.0)  # in which the next bag could come to it
    if task.recording.path.endswith("bag0003"):
        os._exit(1)
    return search_bag(task)


def test_a_bag_that_kills_workers_takes_no_other_with_it(bags, bundle_folder, monkeypatch):
    monkeypatch.setattr(fleet_module, "search_bag", _deadly)
    config = SearchConfig(("red",), digest(Bundle.load(bundle_folder).manifest))
    tasks = [Task(recording, config, str(bundle_folder)) for recording in recordings([str(bags)])[:5]]
    # Two deaths condemn a bag, instead of four, so that the test is quick.
    with dask.config.set({"distributed.scheduler.allowed-failures": 1}), local(1) as client:
        parts = {task.recording.path: part for task, part in fleet_search(client, tasks, lambda reading: None)}
    assert len(parts) == 5
    (failed,) = (part for part in parts.values() if isinstance(part, str))
    assert failed.endswith("bag0003: the workers that read it died; is there enough memory?")


def test_a_worker_without_the_model_or_with_another_ends_it(tmp_path, bags, bundle_folder):
    recording = recordings([str(bags)])[0]
    with local(1) as client:
        for model, words in ((bundle_folder, "not the one of this search"), (tmp_path / "gone", "gone: there is no")):
            with pytest.raises(BundleError, match=words):
                task = Task(recording, SearchConfig(("red",), "another"), str(model))
                list(fleet_search(client, [task], lambda reading: None))


def test_a_scheduler_that_is_not_there_is_named(tmp_path, bags, bundle_folder):
    result = search(bags, "red", "--model", bundle_folder, "-o", tmp_path / "out", "--scheduler", "tcp://127.0.0.1:1")
    assert result.returncode == 2 and result.stderr.startswith("error: ") and "tcp://127.0.0.1:1" in result.stderr
    assert result.stderr.count("\n") == 1
