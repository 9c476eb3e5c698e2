"""The node `speech`: what is said to a microphone, or in a WAV file, as queries of the node `segment`. Offline."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.qos import QoSProfile
from std_msgs.msg import String

from refseg_ros.engines.bundle import SHIPPED, Bundle
from refseg_ros.errors import BundleError
from refseg_ros.faults import FaultLog
from refseg_ros.parameters import ParameterError, Parameters, refuse_other_arguments
from refseg_ros.speech.config import MICROPHONE, SpeechConfig
from refseg_ros.speech.sentences import nouns
from refseg_ros.turning import turn

try:
    from refseg_ros.speech.attention import Attention, Ignored
    from refseg_ros.speech.recogniser import Recogniser
    from refseg_ros.speech.sound import Samples, SoundError, microphone, play, read_wav, utterances
except ModuleNotFoundError as error:
    if error.name != "pocketsphinx":
        raise
    sys.exit("error: spoken queries need pocketsphinx: pip install pocketsphinx")

LISTENER_WAIT = 10.0
"""Seconds that a WAV file is held back until someone listens to the queries."""


class SpeechNode(Node):
    """Listens, and publishes what is asked for.

    Publishers:
        query (std_msgs/String, relative, in namespace /refseg by default): the expression, without the words around it.

    Parameters: those of `SpeechConfig`.

    Raises:
        ParameterError: a parameter at the start is not usable.
        BundleError: the model bundle is missing or broken.
        SoundError: the WAV file is none.
    """

    def __init__(self) -> None:
        super().__init__("speech", namespace="/refseg")
        self._settings: Parameters[SpeechConfig] = Parameters(self, SpeechConfig, lambda config, names: None)
        config = self._settings.config
        self._query = self.create_publisher(String, "query", QoSProfile(depth=10))
        self._file = None if config.source == MICROPHONE else read_wav(Path(config.source).expanduser())
        bundle = Bundle.load(config.model or SHIPPED)
        words = bundle.vocabulary().words[2:]
        own = Path(config.pronunciations).expanduser() if config.pronunciations else None
        try:
            self._recogniser = Recogniser(words, config.wake_word, own)
        except (ValueError, OSError) as error:
            raise ParameterError(str(error)) from error
        self._attention = Attention(config.wake_word, nouns(words))
        if self._recogniser.unpronounceable:
            missing = ", ".join(map(ascii, self._recogniser.unpronounceable))
            self.get_logger().warning(f"these words cannot be heard, add them to `pronunciations`: {missing}")
        called = f"after {ascii(config.wake_word)}" if config.wake_word else "without a wake word"
        self.get_logger().info(f"listens to {ascii(config.source)}, {called}, for {self._query.topic_name}")

    def listen(self) -> None:
        """Publish queries until the sound ends or the context is shut down.

        Raises:
            SoundError: the microphone cannot be heard.
        """
        for utterance in utterances(self._chunks()):
            heard = self._recogniser.hear(utterance)
            config = self._settings.config
            found = self._attention.query_in(heard, time.monotonic(), config.minimum_confidence, config.wake_seconds)
            said = f"heard {ascii(heard.text)} ({heard.confidence:.2f})"
            if isinstance(found, Ignored):
                self.get_logger().info(f"{said}: {found.value}")
            else:
                self.get_logger().info(f"{said}: query {ascii(found)}")
                self._query.publish(String(data=found))

    def _chunks(self) -> Iterator[Samples]:
        if self._file is not None:
            until = time.monotonic() + LISTENER_WAIT
            while self._query.get_subscription_count() == 0 and time.monotonic() < until and self._is_up():
                time.sleep(0.05)
        for chunk in microphone(self._settings.config.device) if self._file is None else play(self._file):
            if not self._is_up():
                return
            yield chunk

    def _is_up(self) -> bool:
        return rclpy.ok(context=self.context)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node until SIGINT, SIGTERM or the end of the WAV file (exit code 0); exit code 1 when it cannot run."""
    rclpy.init(args=None if arguments is None else list(arguments))
    try:
        refuse_other_arguments(arguments)
        return _run(SpeechNode())
    except (KeyboardInterrupt, ExternalShutdownException):
        return 0
    except (ParameterError, BundleError, SoundError) as error:
        get_logger("speech").fatal(str(error))
        return 1
    finally:
        rclpy.try_shutdown()


def _run(node: SpeechNode) -> int:
    """Listen in a thread of its own, and answer for the parameters in this one."""
    failures: list[SoundError] = []
    faults = FaultLog(node.get_logger().error)

    def listen() -> None:
        try:
            node.listen()
        except SoundError as error:
            failures.append(error)

    listener = threading.Thread(target=listen, name="speech", daemon=True)
    listener.start()
    while listener.is_alive() and rclpy.ok():
        turn(partial(rclpy.spin_once, node, timeout_sec=0.1), faults.note)
    if failures:
        raise failures[0]
    return 0


if __name__ == "__main__":
    sys.exit(main())
