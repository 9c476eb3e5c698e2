"""The node `speech` as a process, with a WAV file for a microphone."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed (the extra `speech`)")

from refseg_ros.speech.sound import RATE
from tests.speech.voice import needs_espeak, say, write_wav


@pytest.fixture
def queries(bench) -> list[str]:
    from std_msgs.msg import String

    heard: list[str] = []
    bench.node.create_subscription(String, "/refseg/query", lambda message: heard.append(message.data), 10)
    return heard


@needs_espeak
def test_what_is_called_for_is_published_and_the_rest_is_not(bench, queries, start, tmp_path):
    pause = np.zeros(RATE, np.int16)
    said = ("the blue bowl", "robot could you please find the red ball", "robot", "the leftmost object")
    sound = np.concatenate([pause, *(part for text in said for part in (say(text), pause))])
    node = start("speech_node", source=str(write_wav(tmp_path / "said.wav", sound)), model="tabletop")
    bench.until(lambda: len(queries) >= 2, "two queries", seconds=120.0)
    bench.until(lambda: node.process.poll() is not None, "the end of the node", seconds=60.0)
    assert queries == ["the red ball", "the leftmost object"]
    assert node.process.returncode == 0
    log = node.log.read_text()
    assert "the wake word was not said" in log and "waiting for a query" in log


@pytest.mark.parametrize(
    "parameters, reason",
    [
        ({"source": "/nowhere/said.wav"}, "/nowhere/said.wav: there is no such file"),
        ({"source": "", "wake_word": "robot"}, "source is empty"),
        ({"minimum_confidence": 2.0}, "minimum_confidence"),
        ({"model": "/nowhere"}, "/nowhere"),
        ({"wake_word": "xqzt"}, "the wake word 'xqzt' has no known pronunciation"),
    ],
)
def test_what_cannot_be_heard_is_refused_in_one_line(start, parameters, reason):
    node = start("speech_node", **parameters)
    assert node.process.wait(120) == 1
    log = node.log.read_text()
    assert reason in log and "Traceback" not in log


def test_a_microphone_that_is_not_there_is_named(start):
    node = start("speech_node", device="a microphone that nobody has")
    assert node.process.wait(180) == 1
    log = node.log.read_text()
    assert ("a microphone that nobody has" in log or "libportaudio2" in log) and "Traceback" not in log


def test_its_quality_of_service_can_be_overridden(bench, start, tmp_path):
    from rclpy.qos import ReliabilityPolicy

    silence, of_query = (
        write_wav(tmp_path / "silence.wav", np.zeros(60 * RATE, np.int16)),
        "qos_overrides./refseg/query",
    )
    overrides = {f"{of_query}.publisher.reliability": "best_effort", f"{of_query}.publishr.depth": 2}
    node = start("speech_node", source=str(silence), **overrides)
    (query,) = bench.until(
        lambda: [one for one in bench.node.get_publishers_info_by_topic("/refseg/query") if one.node_name == "speech"],
        "the node",
    )
    assert query.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    bench.until(lambda: "no topic takes" in node.log.read_text(), "the warning")
    assert f"did you mean {of_query}.publisher.depth?" in node.log.read_text()
