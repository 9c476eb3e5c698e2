"""Which image and which expressions an answer is for, and that no image goes unaccounted for."""

from __future__ import annotations

import time

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")

from builtin_interfaces.msg import Time
from rosgraph_msgs.msg import Clock
from std_msgs.msg import Float32, Header

from refseg_ros.images.messages import to_array, to_message
from refseg_ros.msg import Segmentation
from tests.ros.bench import GREEN, GREY, RED, picture


def test_several_expressions_get_an_answer_each_on_the_same_image(start, bundle_folder, bench) -> None:
    start("segment_node", model=str(bundle_folder), threads=1)
    bench.listen_to_overlays()
    bench.wait_for_node()
    bench.ask("the red mug; green ; gibberish")
    bench.answer(picture(), "gibberish")
    bench.until(lambda: len(bench.overlays) and len(bench.results) % 3 == 0, "all answers")
    answers = bench.results[:3]
    assert [answer.query for answer in answers] == ["the red mug", "green", "gibberish"]
    assert [answer.query_id for answer in answers] == [1, 2, 3]
    verdicts = [Segmentation.FOUND, Segmentation.NOT_FOUND, Segmentation.NOT_UNDERSTOOD]
    assert [answer.verdict for answer in answers] == verdicts
    assert answers[0].header == answers[1].header == answers[2].header
    assert any(answers[0].mask.data) and not any(answers[1].mask.data)
    bench.until(lambda: len(bench.masks) >= 3 and len(bench.boxes) >= 3, "masks and boxes")
    assert [box.query_id for box in bench.boxes[:3]] == [1, 2, 3]
    assert [mask.data for mask in bench.masks[:3]] == [answer.mask.data for answer in answers]
    assert len({overlay.header.stamp.nanosec for overlay in bench.overlays}) == len(bench.overlays), "one for all three"
    bench.ask("green;" * 50)
    bench.show_until(picture(GREEN), lambda: bench.results[-1].query_id >= 3 + 8, "eight answers")
    bench.listen(0.3)
    assert max(result.query_id for result in bench.results) == 3 + 8, "the rest of fifty is left out"


def test_what_the_inference_took_is_told_to_who_listens(start, bundle_folder, bench) -> None:
    start("segment_node", model=str(bundle_folder), threads=1, query="red")
    told: list[float] = []
    bench.node.create_subscription(
        Float32, "/refseg/segment/inference_milliseconds", lambda message: told.append(message.data), 10
    )
    bench.wait_for_node()
    assert bench.show_until(picture(), lambda: told, "the time that it took")[0] > 0


def test_a_found_thing_becomes_stable_and_then_lost(start, bundle_folder, bench) -> None:
    start("segment_node", model=str(bundle_folder), threads=1, stable_frames=3, query="red")
    bench.wait_for_node()
    first = bench.answer(picture(), "red")
    assert not first.stable
    bench.show_until(picture(), lambda: bench.results[-1].stable, "a stable thing")
    assert bench.results[-1].stable_frames >= 3
    bench.show_until(picture(GREY), lambda: bench.results[-1].lost, "its loss")
    assert bench.results[-1].verdict == Segmentation.NOT_FOUND
    assert not bench.results[-1].stable


def test_the_threshold_is_live_and_0_is_the_models_own(start, bundle_folder, bench) -> None:
    start("segment_node", model=str(bundle_folder), threads=1, query="perhaps")
    bench.wait_for_node()
    for threshold, verdict in ((0.0, Segmentation.UNCERTAIN), (0.2, Segmentation.FOUND), (0.9, Segmentation.UNCERTAIN)):
        assert bench.set("threshold", threshold).successful
        result = bench.answer(picture(), "perhaps")
        assert result.verdict == verdict and any(result.mask.data), threshold
    refused = bench.set("threshold", 1.5)
    assert not refused.successful
    assert "threshold" in refused.reason
    assert bench.set("threshold", 0.0).successful
    assert bench.answer(picture(), "perhaps").verdict == Segmentation.UNCERTAIN


