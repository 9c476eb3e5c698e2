"""The faults of the soak: each is thrown in, and undone."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from lifecycle_msgs.msg import Transition
from rclpy.parameter import Parameter

from refseg_ros.demo.processes import NodeProcess
from refseg_ros.srv import SegmentImage
from tests.property import inputs
from tests.property.malformed import LIVE
from tests.ros.bench import Bench
from tests.ros.manager import Manager
from tests.soak.helpers import HEIGHT, WIDTH, Helper, Sent
from tests.soak.schedule import Fault
from tests.soak.watch import QUERY, Watch

USUAL = LIVE | {"max_frame_age": 1.0, "query": QUERY}
"""The live parameters between the faults."""
LARGEST = WIDTH * HEIGHT
"""Bytes of most malformed images: larger ones would widen the buffers of the middleware for good, which is no leak."""
LONGEST = 10_000
"""Bytes of most texts of malformed parameters, for the same reason: of their requests as many buffers stay as ever
waited, each as wide as the largest."""


class Faults:
    """Throws faults in; a context manager that ends the processes around the node.

    Attributes:
        sent: what the camera sent.
        counts: how often each kind was thrown in.
    """

    def __init__(self, bench: Bench, node: NodeProcess, path: Path, rate: float) -> None:
        """`path` is that of the file of what was sent, `rate` that of the camera in Hz."""
        self._bench, self._node, self._path, self._rate = bench, node, path, rate
        self.sent = Sent(path)
        self.counts: Counter[str] = Counter()
        self._helpers: list[Helper] = []
        self._segment = bench.node.create_client(SegmentImage, "/refseg/segment/segment_image")
        self._kinds: dict[str, Callable[[Fault, Watch, np.random.Generator], None]] = {
            "camera stalls": self._stall,
            "camera is killed and comes back": self._kill,
            "clock of the camera jumps": self._jump,
            "malformed images": self._malformed_images,
            "flood of queries": self._flood,
            "hostile queries": self._hostile_queries,
            "parameters changed": self._change_parameters,
            "malformed parameters": self._malformed_parameters,
            "deactivated and activated": self._deactivate,
            "cleaned up and configured": self._clean_up,
            "malformed calls": self._malformed_calls,
            "subscriber stalls": self._stall_a_subscriber,
        }

    def __enter__(self) -> Faults:
        """Start the camera."""
        self._camera = self._start("camera", str(self._path), str(self._rate))
        return self

    def __exit__(self, *_: object) -> None:
        """End all processes."""
        for helper in self._helpers:
            helper.kill()

    def settle(self, watch: Watch) -> None:
        """Wait until all find each other, and the first frame is answered."""
        self._manager = Manager(self._bench)
        self._bench.until(self._bench.parameters.services_are_ready, "the parameters")
        self._bench.until(self._segment.service_is_ready, "the service")
        self._restore(watch, "start")

    def throw(self, fault: Fault, watch: Watch) -> None:
        """Wait for the pause before a fault, throw it in, undo it, and wait for the next good answer.

        Raises:
            Violation: the node ended, or answers no more.
        """
        watch.listen(fault.pause)
        self.counts[fault.kind] += 1
        self._kinds[fault.kind](fault, watch, np.random.default_rng(fault.seed))
        self._restore(watch, fault.kind)

    def _start(self, *arguments: str) -> Helper:
        helper = Helper(*arguments)
        self._helpers.append(helper)
        return helper

    def _restore(self, watch: Watch, after: str) -> None:
        wanted = [Parameter(name, value=value) for name, value in USUAL.items()]
        for result in self._bench.request(lambda: self._bench.parameters.set_parameters(wanted)).results:
            watch.hold(result.successful, f"after {after!r} a good parameter is refused: {result.reason}")
        self._bench.ask(QUERY)
        watch.until_answered(after)

    def _stall(self, fault: Fault, watch: Watch, random: np.random.Generator) -> None:
        self._camera.process.send_signal(signal.SIGSTOP)
        watch.listen(fault.seconds)
        self._camera.process.send_signal(signal.SIGCONT)

    def _kill(self, fault: Fault, watch: Watch, random: np.random.Generator) -> None:
        self._camera.kill()
        self._helpers.remove(self._camera)
        watch.listen(fault.seconds)
        self._camera = self._start("camera", str(self._path), str(self._rate))

    def _jump(self, fault: Fault, watch: Watch, random: np.random.Generator) -> None:
        for offset in random.choice([-1e9, -3600.0, -3.0, 3.0, 3600.0, -2e9], 3):
            self._camera.tell(str(offset))
            watch.listen(fault.seconds / 3)
        self._camera.tell("0")

    def _malformed_images(self, fault: Fault, watch: Watch, random: np.random.Generator) -> None:
        for _ in range(50):
            self._bench.images.publish(inputs.cut(random, inputs.image(random, 10.0, largest=LARGEST).raw()))
            watch.listen(0.02)

    def _flood(self, fault: Fault, watch: Watch, random: np.random.Generator) -> None:
        for number in range(2000):
            self._bench.ask(f"red {number}")
        watch.listen(0.5)

    def _hostile_queries(self, fault: Fault, watch: Watch, random: np.random.Generator) -> None:
        for _ in range(50):
            self._bench.queries.publish(inputs.cut(random, inputs.query(random).raw()))
            watch.listen(0.02)

    def _change_parameters(self, fault: Fault, watch: Watch, random: np.random.Generator) -> None:
        changes = {"max_rate": 5.0, "threshold": 0.9, "stable_frames": 2, "query": "green; red", "max_frame_age": 0.01}
        for name in random.permutation(list(changes)):
            self._bench.set(str(name), changes[str(name)])
            watch.listen(fault.seconds / len(changes))

    def _malformed_parameters(self, fault: Fault, watch: Watch, random: np.random.Generator) -> None:
        for _ in range(50):
            self._bench.parameters.set_parameters([inputs.parameter(random, LONGEST)])
            watch.listen(0.02)

    def _deactivate(self, fault: Fault, watch: Watch, random: np.random.Generator) -> None:
        self._change(watch, Transition.TRANSITION_DEACTIVATE)
        watch.listen(fault.seconds / 2)
        self._change(watch, Transition.TRANSITION_ACTIVATE)

    def _clean_up(self, fault: Fault, watch: Watch, random: np.random.Generator) -> None:
        self._change(watch, Transition.TRANSITION_DEACTIVATE)
        self._change(watch, Transition.TRANSITION_CLEANUP)
        watch.listen(fault.seconds / 2)
        self._change(watch, Transition.TRANSITION_CONFIGURE)
        self._change(watch, Transition.TRANSITION_ACTIVATE)

    def _change(self, watch: Watch, transition: int) -> None:
        watch.hold(self._manager.change(transition), f"transition {transition} succeeds")

    def _malformed_calls(self, fault: Fault, watch: Watch, random: np.random.Generator) -> None:
        for _ in range(20):
            query = inputs.text(random).decode("utf-8", "replace")
            request = SegmentImage.Request(image=inputs.image(random, 10.0, largest=LARGEST).clean(), query=query)
            response = self._bench.request(partial(self._segment.call_async, request))
            watch.hold(response.success == bool(response.answers), "an answer comes exactly where there is success")

    def _stall_a_subscriber(self, fault: Fault, watch: Watch, random: np.random.Generator) -> None:
        subscriber = self._start("subscriber")
        watch.listen(4.0)  # until it is found
        subscriber.process.send_signal(signal.SIGSTOP)
        watch.listen(fault.seconds)
        watch.until_answered("subscriber stalls")
        self._helpers.remove(subscriber)
        subscriber.kill()
