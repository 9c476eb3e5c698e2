"""Networks of any graphs: how often each of them runs, what is kept of earlier frames, what they may leave out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from refseg_ros.engines.frame_buffer import FrameBuffer
from refseg_ros.engines.manifest import ARRAYS, Clip, Input, Text
from refseg_ros.engines.network import EXPRESSIONS_A_RUN, Network
from refseg_ros.engines.reach import side_by_side
from refseg_ros.engines.stage import Stage
from refseg_ros.errors import BundleError, EngineError
from tests.bundles import MANIFEST

Arrays = Mapping[str, np.ndarray]
IDS = 9


class Graph:
    """An engine that NumPy runs, and that counts how often."""

    def __init__(self, inputs: str, outputs: str, compute: Callable[..., tuple[np.ndarray, ...]]) -> None:
        self.inputs, self.outputs = tuple(inputs.split()), tuple(outputs.split())
        self.compute, self.runs = compute, 0

    def run(self, arrays: Arrays) -> dict[str, np.ndarray]:
        assert set(arrays) == set(self.inputs)
        self.runs += 1
        return dict(zip(self.outputs, self.compute(*(arrays[name] for name in self.inputs)), strict=True))

    def zeros(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        return np.zeros(shape, dtype)


def looked_up(words: np.ndarray) -> tuple[np.ndarray]:
    if words.max() >= IDS:
        raise EngineError("out of bounds")
    return (words.sum(1).astype(np.float32),)


def graphs() -> dict[str, Graph]:
    """Mean grey of a frame; the differences to those of earlier frames; sums of ids; and a sum of all of them."""
    return {
        "frame.onnx": Graph("image", "grey", lambda image: (image.mean((1, 2, 3), dtype=np.float32),)),
        "past.onnx": Graph("grey past_grey", "steps", lambda now, past: (np.append(past, now)[-3:],)),
        "text.onnx": Graph("words", "sums", looked_up),
        "answer.onnx": Graph("steps sums", "logits", lambda steps, sums: (np.add.outer(sums, steps)[:, None],)),
    }


def network(made: Mapping[str, Graph], length: int = 3, ids: int = IDS) -> Network:
    manifest = replace(
        MANIFEST,
        input=Input(4, 4, 0),
        steps=tuple((name,) for name in made),
        text=Text("words", "vocabulary.txt", 5),
        clip=Clip(length, 1.0, ARRAYS),
    )
    return Network(made, manifest, ids)


def test_a_graph_runs_as_often_as_what_reaches_it_changes() -> None:
    made = graphs()
    net = network(made)
    before = {name: graph.runs for name, graph in made.items()}
    memory, query = net.memory(FrameBuffer(3, 1.0, 2.0)), net.read(np.ones((2, 5), np.int64))
    for stamp in range(4):
        (frame,) = net.encode(np.zeros((1, 4, 4, 3), np.uint8))
        seen = net.look_back(frame, memory, float(stamp))
        for _ in range(3):
            net.answer(seen, query)
    assert {name: graph.runs - before[name] for name, graph in made.items()} == {
        "frame.onnx": 4,
        "past.onnx": 4,
        "text.onnx": 1,
        "answer.onnx": 12,
    }


@pytest.mark.parametrize("count", [1, EXPRESSIONS_A_RUN, EXPRESSIONS_A_RUN + 1, 3 * EXPRESSIONS_A_RUN])
def test_many_expressions_are_asked_a_few_at_once_and_answered_in_order(count: int) -> None:
    made, rows = graphs(), []
    compute = made["answer.onnx"].compute
    net = network(made)
    made["answer.onnx"].compute = lambda steps, sums: (rows.append(len(sums)), compute(steps, sums))[1]
    (frame,) = net.encode(np.zeros((1, 4, 4, 3), np.uint8))
    seen = net.look_back(frame, net.memory(FrameBuffer(3, 1.0, 2.0)), 0.0)
    words = np.random.default_rng(count).integers(0, IDS, (count, 5))
    outcomes = net.answer(seen, net.read(words))
    assert [outcome.logits.max() for outcome in outcomes] == words.sum(1).tolist()
    assert sum(rows) == count and max(rows) <= EXPRESSIONS_A_RUN


def test_frames_of_several_cameras_are_encoded_at_once() -> None:
    made = graphs()
    net, levels = network(made), (7, 90, 200)
    before = made["frame.onnx"].runs
    frames = net.encode(np.stack([np.full((4, 4, 3), level, np.uint8) for level in levels]))
    assert made["frame.onnx"].runs == before + 1
    assert [frame["grey"].tolist() for frame in frames] == [[level] for level in levels]


@pytest.mark.parametrize("gap", [1.0, 0.25])
def test_the_past_comes_oldest_first_whatever_the_cameras_rate(gap: float) -> None:
    net = network(graphs(), length=3)
    buffer = FrameBuffer(3, 1.0, 2.0)
    memory = net.memory(buffer)
    for number in range(40):
        (frame,) = net.encode(np.full((1, 4, 4, 3), number, np.uint8))
        steps = net.look_back(frame, memory, gap * number)["steps"]
        assert steps.tolist() == [stamp / gap for stamp in buffer.stamps]
        assert len(steps) <= 3 and steps[-1] == number
    assert len(steps) == 3
    (frame,) = net.encode(np.full((1, 4, 4, 3), 3, np.uint8))
    assert net.look_back(frame, memory, -7.0)["steps"].tolist() == [3]  # a clock that jumped


def test_a_failed_frame_takes_the_past_with_it() -> None:
    made = graphs()
    net, works = network(made), made["past.onnx"].compute
    memory = net.memory(FrameBuffer(3, 1.0, 2.0))

    def fails(*_: np.ndarray) -> tuple[np.ndarray]:
        raise EngineError("broken")

    (frame,) = net.encode(np.full((1, 4, 4, 3), 5, np.uint8))
    net.look_back(frame, memory, 0.0)
    made["past.onnx"].compute = fails
    with pytest.raises(EngineError):
        net.look_back(frame, memory, 1.0)
    made["past.onnx"].compute = works
    assert net.look_back(frame, memory, 2.0)["steps"].tolist() == [5]


def test_a_network_may_tell_masks_alone() -> None:
    net = network(graphs())
    memory = net.memory(FrameBuffer(3, 1.0, 2.0))
    (frame,) = net.encode(np.full((1, 4, 4, 3), 20, np.uint8))
    outcomes = net.answer(net.look_back(frame, memory, 0.0), net.read(np.array([[2, 0, 0, 0, 0], [3, 3, 0, 0, 0]])))
    assert [outcome.presence for outcome in outcomes] == [22.0, 26.0]  # the peak of the mask
    assert [outcome.word_attention.shape for outcome in outcomes] == [(0, 5)] * 2 and net.levels == 0


@pytest.mark.parametrize(
    ("graph", "inputs", "reason"),
    [
        ("past.onnx", "grey past_other", "past.onnx: wants `past_other`, but no graph gives `other`"),
        ("past.onnx", "grey past_sums", "past.onnx: wants `past_sums`, but `sums` depends on words and cannot be kept"),
        ("past.onnx", "grey past_words", "past.onnx: wants `past_words`, but `words` depends on words"),
        ("past.onnx", "grey past_steps", "past.onnx: wants `past_steps`, but `steps` depends on earlier frames"),
        ("past.onnx", "grey sums", "past.onnx: wants `sums`, which no graph before it gives"),
        ("answer.onnx", "sums steps nothing", "answer.onnx: wants `nothing`, which no graph before it gives"),
        ("answer.onnx", "steps past_grey", "answer.onnx: no graph that image and words reach has an output `logits`"),
    ],
)
def test_graphs_that_do_not_fit_are_refused_in_a_line(graph: str, inputs: str, reason: str) -> None:
    made = graphs()
    made[graph].inputs = tuple(inputs.split())
    with pytest.raises(BundleError) as refusal:
        network(made)
    line = str(refusal.value)
    assert line.startswith(reason) and line.endswith("; export the model again") and "\n" not in line


def test_graphs_that_may_run_side_by_side_share_a_step() -> None:
    made = graphs()
    made["more.onnx"] = Graph("steps sums", "others", lambda *_: ())
    made["last.onnx"] = Graph("others", "end", lambda *_: ())
    steps = (("frame.onnx",), ("past.onnx",), ("text.onnx",), ("answer.onnx", "more.onnx"), ("last.onnx",))
    assert side_by_side(made) == steps


def test_engines_of_a_step_run_at_the_same_time_and_a_failure_waits_for_the_others() -> None:
    """Each of them waits for the others, so one after the other none would come to its end."""
    meeting, ended = threading.Barrier(3, timeout=30), list[str]()

    def met(name: str) -> Callable[..., tuple[np.ndarray, ...]]:
        def compute(x: np.ndarray) -> tuple[np.ndarray, ...]:
            meeting.wait()
            if name == "a":
                raise EngineError("a broke")
            time.sleep(0.2)
            ended.append(name)
            return (x + 1,)

        return compute

    with ThreadPoolExecutor(2) as pool:
        stage = Stage([{}, {name: Graph("x", f"of_{name}", met(name)) for name in "abc"}], pool)
        with pytest.raises(EngineError, match="a broke"):
            stage.run({"x": np.zeros(1)})
        assert sorted(ended) == ["b", "c"]
        stage.engines["a"].compute = stage.engines["b"].compute
        assert stage.run({"x": np.zeros(1)}).keys() == {"x", "of_a", "of_b", "of_c"}
    assert stage.inputs == {"x"} and stage.outputs == {"of_a", "of_b", "of_c"}


def test_a_step_whose_graphs_wait_for_each_other_is_refused() -> None:
    made = graphs()
    manifest = replace(MANIFEST, steps=(("frame.onnx", "past.onnx"), ("text.onnx",), ("answer.onnx",)))
    with pytest.raises(BundleError, match="past.onnx: wants `grey` of frame.onnx in the same step"):
        Network(made, replace(manifest, clip=Clip(3, 1.0, ARRAYS)), IDS)


def test_more_ids_than_the_network_knows_are_the_tokenizers_fault() -> None:
    with pytest.raises(BundleError, match="vocabulary.txt: has 10 ids, more than the network knows"):
        network(graphs(), ids=IDS + 1)
