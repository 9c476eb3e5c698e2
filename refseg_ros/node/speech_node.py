"""The node `speech`: turns speech from a microphone or a WAV file into queries of the node `segment`. Offline."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import rclpy
from rclpy.context import Context
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from std_msgs.msg import String

from refseg_ros.engines.bundle import DEFAULT, Bundle
from refseg_ros.files import expanded
from refseg_ros.ros.faults import FaultLog
from refseg_ros.ros.parameters import ParameterError, Parameters
from refseg_ros.ros.qos import OVERRIDABLE, warn_of_unused_overrides
from refseg_ros.ros.spinning import spin
from refseg_ros.speech.attention import Attention, Ignored
from refseg_ros.speech.config import MICROPHONE, SpeechConfig
from refseg_ros.speech.recogniser import Recogniser
from refseg_ros.speech.sentences import nouns
from refseg_ros.speech.sound import Samples, SoundError, microphone, play, read_ahead, read_wav, utterances

PATIENCE = 0.2
"""Seconds to wait for the last utterance when the node ends; if it takes longer, it is abandoned."""
LISTENER_WAIT = 10.0
"""Seconds that a WAV file is held back until someone listens to the queries."""


class SpeechNode(Node):
    """Listens, and publishes spoken queries.

    Publishers:
        query (std_msgs/String, relative, in namespace /refseg by default): the expression, without the words around it.

    Parameters: those of `SpeechConfig`, and the QoS of the topic (`qos_overrides`).

    Raises:
        ParameterError: a parameter at the start is not usable.
        BundleError: the model bundle is missing or broken.
        SoundError: the WAV file cannot be read.
    """

    def __init__(
        self,
        *,
        context: Context | None = None,
        namespace: str = "/refseg",
        parameter_overrides: list[Parameter] | None = None,
    ) -> None:
        """Load the recogniser; `start` listens, and `run` does so until the end.

        Args:
            context: of ROS; None for the default one.
            namespace: of the node and its topic, unless the command line has another.
            parameter_overrides: values of parameters; they win over those of the command line.
        """
        super().__init__("speech", context=context, namespace=namespace, parameter_overrides=parameter_overrides)
        self._settings: Parameters[SpeechConfig] = Parameters(self, SpeechConfig, lambda config, names: None)
        config = self._settings.config
        self._listener: threading.Thread | None = None
        self._is_deaf = self._is_closed = False
        self._query = self.create_publisher(String, "query", QoSProfile(depth=10), qos_overriding_options=OVERRIDABLE)
        warn_of_unused_overrides(self)
        self._file = None if config.source == MICROPHONE else read_wav(expanded(config.source))
        bundle = Bundle.load(config.model or DEFAULT)
        words = bundle.vocabulary().words[2:]
        own = expanded(config.pronunciations) if config.pronunciations else None
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

    def start(self) -> None:
        """Listen in a thread of its own, until the sound or the context ends."""
        self._listener = threading.Thread(target=self._listen, name="speech", daemon=True)
        self._listener.start()

    def run(self) -> bool:
        """Start, and spin until the sound or the context ends; False where it could not listen to the end."""
        faults = FaultLog(self.get_logger().error)
        self.start()
        assert self._listener is not None
        spin(self, faults.note, self._listener.is_alive)
        return not self._is_deaf

    def close(self) -> bool:
        """End the listening; False when it is still busy with the last utterance."""
        self._is_closed = True
        if self._listener is None or not self._listener.is_alive():
            return True  # also if a signal came while it was starting
        self._listener.join(PATIENCE)
        return not self._listener.is_alive()

    def listen(self) -> None:
        """Publish queries until the sound ends, the node is closed or the context is shut down.

        Raises:
            SoundError: the microphone cannot be heard.
        """
        for utterance in utterances(self._chunks()):
            heard = self._recogniser.hear(utterance.samples)
            config = self._settings.config
            found = self._attention.query_in(
                heard, utterance.begin, utterance.end, config.minimum_confidence, config.wake_seconds
            )
            said = f"heard {ascii(heard.text)} ({heard.confidence:.2f})"
            if isinstance(found, Ignored):
                self.get_logger().info(f"{said}: {found.value}")
            else:
                self.get_logger().info(f"{said}: query {ascii(found)}")
                self._query.publish(String(data=found))

    def _listen(self) -> None:
        try:
            self.listen()
        except SoundError as error:
            self._is_deaf = True
            self.get_logger().fatal(str(error))
        except Exception:  # rclpy raises many kinds if the context ends in the middle of a call
            if self._is_up():
                self._is_deaf = True
                raise

    def _chunks(self) -> Iterator[Samples]:
        if self._file is not None:
            until = time.monotonic() + LISTENER_WAIT
            while self._query.get_subscription_count() == 0 and time.monotonic() < until and self._is_up():
                time.sleep(0.05)
        heard = read_ahead(microphone(self._settings.config.device)) if self._file is None else play(self._file)
        with closing(heard):
            for chunk in heard:
                if not self._is_up():
                    return
                yield chunk

    def _is_up(self) -> bool:
        return not self._is_closed and rclpy.ok(context=self.context)
