"""Watches the node while it is soaked: each answer against its frame, and what the node holds."""

from __future__ import annotations

import signal
import subprocess
import time
from collections import Counter
from collections.abc import Mapping

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from std_msgs.msg import Header

from refseg_ros.demo.processes import NodeProcess
from refseg_ros.images.messages import to_array
from refseg_ros.msg import BoundingBox, Segmentation
from tests.ros.bench import Bench
from tests.ros.vitals import Violation, Vitals, vitals_of
from tests.soak.helpers import HEIGHT, NAME, SIDE, WIDTH, Sent, corner
from tests.soak.schedule import KINDS

PATIENCE = 60.0
"""Seconds after which an answer is missing, also on a busy machine."""
QUERY = "red"
"""What is asked for between the faults."""
TOLERANCE = 16
"""Pixels that a side of a box may be off: the cells of the network are 13 pixels wide."""
GROWTH = Vitals(megabytes=5.0, threads=0, files=2)
"""What the last fifth of a soak may hold more than the middle one, by when the buffers of the middleware are as wide as
they get. Both count at the moment at which they held least: at others a frame is in the works, of processes that were
killed sockets remain, and what someone listened to keeps its buffers until the node is deactivated."""
LEAST_SAMPLES = 5 * len(KINDS)
"""Samples for fifths to be compared: each has then been through faults of every kind, the deactivation among them."""
FATES = ("received", "answered", "superseded", "stale", "refused", "failed", "passed")
VERDICTS = {1: "found", 2: "not found", 3: "uncertain", 4: "not understood", 5: "stale"}


