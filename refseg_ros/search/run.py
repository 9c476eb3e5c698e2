"""Runs a whole search: finds the bags that are left, keeps their parts as they come, and writes a file and a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
from distributed import Client

from refseg_ros.files import remove_leftovers, write_bytes
from refseg_ros.progress import Progress
from refseg_ros.search import fleet
from refseg_ros.search.answers import Task
from refseg_ros.search.page import BestFrames, write_page
from refseg_ros.search.parts import FOLDER, Searched, done, part_path, tables, write_rows
from refseg_ros.search.recordings import Recording
from refseg_ros.search.settings import SearchConfig, bind

ROWS, PAGE = "answers.parquet", "best.html"
"""Files of the folder of a search."""
_BAR = 10


@dataclass
class Outcome:
    """What became of a search."""

    searched: dict[Recording, Searched]
    """The bags that have answers, including those of an earlier run."""
    failed: list[str] = field(default_factory=list)
    """A line with name and reason for each other bag."""
    rows: int = 0
    """Number of rows in the file."""
    verdicts: Counter[str] = field(default_factory=Counter)
    """Number of rows with each verdict."""

    @property
    def lost(self) -> list[str]:
        """A line for each unreadable file of a bag in which the other files were searched."""
        return [line for searched in self.searched.values() for line in searched.lost]


def run(
    recordings: Sequence[Recording], config: SearchConfig, model: str, folder: Path, *, workers: int, scheduler: str
) -> Outcome:
    """Search bags, and write the answers into a folder.

    Args:
        recordings: the bags, in the order of the rows.
        config: what to look for.
        model: as of `Task`.
        folder: is made, or holds the parts of a search that was stopped.
        workers: processes on this machine, at most.
        scheduler: address of a Dask scheduler to use instead; empty: none.

    Raises:
        ValueError: the folder is another search's, or no bag can be read.
        BundleError: a worker lacks the model.
        OSError: the folder cannot be written to, or the scheduler is gone.
    """
    for place in (folder, folder / FOLDER):
        remove_leftovers(place)
    bind(folder, config, begun=any((folder / FOLDER).glob("*")))
    (folder / FOLDER).mkdir(exist_ok=True)
    outcome = Outcome(done(folder, recordings))
    left = [recording for recording in recordings if recording not in outcome.searched]
    # The largest first, so that the last one does not take long.
    tasks = [Task(recording, config, model) for recording in sorted(left, key=lambda one: one.size, reverse=True)]
    if tasks:
        with fleet.remote(scheduler) if scheduler else fleet.local(min(workers, len(tasks))) as client:
            _search_all(client, tasks, folder, outcome)
    if not outcome.searched:
        raise ValueError(min(outcome.failed))
    _write(folder, config, recordings, outcome)
    return outcome


def _search_all(client: Client, tasks: Sequence[Task], folder: Path, outcome: Outcome) -> None:
    """Keep each part as it comes."""
    bar = _Bar(outcome, [task.recording.size for task in tasks])
    try:
        for task, part in fleet.search(client, tasks, bar.tell):
            frames = 0
            if isinstance(part, bytes):
                path = part_path(folder, task.recording)
                write_bytes(path, part)
                outcome.searched[task.recording] = searched = Searched.read(path)
                frames = searched.frames
            else:
                outcome.failed.append(part)
            bar.add(task.recording.size, frames)
    finally:
        bar.end()


def _write(folder: Path, config: SearchConfig, recordings: Sequence[Recording], outcome: Outcome) -> None:
    best = BestFrames()

    def looked_at() -> Iterator[pa.Table]:
        for table in tables(folder, [recording for recording in recordings if recording in outcome.searched]):
            best.add(table)
            outcome.verdicts.update(table["verdict"].to_pylist())
            yield table

    outcome.rows = write_rows(folder / ROWS, looked_at())
    write_page(folder / PAGE, config.expressions, best.rows)


class _Bar:
    """The progress of a search, by the bytes of the bags, because their numbers of frames are unknown."""

    def __init__(self, outcome: Outcome, sizes: Sequence[int]) -> None:
        self._outcome = outcome
        self._size, self._bags = max(sum(sizes), 1), len(outcome.searched) + len(sizes)
        self._progress = Progress()
        self._read = self._frames = 0
        self._last = 0.0  # when the last bag was done, in seconds
        self._reading = ""

    def add(self, size: int, frames: int) -> None:
        """Add a bag of so many bytes and so many answered frames."""
        self._read, self._frames, self._last = self._read + size, self._frames + frames, self._progress.seconds
        self._show()

    def tell(self, reading: int) -> None:
        """Show it while so many bags are being read."""
        self._reading = f", {reading} being read" if reading else ", no worker is there: waiting for one"
        self._show()

    def _show(self) -> None:
        share, seconds = self._read / self._size, self._progress.seconds
        bar = ("#" * round(_BAR * share)).ljust(_BAR, ".")
        bags = len(self._outcome.searched) + len(self._outcome.failed)
        unread = f" ({len(self._outcome.failed)} not read)" if self._outcome.failed else ""
        pace = f"  {self._frames} frames  {self._frames / self._last:.1f}/s" if self._frames else ""
        left = self._last / share - seconds if share else 0.0
        clock = f"{_clock(left)} left" if left > 0.0 else f"{_clock(seconds)} so far"
        self._progress.show(f"[{bar}] {bags} of {self._bags} bags{unread}{self._reading}{pace}  {clock}")

    def end(self) -> None:
        """Take it away."""
        self._progress.end()


def _clock(seconds: float) -> timedelta:
    return timedelta(seconds=round(seconds))
