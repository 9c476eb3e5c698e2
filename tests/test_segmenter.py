"""The whole way of a frame through real ONNX Runtime, with a network whose answers are known (bundles.py)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from onnx import helper, numpy_helper

from refseg_ros import BundleError, Segmenter, Verdict
from refseg_ros.errors import EngineError
from refseg_ros.expression import tokenise
from refseg_ros.simulation.phrases import phrases
from refseg_ros.simulation.tabletop import Tabletop
from tests.bundles import MANIFEST, clip, write_bundle

GREY = 90
SIZES = [(480, 640), (640, 480), (720, 1280), (1080, 1920), (144, 192), (300, 1500)]


def scene(height: int, width: int, **boxes: tuple[int, int, int, int]) -> np.ndarray:
    """A grey image with a box (x, y, width, height) in each of some colours."""
    image = np.full((height, width, 3), GREY, np.uint8)
    for colour, (x, y, box_width, box_height) in boxes.items():
        values = {"red": (220, 10, 10), "green": (10, 220, 10), "blue": (10, 10, 220)}[colour]
        image[y : y + box_height, x : x + box_width] = values
    return image


def overlap(mask: np.ndarray, box: tuple[int, int, int, int]) -> float:
    """Intersection over union of a mask and a box."""
    wanted = np.zeros(mask.shape, bool)
    wanted[box[1] : box[1] + box[3], box[0] : box[0] + box[2]] = True
    return np.count_nonzero(wanted & (mask > 0)) / np.count_nonzero(wanted | (mask > 0))


@pytest.mark.parametrize("size", SIZES)
def test_mask_and_box_are_in_source_pixels(segmenter, size):
    height, width = size
    red = (width // 8, height // 3, width // 4, height // 3)
    blue = (width // 2, height // 4, width // 3, height // 2)
    image = scene(height, width, red=red, blue=blue)
    for text, box in (("the red mug", red), ("the blue mug", blue)):
        answer = segmenter.segment(image, text)
        assert answer.verdict is Verdict.FOUND and answer.score > 0.9
        assert answer.mask.shape == size and answer.mask.dtype == np.uint8
        assert overlap(answer.mask, box) > 0.75
        cell = 4 * max(height / 144, width / 192)  # source pixels of a logit
        assert np.abs(np.array(answer.box) - np.array(box)).max() <= cell


def test_colours_are_red_green_blue(segmenter):
    image = scene(480, 640, red=(100, 100, 200, 200))
    assert segmenter.segment(image, "red").verdict is Verdict.FOUND
    assert segmenter.segment(image[..., ::-1], "red").verdict is Verdict.NOT_FOUND
    assert segmenter.segment(image[..., ::-1], "blue").verdict is Verdict.FOUND


@pytest.mark.parametrize("padding", [0, 128, 255])
def test_an_image_is_padded_as_the_manifest_says(tmp_path, padding):
    manifest = replace(MANIFEST, input=replace(MANIFEST.input, padding=padding))
    (frame,) = Segmenter(write_bundle(tmp_path, manifest)).encode([scene(480, 480)])
    assert (frame.input[:, :24] == padding).all() and (frame.input[:, 24:-24] == GREY).all()


def test_what_is_not_there_has_an_empty_mask(segmenter):
    answer = segmenter.segment(scene(480, 640, red=(10, 10, 90, 90)), "the green mug")
    assert answer.verdict is Verdict.NOT_FOUND and answer.score < 0.1
    assert not answer.mask.any() and answer.box == (0, 0, 0, 0)


def test_a_doubt_is_said(segmenter):
    answer = segmenter.segment(scene(480, 640), "perhaps")
    assert answer.verdict is Verdict.UNCERTAIN and answer.score == pytest.approx(0.55, abs=0.01)


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (3, 5), (16384, 1), (1, 16384), (2, 16384)])
def test_extreme_sizes_are_answered(segmenter, size):
    answer = segmenter.segment(np.zeros((*size, 3), np.uint8), "everywhere")
    assert answer.verdict is Verdict.FOUND and answer.mask.shape == size and answer.mask.all()
    assert answer.box == (0, 0, size[1], size[0])


@pytest.mark.parametrize("size", [(0, 0), (0, 5), (5, 0), (1, 100000), (100000, 1)])
def test_sizes_beyond_the_caps_are_refused(segmenter, size):
    with pytest.raises(ValueError, match=f"{size[1]} x {size[0]}"):
        segmenter.segment(np.zeros((*size, 3), np.uint8), "red")


def test_the_cap_is_a_setting(bundle_folder):
    small = Segmenter(bundle_folder, threads=1, maximum_side=100)
    assert small.segment(np.zeros((100, 100, 3), np.uint8), "red").verdict is Verdict.NOT_FOUND
    with pytest.raises(ValueError, match="1 to 100"):
        small.segment(np.zeros((100, 101, 3), np.uint8), "red")


def test_unknown_and_truncated_words_are_reported(segmenter):
    image = scene(480, 640, red=(100, 100, 200, 200))
    answer = segmenter.segment(image, "the red gizmo mug the the the zebra")
    assert answer.verdict is Verdict.UNCERTAIN and answer.mask.any()
    assert answer.words == ("the", "red", "gizmo", "mug", "the", "the")
    assert answer.unknown_words == ("gizmo",) and answer.truncated_words == ("the", "zebra")
    assert answer.word_attention.shape == (1, 6) and answer.word_attention.sum() == pytest.approx(1)


@pytest.mark.parametrize("text", ["", "gizmo", "the", "\x00\x1b[2J", "🤖", "\ud800", "x" * 10_000_000], ids=range(7))
def test_what_says_nothing_is_not_understood(segmenter, text):
    answer = segmenter.segment(scene(48, 64, red=(10, 10, 20, 20)), text)
    assert answer.verdict is Verdict.NOT_UNDERSTOOD and answer.score == 0
    assert answer.mask.shape == (48, 64) and not answer.mask.any()
    assert answer.word_attention.shape == (1, len(answer.words))


def test_many_expressions_are_answered_as_each_alone(segmenter):
    image = scene(480, 640, red=(50, 50, 200, 200), green=(400, 200, 100, 200))
    texts = ["the red mug", "gizmo", "green", "blue", "", "the the the the green mug"]
    stream = segmenter.stream()
    stream.observe(image, 0.0)
    answers = stream.answer(texts)
    assert [answer.text for answer in answers] == texts
    for answer, text in zip(answers, texts, strict=True):
        alone = segmenter.segment(image, text)
        assert answer.verdict is alone.verdict and answer.box == alone.box and answer.words == alone.words
        assert answer.score == pytest.approx(alone.score, rel=1e-5)
        assert np.array_equal(answer.mask, alone.mask)
    assert stream.answer([]) == []


def test_the_query_may_change_between_frames(segmenter):
    image = scene(480, 640, red=(50, 50, 200, 200), green=(400, 200, 100, 200))
    stream = segmenter.stream()
    for index, text in enumerate(["red", "green", "red", "blue", "gizmo", "red"]):
        stream.observe(image, index / 10)
        (answer,) = stream.answer([text])
        assert answer.text == text and answer.verdict is segmenter.segment(image, text).verdict


def test_a_stream_answers_on_its_newest_frame_with_its_past(bundle_folder):
    with_red, without = scene(480, 640, red=(50, 50, 200, 200)), scene(480, 640)
    stream = Segmenter(bundle_folder, threads=1, outlines="network").stream()  # the newest frame has no edges
    stream.observe(with_red, 10.0)
    stream.observe(without, 10.3)
    now, ever = stream.answer(["red", "redder"])
    assert now.verdict is Verdict.NOT_FOUND and ever.verdict is Verdict.FOUND
    assert overlap(ever.mask, (50, 50, 200, 200)) > 0.85
    stream.observe(without, 10.6)
    assert stream.answer(["redder"])[0].verdict is Verdict.FOUND
    stream.observe(without, 10.9)  # the clip has three frames
    assert stream.answer(["redder"])[0].verdict is Verdict.NOT_FOUND


@pytest.mark.parametrize("stamp", [9.0, 0.0, 100.0])
def test_a_clock_that_jumps_forgets_the_past(segmenter, stamp):
    stream = segmenter.stream()
    stream.observe(scene(480, 640, red=(50, 50, 200, 200)), 10.0)
    stream.observe(scene(480, 640), stamp)
    assert stream.answer(["redder"])[0].verdict is Verdict.NOT_FOUND


def test_a_clip_that_fails_costs_its_frame_and_the_past(tmp_path):
    """Its graph looks up a zero in a table by the number of frames before, and the table ends at one."""
    made = clip()
    made.graph.node[-1].output[0] = "strongest"
    made.graph.node.extend(
        [
            helper.make_node("Shape", ["past_1_value"], ["length"], start=0, end=1),
            helper.make_node("Gather", ["table", "length"], ["nothing"]),
            helper.make_node("Add", ["strongest", "nothing"], ["strongest_1"]),
        ]
    )
    made.graph.initializer.append(numpy_helper.from_array(np.zeros(2, np.float32), "table"))
    stream = Segmenter(write_bundle(tmp_path / "bundle", clip=made.SerializeToString()), threads=1).stream()
    red, grey = scene(144, 192, red=(0, 0, 192, 144)), scene(144, 192)
    stream.observe(red, 0.0)
    stream.observe(grey, 0.2)
    assert stream.answer(["redder"])[0].verdict is Verdict.FOUND
    with pytest.raises(EngineError, match="clip.onnx failed"):
        stream.observe(grey, 0.4)
    stream.observe(grey, 0.6)
    assert stream.answer(["redder"])[0].verdict is Verdict.NOT_FOUND


def test_streams_do_not_see_each_other(segmenter):
    first, second = segmenter.stream(), segmenter.stream()
    first.observe(scene(480, 640, red=(50, 50, 200, 200)), 0.0)
    second.observe(scene(480, 640), 0.0)
    assert first.answer(["redder"])[0].verdict is Verdict.FOUND
    assert second.answer(["redder"])[0].verdict is Verdict.NOT_FOUND


def test_several_cameras_at_once_are_answered_as_each_alone(segmenter):
    sizes = [(480, 640), (300, 1500), (144, 192)]
    together, alone = ([segmenter.stream() for _ in sizes] for _ in range(2))
    for frame in range(4):
        images = [scene(*size, red=(10 * frame + 20 * i, 5, 60, 60)) for i, size in enumerate(sizes)]
        segmenter.observe(together, images, [0.3 * frame + i for i in range(3)])
        for i, stream in enumerate(alone):
            stream.observe(images[i], 0.3 * frame)
            ours, theirs = together[i].answer(["red", "redder"]), stream.answer(["red", "redder"])
            for a, b in zip(ours, theirs, strict=True):
                assert a.verdict is b.verdict and np.array_equal(a.mask, b.mask)


def test_when_one_camera_of_several_sends_rubbish_no_frame_is_taken(segmenter):
    first, second = segmenter.stream(), segmenter.stream()
    red, grey = scene(480, 640, red=(50, 50, 200, 200)), scene(480, 640)
    segmenter.observe([first, second], [red, grey], [1.0, 1.0])
    for bad, stamp in ((np.zeros((4, 4), np.uint8), 1.5), (red, float("nan"))):
        with pytest.raises(ValueError):
            segmenter.observe([first, second], [grey, bad], [1.5, stamp])
    with pytest.raises(ValueError):
        segmenter.observe([first, second], [grey], [1.5])
    assert first.answer(["red"])[0].verdict is Verdict.FOUND
    assert second.answer(["red"])[0].verdict is Verdict.NOT_FOUND


def test_the_time_of_every_step_is_told(segmenter):
    stream = segmenter.stream()
    for stamp, of_a_new_query in ((0.0, ["text"]), (0.1, [])):
        stream.observe(scene(480, 640), stamp)
        assert list(stream.watch.spent) == ["letterbox", "encode", "clip"]
        stream.answer(["red"])
        steps = ["letterbox", "encode", "clip", *of_a_new_query, "fuse", "outline", "conclude"]
        assert list(stream.watch.spent) == steps
        assert all(seconds > 0 for seconds in stream.watch.spent.values())


def test_streams_may_run_in_threads(segmenter):
    def run(index: int) -> list[tuple[int, int, int, int]]:
        stream = segmenter.stream()
        boxes = []
        for frame in range(10):
            stream.observe(scene(120, 160, red=(4 * index, 3 * frame, 40, 40)), frame / 10)
            boxes.append(stream.answer(["red"])[0].box)
        return boxes

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(run, range(8))) == [run(index) for index in range(8)]


def test_a_frame_that_is_refused_changes_nothing(segmenter):
    stream = segmenter.stream()
    with pytest.raises(ValueError, match="observe"):
        stream.answer(["red"])
    stream.observe(scene(480, 640, red=(50, 50, 200, 200)), 1.0)
    for bad in (np.zeros((4, 4), np.uint8), np.zeros((480, 640, 3)), None):
        with pytest.raises(ValueError, match="image"):
            stream.observe(bad, 1.1)
    with pytest.raises(ValueError, match="finite"):
        stream.observe(scene(100, 100), float("nan"))
    (answer,) = stream.answer(["red"])
    assert answer.verdict is Verdict.FOUND and answer.mask.shape == (480, 640)


def test_the_frame_size_may_change(segmenter):
    stream = segmenter.stream()
    for index, size in enumerate([(480, 640), (720, 1280), (1, 1), (480, 640)]):
        stream.observe(np.zeros((*size, 3), np.uint8), index / 10)
        assert stream.answer(["everywhere"])[0].mask.shape == size


def test_answers_are_not_changed_by_later_frames(segmenter):
    stream = segmenter.stream()
    stream.observe(scene(480, 640, red=(50, 50, 200, 200)), 0.0)
    (answer,) = stream.answer(["red"])
    mask, attention = answer.mask.copy(), answer.word_attention.copy()
    stream.observe(scene(480, 640), 0.1)
    stream.answer(["red"])
    assert np.array_equal(answer.mask, mask) and np.array_equal(answer.word_attention, attention)


def test_a_setting_out_of_range_is_refused(bundle_folder):
    with pytest.raises(ValueError, match="threads is -3"):
        Segmenter(bundle_folder, threads=-3)


def test_a_bundle_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BundleError, match="no such folder"):
        Segmenter(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "text", ["a black car", "the car on the left", "find the toaster", "the spatula next to the red mug"]
)
def test_the_shipped_model_never_finds_what_it_has_no_word_for(text):
    image = scene(480, 640, red=(50, 50, 200, 200), blue=(400, 200, 100, 200))
    answer = Segmenter("tabletop").segment(image, text)
    assert answer.verdict is Verdict.NOT_UNDERSTOOD and not answer.mask.any()
    assert {"car", "toaster", "spatula"} & set(answer.unknown_words)


def test_benchmarks_get_what_the_network_makes_of_an_unknown_noun(segmenter):
    stream = segmenter.stream()
    stream.observe(scene(480, 640, red=(50, 50, 200, 200)), 0.0)
    outcome, nothing = stream.outcomes(["the red gizmo", "the gizmo"])
    assert outcome and outcome.presence > 0 and nothing is None
    assert [answer.verdict for answer in stream.answer(["the red gizmo", "the gizmo"])] == [Verdict.NOT_UNDERSTOOD] * 2


def test_words_that_the_shipped_model_knows_reach_it_as_they_are():
    """Over what the simulator says: no rule of words or nouns changes an expression of known words."""
    vocabulary = Segmenter("tabletop").tokenizer
    ids = {word: index for index, word in enumerate(vocabulary.words)}
    with Tabletop(320, 240) as tabletop:
        texts = []
        for seed in range(8):
            tabletop.reset(seed)
            texts += [
                phrase.text for phrase in phrases(tabletop.render().objects, 320, 240, np.random.default_rng(seed))
            ]
    assert len(texts) > 500
    for text in texts:
        tokens = vocabulary.encode(text, 16)
        assert tokens.ids.tolist() == [*(ids[word] for word in tokenise(text)), *[0] * 16][:16]
        assert tokens.understood and not tokens.doubtful


def test_the_shipped_model_reads_a_synonym_as_its_word():
    image = scene(480, 640, red=(50, 50, 200, 200))
    tumbler, cup = (Segmenter().segment(image, text) for text in ("the red tumbler", "the red cup"))
    assert tumbler.verdict is cup.verdict and tumbler.score == cup.score and np.array_equal(tumbler.mask, cup.mask)