def test_an_image_that_is_too_old_is_called_stale_with_an_empty_mask(start, bundle_folder, bench) -> None:
    start("segment_node", model=str(bundle_folder), threads=1, query="red", max_frame_age=20.0)
    bench.wait_for_node()
    bench.clock = time.time() - 100
    result = bench.answer(picture(), "red")
    assert result.verdict == Segmentation.STALE
    assert 90 < result.frame_age < 200
    assert to_array(result.mask).shape == (240, 320) and not any(result.mask.data)
    assert result.box.width == 0 and result.score == 0 and not result.stable
    bench.clock = time.time()
    result = bench.answer(picture(), "red")
    assert result.verdict == Segmentation.FOUND
    assert 0 <= result.frame_age < 20

    def unstamped() -> list[Segmentation]:
        bench.images.publish(to_message(picture(), "rgb8", Header()))
        bench.listen(0.05)
        return [one for one in bench.results if one.header == Header()]

    assert bench.until(unstamped, "an answer")[0].verdict == Segmentation.FOUND, "without a stamp, too"
    bench.clock = time.time() + 1000
    assert bench.answer(picture(), "red").verdict == Segmentation.FOUND, "in the future: it counts from its arrival"
    bench.clock = time.time() - 100
    assert bench.answer(picture(), "red").verdict == Segmentation.STALE
    assert bench.set("max_frame_age", 0.0).successful
    assert bench.answer(picture(), "red").verdict == Segmentation.FOUND


def test_a_stale_image_says_nothing_of_what_was_found_in_a_row(start, bundle_folder, bench) -> None:
    start("segment_node", model=str(bundle_folder), threads=1, query="red", max_frame_age=20.0, stable_frames=3)
    bench.wait_for_node()
    bench.clock = time.time()
    bench.show_until(picture(), lambda: [one for one in bench.results if one.stable], "a stable thing")
    now, bench.clock = bench.clock, bench.clock - 100
    stale = bench.answer(picture(), "red")
    assert (stale.verdict, stale.stable_frames, stale.stable) == (Segmentation.STALE, 0, False)
    bench.clock = now
    found = bench.answer(picture(), "red")
    assert found.verdict == Segmentation.FOUND and found.stable and found.stable_frames > 3


def test_a_text_that_is_published_again_and_again_is_one_question(start, bundle_folder, bench) -> None:
    start("segment_node", model=str(bundle_folder), threads=1, stable_frames=5)
    bench.wait_for_node()

    def stable() -> bool:
        bench.ask("red")
        return any(one.stable for one in bench.results)

    bench.show_until(picture(), stable, "a stable thing")
    assert {one.query_id for one in bench.results} == {1}


def test_simulated_time_ages_images_and_may_jump_back(start, bundle_folder, bench) -> None:
    start("segment_node", model=str(bundle_folder), threads=1, query="redder", max_frame_age=5.0, use_sim_time=True)
    bench.wait_for_node()
    clock = bench.node.create_publisher(Clock, "/clock", 10)
    bench.until(clock.get_subscription_count, "a subscription of the clock")

    def answer_at(now: float, stamp: float, image: np.ndarray) -> Segmentation:
        """The answer to an image of about this stamp, once the node knows that it is now."""
        bench.clock, shown = stamp, []

        def look() -> Segmentation | None:
            clock.publish(Clock(clock=Time(sec=int(now), nanosec=0)))
            shown.append(bench.show(image))
            bench.listen(0.05)
            return next((one for one in bench.results if one.header in shown and is_of_now(one)), None)

        def is_of_now(one: Segmentation) -> bool:
            return abs(one.frame_age - (now - one.header.stamp.sec - one.header.stamp.nanosec * 1e-9)) < 0.01

        return bench.until(look, f"an answer at {now} s")

    found = answer_at(500, 499.0, picture(RED, RED))
    assert found.verdict == Segmentation.FOUND
    assert found.frame_age < 1.1
    assert answer_at(600, 500.0, picture(GREY, GREY)).verdict == Segmentation.STALE
    assert answer_at(600, 599.0, picture(GREY, GREY)).verdict == Segmentation.NOT_FOUND, "a jump begins a new clip"
    answer_at(601, 600.0, picture(RED, RED))
    looped = answer_at(20, 19.0, picture(GREY, GREY))
    assert looped.verdict == Segmentation.NOT_FOUND, "a bag that begins again, too"


def test_the_rate_of_answers_is_limited_and_the_newest_image_is_answered(start, bundle_folder, bench) -> None:
    start("segment_node", model=str(bundle_folder), threads=1, query="red", max_rate=0.05)
    bench.wait_for_node()
    bench.answer(picture(), "red")
    for _ in range(40):
        bench.show(picture())
        bench.listen(0.02)
    assert len({result.header.stamp.nanosec for result in bench.results}) <= 2
    assert bench.set("max_rate", 0.0).successful
    known = len(bench.results)
    bench.show_until(picture(), lambda: len(bench.results) > known + 5, "answers")