class Watch:
    """Receives all that the node says.

    Attributes:
        violations: what went wrong, each in a text.
        newest: the frame of the newest good answer to QUERY.
        samples: what the node held after each fault.
    """

    def __init__(self, bench: Bench, node: NodeProcess, sent: Sent) -> None:
        """Begin to listen."""
        self._bench, self._node, self._sent = bench, node, sent
        self.violations: list[str] = []
        self.newest = 0
        self._answered: set[int] = set()
        self._counts: Counter[str] = Counter()
        self.samples: list[Vitals] = []
        self._statuses: dict[str, int] = {}
        self._totals: Counter[str] = Counter()
        bench.node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)

    def hold(self, holds: bool, what: str) -> None:
        """Note a violation unless something holds."""
        if not holds:
            self.violations.append(what)

    def listen(self, seconds: float) -> None:
        """Receive for so long, and look at all that comes.

        Raises:
            Violation: the node ended.
        """
        end = time.monotonic() + seconds
        while True:
            self._bench.listen(min(0.1, max(0.0, end - time.monotonic())))
            self._take()
            if (code := self._node.process.poll()) is not None:
                raise Violation(f"the node ended with exit code {code}; {self._node.tail(40)}")
            if time.monotonic() >= end:
                return

    def until_answered(self, after: str) -> None:
        """Wait for a good answer to a frame that is sent from now on.

        Raises:
            Violation: none comes.
        """
        now, end = self._sent.newest, time.monotonic() + PATIENCE
        while self.newest <= now:
            self.listen(0.1)
            if time.monotonic() > end:
                raise Violation(f"after {after!r} no answer came within {PATIENCE:g} s; {self._node.tail(40)}")

    def sample(self) -> None:
        """Note what the node holds."""
        self.samples.append(vitals_of(self._node))

    def end(self) -> None:
        """End the node, and see that it ends in order."""
        self._node.process.send_signal(signal.SIGINT)
        try:
            code: int | str = self._node.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            code = "none"
        self.hold(code == 0, f"SIGINT ended the node with exit code {code}")

    def judge(self) -> None:
        """Compare what the node held in the middle and at the end."""
        if len(self.samples) < LEAST_SAMPLES:
            return
        middle, late = self._held(2), self._held(4)
        for name in ("megabytes", "threads", "files"):
            before, after = getattr(middle, name), getattr(late, name)
            self.hold(after <= before + getattr(GROWTH, name), f"{name} grew from {before:.0f} to {after:.0f}")

    def report(self, seconds: float, seed: int, rate: float, faults: Mapping[str, int]) -> None:
        """Print what was done and what was seen."""
        frames = self._sent.newest
        print(f"soak of {seconds / 60:.1f} minutes, seed {seed}, a camera of {rate:g} Hz at {WIDTH}x{HEIGHT}")
        print(f"  {sum(faults.values())} faults: " + ", ".join(f"{many} x {kind}" for kind, many in faults.items()))
        print(f"  {frames} frames sent, {len(self._answered)} of them answered: {len(self._answered) / seconds:.1f}/s")
        print("  answers: " + ", ".join(f"{many} {name}" for name, many in sorted(self._counts.items())))
        self._totals.update(self._statuses)
        print("  the node's own account: " + ", ".join(f"{self._totals[fate]} {fate}" for fate in FATES))
        for name in ("megabytes", "threads", "files") if self.samples else ():
            values = [getattr(sample, name) for sample in self.samples]
            judged = "too few faults to be judged"
            if len(values) >= LEAST_SAMPLES:
                told = ", ".join(f"{getattr(self._held(fifth), name):.0f}" for fifth in range(5))
                judged = f"least in each fifth of the time: {told}"
            print(f"  {name}: {min(values):.0f} to {max(values):.0f}; {judged}")
        print(f"  {len(self.violations)} violations")
        for violation in self.violations[:20]:
            print(f"  violation: {violation}")

    def _held(self, fifth: int) -> Vitals:
        size = len(self.samples) / 5
        part = self.samples[int(fifth * size) : int((fifth + 1) * size)]
        return Vitals(*(min(getattr(one, name) for one in part) for name in ("megabytes", "threads", "files")))

    def _take(self) -> None:
        for result in self._bench.results:
            self._look(result)
        for message in (*self._bench.masks, *self._bench.boxes):
            self._number(message.header, type(message).__name__)
        for messages in (self._bench.results, self._bench.masks, self._bench.boxes):
            messages.clear()

    def _number(self, header: Header, what: str) -> int | None:
        """The number of the frame that a header belongs to; None where it is not of the camera."""
        if not header.frame_id.startswith(NAME):
            self._counts[f"{what} on malformed images that are images"] += 1
            return None
        number, stamp = int(header.frame_id[len(NAME) :]), header.stamp.sec * 10**9 + header.stamp.nanosec
        self.hold(
            0 < number <= self._sent.newest and stamp == self._sent.stamp(number),
            f"{what} has a header that no frame had: {header.frame_id} with the stamp {stamp}",
        )
        return number

    def _look(self, result: Segmentation) -> None:
        number = self._number(result.header, "result")
        if number is None:
            return
        self._answered.add(number)
        self._counts[VERDICTS[result.verdict]] += 1
        self.hold(
            (result.mask.height, result.mask.width) == (HEIGHT, WIDTH), f"the mask of frame {number} has its size"
        )
        self.hold(result.mask.header == result.header == result.box.header, f"frame {number} has one header")
        sees_nothing = result.verdict in (Segmentation.NOT_FOUND, Segmentation.NOT_UNDERSTOOD, Segmentation.STALE)
        mask = to_array(result.mask)
        if sees_nothing:
            self.hold(not mask.any() and not result.box.width, f"frame {number}: nothing found has an empty mask")
        elif result.query == QUERY:
            self._locate(number, mask, result.box)
            if result.verdict == Segmentation.FOUND:
                self.newest = max(self.newest, number)

    def _locate(self, number: int, mask: np.ndarray, box: BoundingBox) -> None:
        """Hold a mask and a box to the place of the red square, which is the frame's own."""
        x, y = corner(number)
        off = np.abs(np.array([box.x, box.y, box.x + box.width, box.y + box.height]) - (x, y, x + SIDE, y + SIDE))
        rows, columns = np.nonzero(mask)
        outside = (rows < y - TOLERANCE) | (rows >= y + SIDE + TOLERANCE)
        outside |= (columns < x - TOLERANCE) | (columns >= x + SIDE + TOLERANCE)
        right = off.max() <= TOLERANCE and len(rows) > SIDE * SIDE * 0.6 and not outside.any()
        place = (box.x, box.y, box.width, box.height)
        self.hold(bool(right), f"the answer under the header of frame {number} lies at {place}, its square at {(x, y)}")

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        """Add up the counters, which begin anew with each activation."""
        for status in message.status:
            if not status.name.endswith("camera"):
                continue
            told = {pair.key: int(pair.value) for pair in status.values if pair.key in FATES}
            if told.get("received", 0) < self._statuses.get("received", 0):
                self._totals.update(self._statuses)
            self._statuses = told
