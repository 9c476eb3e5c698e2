"""The action `locate`: located, timed out, canceled, rejected, stopped, not understood."""

from __future__ import annotations

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")

from action_msgs.msg import GoalStatus
from lifecycle_msgs.msg import Transition
from rclpy.action import ActionClient
from sensor_msgs.msg import Image

from refseg_ros.action import Locate
from refseg_ros.msg import Segmentation
from tests.ros.bench import GREY, picture
from tests.ros.manager import Manager
from tests.ros.signals import ended_by


class Seeker:
    """A client of the action."""

    def __init__(self, bench) -> None:
        self._bench = bench
        self._client = ActionClient(bench.node, Locate, "/refseg/locate")
        self.feedback: list[Segmentation] = []
        bench.until(self._client.server_is_ready, "the action")

    def send(self, **goal):
        """The handle of a goal."""
        sent = self._client.send_goal_async(
            Locate.Goal(**goal), feedback_callback=lambda message: self.feedback.append(message.feedback.answer)
        )
        return self._bench.call(sent)

    def outcome(self, handle, image=None) -> tuple[int, Locate.Result]:
        """Status and result of a goal, while an image is shown."""
        result = handle.get_result_async()
        if image is None:
            self._bench.call(result)
        else:
            self._bench.show_until(image, result.done, "the result")
        return result.result().status, result.result().result


@pytest.fixture
def seeker(start, bundle_folder, bench) -> Seeker:
    start("segment_node", model=str(bundle_folder), threads=1, stable_frames=3)
    bench.wait_for_node()
    return Seeker(bench)


def test_a_thing_is_located_once_it_is_stable(seeker, bench) -> None:
    handle = seeker.send(query="the red mug", stable_frames=6)
    assert handle.accepted
    status, result = seeker.outcome(handle, picture())
    assert (status, result.outcome) == (GoalStatus.STATUS_SUCCEEDED, Locate.Result.LOCATED)
    assert result.answer.verdict == Segmentation.FOUND
    assert (result.answer.stable_frames, result.answer.query) == (6, "the red mug")
    assert "6 images" in result.message
    assert abs(result.answer.box.x - 96) < 8 and result.answer.mask == Image()
    bench.until(lambda: seeker.feedback and seeker.feedback[-1] == result.answer, "the feedback")
    assert [answer.stable_frames for answer in seeker.feedback] == sorted(a.stable_frames for a in seeker.feedback)
    assert not bench.results, "the client alone hears of it"
    status, result = seeker.outcome(seeker.send(query="the red mug"), picture())
    assert result.answer.stable_frames == 3, "as the parameter says"


def test_the_result_carries_the_mask_where_the_goal_wants_it_and_feedback_never(seeker) -> None:
    _, result = seeker.outcome(seeker.send(query="the red mug", with_mask=True), picture())
    mask = result.answer.mask
    assert (mask.width, mask.height) == (320, 240) and any(mask.data)
    assert seeker.feedback and all(answer.mask == Image() for answer in seeker.feedback)


def test_what_is_asked_on_the_topic_is_answered_beside_it(seeker, bench) -> None:
    bench.ask("green; red")
    bench.answer(picture(), "red")
    first, second = seeker.send(query="the mug"), seeker.send(query="red")
    status, _ = seeker.outcome(second, picture())
    assert status == GoalStatus.STATUS_SUCCEEDED
    known = len(bench.results)
    bench.show_until(picture(), lambda: len(bench.results) > known + 4, "answers on the topic")
    assert {result.query for result in bench.results} == {"green", "red"}
    bench.call(first.cancel_goal_async())


def test_a_goal_is_canceled_also_without_a_camera(seeker, bench) -> None:
    handle = seeker.send(query="red")
    assert len(bench.call(handle.cancel_goal_async()).goals_canceling) == 1
    status, result = seeker.outcome(handle)
    assert (status, result.outcome) == (GoalStatus.STATUS_CANCELED, Locate.Result.CANCELED)
    assert result.answer.query_id == 0


def test_a_goal_times_out_with_the_last_answer(seeker, bench) -> None:
    handle = seeker.send(query="red", timeout=3.0)
    status, result = seeker.outcome(handle, picture(GREY))
    assert (status, result.outcome) == (GoalStatus.STATUS_ABORTED, Locate.Result.TIMED_OUT)
    assert result.message == "not stable within 3 s; the last answer was: not found"
    assert result.answer.verdict == Segmentation.NOT_FOUND


def test_a_goal_that_times_out_without_an_image_says_so(seeker) -> None:
    _, result = seeker.outcome(seeker.send(query="red", timeout=0.5))
    assert result.message == "not stable within 0.5 s; no image was answered"


def test_a_goal_that_the_model_does_not_understand_ends_with_the_first_image(seeker) -> None:
    """Without a time limit it would never end."""
    status, result = seeker.outcome(seeker.send(query="the frobnicator"), picture())
    assert (status, result.outcome) == (GoalStatus.STATUS_ABORTED, Locate.Result.NOT_UNDERSTOOD)
    assert result.message == "not understood; words that the model does not know: frobnicator"
    assert result.answer.verdict == Segmentation.NOT_UNDERSTOOD


def test_a_goal_ends_when_the_node_is_deactivated_and_none_is_taken_then(seeker, bench) -> None:
    handle = seeker.send(query="red")
    manager = Manager(bench)
    assert manager.change(Transition.TRANSITION_DEACTIVATE)
    status, result = seeker.outcome(handle)
    assert (status, result.outcome) == (GoalStatus.STATUS_ABORTED, Locate.Result.STOPPED)
    assert not seeker.send(query="red").accepted
    assert manager.change(Transition.TRANSITION_ACTIVATE)
    bench.wait_for_node()
    assert seeker.outcome(seeker.send(query="red"), picture())[0] == GoalStatus.STATUS_SUCCEEDED


def test_a_signal_ends_the_node_in_order_while_a_goal_is_under_way(start, bundle_folder, bench) -> None:
    node = start("segment_node", model=str(bundle_folder), threads=1)
    bench.wait_for_node()
    assert Seeker(bench).send(query="red").accepted
    assert ended_by(node) == 0
    assert "Traceback" not in node.log.read_text()


def test_goals_that_make_no_sense_or_are_too_many_at_a_time_are_rejected(seeker) -> None:
    for goal in (
        {"query": ""},
        {"query": "a;b"},
        {"query": "red", "camera": "front"},
        {"query": "red", "timeout": -1.0},
        {"query": "red", "stable_frames": 1001},
    ):
        assert not seeker.send(**goal).accepted, goal
    assert [seeker.send(query="red").accepted for _ in range(9)] == [True] * 8 + [False]
