"""What reaches an array says how often its graph runs; each parameter is learned in one way."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from model_training.networks.base import Graph, System, Window
from model_training.networks.kinds import KINDS, system_of
from model_training.networks.layers.clips import whole_window, window_of
from refseg_ros.engines.reach import IMAGE, PAST, WORDS, kept_arrays, reached
from tests.model_training import tiny
from tests.model_training.networks.systems import lastc, vlide


def graph(name: str, inputs: str, outputs: str) -> Graph:
    return Graph(name, nn.Identity(), {each: {} for each in inputs.split()}, tuple(outputs.split()))


def test_sources_follow_the_arrays() -> None:
    graphs = [
        graph("encoder", "image", "feature"),
        graph("text", "words", "states"),
        graph("clip", "feature past_feature", "updated"),
        graph("answer", "updated states", "logits"),
    ]
    found = reached({each.name: each for each in graphs})
    assert found["feature"] == {IMAGE} and found["states"] == {WORDS}
    assert found["updated"] == {IMAGE, PAST} and found["logits"] == {IMAGE, PAST, WORDS}


@pytest.mark.parametrize("make", [lastc, vlide])
def test_stem_runs_once_a_frame_and_text_once_a_query(make) -> None:
    graphs = {graph.name: graph for graph in make().graphs()}
    found = reached(graphs)
    stem, text, answer = graphs.values()
    assert all(WORDS not in found[name] for name in stem.outputs)
    assert all(found[name] == {WORDS} for name in text.outputs)
    assert found["logits"] == {IMAGE, WORDS, PAST} and answer.outputs[0] == "logits"
    assert kept_arrays(graphs, found)


@pytest.mark.parametrize("make", [lastc, vlide, tiny.network])
def test_each_parameter_is_in_one_group(make: Callable[[], System]) -> None:
    system = make()
    assert system.words_table in dict(system.named_parameters())
    grouped = [id(p) for group in system.parameter_groups() for p in group.parameters]
    assert sorted(grouped) == sorted(id(p) for p in system.parameters())


def test_kinds_build_their_systems() -> None:
    assert set(KINDS) == {"cmsa", "lastc", "vlide"}
    for name, make in (("cmsa", tiny.network), ("lastc", lastc), ("vlide", vlide)):
        system = make()
        assert type(system) is KINDS[name].system and type(system.config) is KINDS[name].config
        assert type(system_of(system.config)) is type(system)


@pytest.mark.parametrize(("past", "wanted"), [(0, "ttttt"), (1, "aattt"), (2, "abttt"), (3, "bcttt")])
def test_a_stream_is_filled_up_to_a_window(past: int, wanted: str) -> None:
    letters = torch.tensor([ord(c) for c in "abct"])[:, None]
    found = window_of(letters[:past], letters[3:], Window(2, 2))
    assert "".join(chr(c) for c in found[:, 0]) == wanted


def test_a_clip_ends_with_the_target_and_a_window_has_it_in_its_place() -> None:
    clip = torch.arange(8).view(2, 4, 1)
    assert whole_window(clip, Window(2, 1))[:, :, 0].tolist() == [[0, 1, 3, 2], [4, 5, 7, 6]]
    assert torch.equal(whole_window(clip, Window(3)), clip)
    assert whole_window(clip, Window(1, 1))[:, :, 0].tolist() == [[2, 3, 3], [6, 7, 7]]
