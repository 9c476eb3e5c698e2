"""Malformed images, texts, calibrations and parameters for the real node, over DDS: none ends it, none hangs it.

    python -m tests.property.malformed --count 100000 --seed 1

The inputs come in rounds, each drawn from the seed and its number. After a round every parameter has to be as it
should be, and a good image has to get the right answer. Each image of the round is followed by a call of
~/segment_image, whose response says that the node has done with what came before it. For any fault the exit code is 1,
and what went wrong is printed with the command that gives the same round again.
"""

from __future__ import annotations

import argparse
import array
import dataclasses
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import ParameterType
from rclpy.parameter import Parameter, parameter_value_to_python
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from refseg_ros.command import program
from refseg_ros.demo.processes import NodeProcess, stay_on_this_machine
from refseg_ros.images.messages import to_array
from refseg_ros.msg import Segmentation
from refseg_ros.ros.node_config import SegmentNodeConfig
from refseg_ros.srv import SegmentImage
from tests.bundles import write_bundle
from tests.property import inputs
from tests.ros.bench import Bench, picture
from tests.ros.vitals import Violation, check_log, vitals_of

Value = TypeVar("Value")
PATIENCE = 120.0
"""Seconds after which the node is said to hang; far beyond what anything takes it, also on a busy machine."""
STEPS = 20
"""Steps of a round; each sends about a dozen inputs, the calls among them at once."""
CALLS, PARAMETERS = 3, 4
"""Calls of ~/segment_image in a step, and parameters that are set in it."""
NO_TYPE = 77
"""No type of a parameter."""
LIVE: dict[str, object] = {
    field.name: field.default for field in dataclasses.fields(SegmentNodeConfig) if not field.metadata["read_only"]
} | {"max_frame_age": 0.0, "use_sim_time": False}
"""Parameters that a round may have changed, with what they are set to after it."""


class Attacker:
    """Draws inputs, sends them, and looks after each round whether the node is as it was.

    Attributes:
        counts: inputs that were sent, by kind.
        told: what the node's diagnostics say of its camera.
    """

    def __init__(self, bench: Bench, node: NodeProcess, seed: int) -> None:
        """`node` runs with depth, `max_frame_age` 0 and the model of tests/bundles.py."""
        self._bench, self._node, self._seed = bench, node, seed
        self.counts: Counter[str] = Counter()
        self.told: dict[str, str] = {}
        qos = QoSProfile(depth=10)
        create = bench.node.create_publisher
        self._compressed = create(CompressedImage, "/camera/image_raw/compressed", qos)
        self._depths = create(Image, "/camera/depth/image_raw", qos)
        self._calibrations = create(CameraInfo, "/camera/camera_info", qos)
        self._segment = bench.node.create_client(SegmentImage, "/refseg/segment/segment_image")
        bench.node.create_subscription(DiagnosticArray, "/diagnostics", self._read, 10)
        self._until(lambda: self._segment.service_is_ready() and bench.parameters.services_are_ready(), "the node")
        self._restore("raw")
        self._usual = self._parameters()

    @property
    def total(self) -> int:
        """Inputs that were sent."""
        return sum(self.counts.values())

    def round(self, number: int) -> None:
        """Send a round of inputs, and look.

        Raises:
            Violation: the node ended, hangs, or is not as it was.
        """
        random = np.random.default_rng([self._seed, number])
        transport = "compressed" if number % 4 == 3 else "raw"
        self._restore(transport)
        images = self._compressed if transport == "compressed" else self._bench.images
        self._until(images.get_subscription_count, "the subscription of the images")
        for _ in range(STEPS):
            self._step(random, transport)
        self._restore(transport)
        self._look(random, transport)

    def _step(self, random: np.random.Generator, transport: str) -> None:
        bench, moment = self._bench, self._bench.clock
        bench.clock += 1 / 30
        self._count("texts")
        bench.queries.publish(inputs.cut(random, inputs.query(random).raw()))
        self._count("depth images")
        self._depths.publish(inputs.cut(random, inputs.depth(random, moment).raw()))
        self._count("calibrations")
        self._calibrations.publish(inputs.cut(random, inputs.calibration(random, moment).raw()))
        if transport == "compressed":
            self._count("compressed images")
            self._compressed.publish(inputs.cut(random, inputs.compressed(random, moment).raw()))
        elif random.random() < 0.2:  # a good one, for depth to be looked at
            bench.show(picture())
        else:
            self._count("images")
            bench.images.publish(inputs.cut(random, inputs.image(random, moment).raw()))
        responses = [self._set(random), *(self._ask(random, moment) for _ in range(CALLS))]
        for wait in responses:
            wait()

    def _count(self, kind: str, many: int = 1) -> None:
        self.counts[kind] += many

    def _set(self, random: np.random.Generator) -> Callable[[], None]:
        """Set a few parameters; gives what waits for the response and looks at it."""
        wanted = [inputs.parameter(random) for _ in range(PARAMETERS)]
        if any(one.value.type > ParameterType.PARAMETER_STRING_ARRAY for one in wanted):
            del wanted[1:]
            wanted[0].value.type = NO_TYPE
        self._count("parameters", len(wanted))
        response = self._bench.parameters.set_parameters(wanted)

        def wait() -> None:
            if wanted[0].value.type == NO_TYPE:  # rclpy itself stumbles over it, and answers nothing
                return
            for result in self._wait(response, "parameters").results:
                if not result.successful:
                    self._expect(_is_line(result.reason), f"a parameter is refused for {result.reason[:500]!r}")

        return wait

    def _ask(self, random: np.random.Generator, moment: float) -> Callable[[], None]:
        """Call ~/segment_image; gives what waits for the response and looks at it."""
        image, query = inputs.image(random, moment).clean(), inputs.text(random).decode("utf-8", "replace")
        self._count("images of the service")
        self._count("texts of the service")
        called = self._segment.call_async(SegmentImage.Request(image=image, query=query))

        def wait() -> None:
            response = self._wait(called, "~/segment_image")
            self._expect(response.success == bool(response.answers), "an answer comes exactly where there is success")
            self._expect(
                response.success or _is_line(response.message), f"it is refused for {response.message[:500]!r}"
            )
            self._expect("wait already" not in response.message, "no call is turned away")
            for answer in response.answers:
                self._expect(answer.header == image.header, "an answer has the header of its image")
                size = (answer.mask.height, answer.mask.width)
                self._expect(size == (image.height, image.width), "a mask has the size of its image")

        return wait

    def _restore(self, transport: str) -> None:
        wanted = [Parameter(name, value=value) for name, value in (LIVE | {"image_transport": transport}).items()]
        for result in self._wait(self._bench.parameters.set_parameters(wanted), "parameters").results:
            self._expect(result.successful, f"a good parameter is refused: {result.reason}")

    def _parameters(self) -> dict[str, object]:
        values = self._wait(self._bench.parameters.get_parameters(inputs.DECLARED), "parameters").values
        return {name: parameter_value_to_python(value) for name, value in zip(inputs.DECLARED, values, strict=True)}

    def _look(self, random: np.random.Generator, transport: str) -> None:
        """See that the parameters are as they were, and that a good image gets the right answer."""
        bench, now = self._bench, self._parameters()
        changed = {name: value for name, value in now.items() if self._usual[name] != value} | {
            "image_transport": transport
        }
        self._expect(changed == {"image_transport": transport}, f"parameters changed that cannot: {changed}")
        image = np.roll(picture(), (int(random.integers(0, 90)), int(random.integers(0, 120))), (0, 1))
        bench.results.clear()
        headers = []

        def answer() -> Segmentation | None:
            if transport == "compressed":
                headers.append(bench.header())
                message = CompressedImage(header=headers[-1], format="png")
                message.data = array.array("B", cv2.imencode(".png", image[..., ::-1])[1].tobytes())
                self._compressed.publish(message)
            else:
                headers.append(bench.show(image))
            bench.ask("red")
            bench.listen(0.05)
            return next((one for one in bench.results if one.query == "red" and one.header in headers), None)

        found = self._until(answer, "the answer to a good image")
        truth = (image[..., 0] > 200).astype(np.uint8) * 255
        wrong = np.count_nonzero(to_array(found.mask) != truth) / np.count_nonzero(truth)
        self._expect(found.verdict == Segmentation.FOUND and wrong < 0.25, f"a good image is answered wrongly: {wrong}")

    def _wait(self, future, what: str):  # noqa: ANN001, ANN202
        self._until(future.done, f"the response of {what}")
        return future.result()

    def _until(self, look: Callable[[], Value | None], what: str) -> Value:
        def looked() -> Value | None:
            self._expect(self._node.process.poll() is None, f"the node ended with {self._node.process.poll()}")
            return look()

        try:
            return self._bench.until(looked, what, PATIENCE)
        except AssertionError as error:
            raise Violation(f"{error} within {PATIENCE:g} s\n{self._node.tail(20)}") from error

    def _expect(self, holds: bool, what: str) -> None:
        if not holds:
            raise Violation(f"{what}\n{self._node.tail(20)}")

    def _read(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name.endswith("camera"):
                self.told = {pair.key: pair.value for pair in status.values}


def _is_line(text: str) -> bool:
    """Whether a reason is one line that a person can read."""
    return 0 < len(text) < 1000 and text.isprintable()


def run(folder: Path, count: int, seed: int, first: int = 0, tell: Callable[[str], object] = print) -> Attacker:
    """Send at least so many inputs to a node of its own, which keeps its log in a folder.

    Raises:
        Violation: something that never should be; its text ends with the command that does the same again.
    """
    stay_on_this_machine()
    model = write_bundle(folder / "bundle")
    parameters = {
        **{"model": str(model), "threads": 1, "max_frame_age": 0.0},
        **{"depth_topic": "/camera/depth/image_raw", "camera_info_topic": "/camera/camera_info"},
    }
    with Bench() as bench, NodeProcess("segment_node", parameters, folder / "segment_node.log") as node:
        number, began, told_at = first, time.monotonic(), time.monotonic()
        try:
            attacker = Attacker(bench, node, seed)
            while attacker.total < count:
                attacker.round(number)
                number += 1
                if number == first + 1:
                    early = vitals_of(node).megabytes
                if time.monotonic() - told_at > 30:
                    told_at = time.monotonic()
                    tell(f"{attacker.total} inputs, {told_at - began:.0f} s, {vitals_of(node).megabytes:.0f} MB")
            check_log(node)
            late = vitals_of(node).megabytes
            if (code := node.stop(signal.SIGTERM)) != 0:
                raise Violation(f"SIGTERM ended the node with {code}\n{node.tail(20)}")
        except Violation as error:
            again = f"python -m tests.property.malformed --seed {seed} --first {number}"
            raise Violation(f"{error}\nagain: {again}") from error
    tell(f"{attacker.total} inputs of seed {seed} in {time.monotonic() - began:.0f} s, in {number - first} rounds:")
    for kind, many in sorted(attacker.counts.items()):
        tell(f"    {many:7d} {kind}")
    fates = ("received", "answered", "superseded", "stale", "refused", "failed", "passed")
    tell("the node's own account of its camera: " + ", ".join(f"{attacker.told.get(name)} {name}" for name in fates))
    tell(f"its own memory: {early:.0f} MB after the first round, {late:.0f} MB after the last")
    for line in node.log.read_text().splitlines():
        if "image lost" in line:
            tell(f"it lost an image: {line}")
    return attacker


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(prog=program(), description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000, help="inputs to send, at least (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="what they are drawn from (%(default)s)")
    parser.add_argument("--first", type=int, default=0, help="number of the first round (%(default)s)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        try:
            run(Path(folder), options.count, options.seed, options.first, lambda line: print(line, flush=True))
        except Violation as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
