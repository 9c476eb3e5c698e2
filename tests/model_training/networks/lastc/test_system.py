"""LASTC whole: what comes from where, what each switch learns, and that its graphs are the network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from model_training.datasets.batches import BatchConfig, Batches
from model_training.datasets.sample import ClipFrames, Expression, Reader, Record
from model_training.networks.lastc.config import PRESETS, LastcConfig, lastc_config
from model_training.networks.lastc.system import Lastc
from refseg_ros.expression import Vocabulary
from tests.model_training.networks.systems import (
    clips,
    lastc,
    overfitted,
    squares,
    stirred,
    streaming_error,
    without_gradient,
)

TOGETHER: list[dict[str, Any]] = [
    {"fuse": "softmax", "head320": True, "attn_scale": "l2_learned", "cmam_conv": "bottleneck4"}
    | {"suppress": True, "lasp_maps": 8},
    {"lasp": "word", "update": "self", "fuse": "sigmoid2", "cmam_conv": "dw", "attn_scale": "mean", "sent": "cmam"},
    {"lasp": "word", "reuse": True, "update": "ctx", "fuse": "attnpool", "q_norm": "bn", "imagenet_norm": False},
    {"lasp": "slot", "sent": "sum", "zero_init": False},
    {"lasp": "point", "update": "none"},
]
"""Every switch in one of them."""


def test_the_presets_are_those_of_the_specification() -> None:
    parts = {name: lastc_config(name, "published", vocabulary=9) for name in PRESETS}
    assert {name: (config.update, config.fuse, config.lasp) for name, config in parts.items()} == {
        "cstm_code": ("none", "concat", "none"),
        "cstm_paper": ("none", "softmax", "none"),
        "lastc": ("xattn", "concat", "map"),
        "lastc_full": ("xattn", "softmax", "map"),
    }


def test_the_published_size_is_the_specifications() -> None:
    with torch.device("meta"):
        system = Lastc(LastcConfig(vocabulary=9))
        clip = torch.zeros(1, 8, 3, 320, 320)
        x, y = system.spatial.first(clip[:, 4]), system.temporal.first(clip.transpose(1, 2))
        sizes, times = [(x.shape[1], y.shape[1], x.shape[-1])], [y.shape[2]]
        for index in range(1, 5):
            x, y = system.spatial.encoder.stage(index, x), system.temporal.encoder.stage(index, y)
            assert x.shape[-2:] == y.shape[-2:]
            sizes.append((x.shape[1], y.shape[1], x.shape[-1]))
            times.append(y.shape[2])
    wanted = [(64, 64, 160), (256, 192, 80), (512, 480, 40), (1024, 832, 20), (2048, 1024, 10)]
    assert sizes == wanted and times == [4, 4, 4, 2, 1]
    merges = [p.numel() for name, p in system.named_parameters() if ".cmam." in name and ".merge.0.weight" in name]
    assert 104e6 < sum(merges) < 106e6


def test_the_time_that_is_picked_is_the_targets() -> None:
    system = lastc(before=4, after=3)
    words, mask = system.text(torch.tensor([[2, 3, 4, 0]]))
    moved = system.temporal(system.first(system.pixels(clips(1, 8)))[1], words, mask)
    for index, (stage, time) in enumerate(zip(moved.features, (2, 2, 2, 1, 0), strict=True)):
        assert torch.equal(system.picked(moved)[index], stage[:, :, time])


class Numbered(Reader):
    """A video whose frame i is all of grey level i, with a target at each of some frames."""

    name, folder = "numbered", Path()
    VIDEO = 12

    def __init__(self, targets: Sequence[int]) -> None:
        self.records = tuple(
            Record(str(target), "train", (Expression("it", "0", 0),), self, target, truth=(None,)) for target in targets
        )

    def __len__(self) -> int:
        return self.VIDEO

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        return [np.full((64, 64, 3), index, np.uint8) for index in indices]

    def masks(self, record: Record) -> np.ndarray:
        return np.ones((1, 64, 64), bool)


@pytest.mark.parametrize("target", [0, 5, 11])
def test_the_encoders_see_the_target_and_its_clip_in_the_order_of_time(target: int) -> None:
    """From the video to the first convolutions, at the ends of the video too (part D, clip)."""
    system, seen = lastc(before=4, after=3, imagenet_norm=False).eval(), {}
    for stream in ("spatial", "temporal"):
        first = system.get_submodule(f"{stream}.encoder.{'conv1' if stream == 'spatial' else 'stages.0'}")
        first.register_forward_pre_hook(lambda _, given, stream=stream: seen.update({stream: given[0]}))
    reader = Numbered([target])
    sizes = {"height": 64, "width": 64, "padding": 0, "max_words": 4, "frames": 1}
    config = BatchConfig(**sizes, clip=ClipFrames(past=4, future=3, stride=2))
    batch = Batches(reader, "train", Vocabulary.of_texts(reader.texts("train")), config)[0]
    system(torch.as_tensor(batch.clips), torch.as_tensor(batch.words))
    levels = {stream: (255 * pixels[0, 0, ..., 0, 0]).round().int().tolist() for stream, pixels in seen.items()}
    assert levels["spatial"] == target
    assert levels["temporal"] == [min(max(target + k, 0), 11) for k in (-8, -6, -4, -2, 0, 2, 4, 6)]


@pytest.mark.parametrize("head320", [False, True])
def test_maps_come_from_coarse_to_fine(head320: bool) -> None:
    answer = lastc(head320=head320)(clips(2, 4), torch.tensor([[[2, 3, 0, 0], [4, 0, 0, 0], [5, 6, 7, 8]]] * 2))
    assert [tuple(part.shape) for part in (*answer.coarse, answer.logits)] == [
        (2, 3, side, side) for side in (2, 4, 8, 16, 32, 64)
    ]
    assert answer.presence.shape == (2, 3) and answer.word_attention.shape == (2, 3, 10, 4)
    assert torch.allclose(answer.word_attention.sum(-1), torch.ones(2, 3, 10))
    assert (answer.word_attention[:, 1, :, 1:] == 0).all()


def test_other_frames_reach_no_spatial_feature() -> None:
    system = stirred(lastc("lastc_full"))
    clip = clips(1, 4)
    other = clips(1, 4, seed=1)
    other[:, 2] = clip[:, 2]
    words, mask = system.text(torch.tensor([[2, 3, 4, 0]]))
    firsts = [system.first(system.pixels(frames)) for frames in (clip, other)]
    spatial = [system.spatial(first[0], words, mask) for first in firsts]
    temporal = [system.temporal(first[1], words, mask) for first in firsts]
    for one, two in zip(*(streamed.features for streamed in spatial), strict=True):
        assert torch.equal(one, two)
    for part in ("words", "weights", "context"):
        assert torch.equal(getattr(spatial[0], part), getattr(spatial[1], part))
    assert not torch.equal(temporal[0].features[-1], temporal[1].features[-1])


@pytest.mark.parametrize(("changed", "other"), [("spatial", "temporal"), ("temporal", "spatial")])
def test_each_stream_reads_its_own_words(changed: str, other: str) -> None:
    """What one of them makes of the words reaches the decoder, and nothing of the other."""
    system, found = stirred(lastc()), {"spatial": [], "temporal": []}
    for name, streamed in found.items():
        system.get_submodule(name).register_forward_hook(lambda _, given, out, kept=streamed: kept.append(out))
    clip, words = clips(1, 4), torch.tensor([[[2, 3, 4, 0]]])
    before = system(clip, words).logits
    with torch.no_grad():
        for parameter in system.get_submodule(f"{changed}.updates").parameters():
            parameter += 0.1
    after = system(clip, words).logits
    assert not torch.allclose(before, after)
    one, two = found[changed]
    assert not torch.allclose(one.words, two.words) and not torch.allclose(one.features[-1], two.features[-1])
    one, two = found[other]
    assert torch.equal(one.words, two.words) and torch.equal(one.context, two.context)
    assert all(torch.equal(*pair) for pair in zip(one.features, two.features, strict=True))


def test_cmam_plus_starts_as_cmam() -> None:
    """With the same weights, and the update still zero, both are the same to the last bit."""
    plus, plain = lastc(seed=1), lastc(seed=2, update="none")
    plain.load_state_dict(plus.state_dict(), strict=False)
    clip, words = clips(1, 4), torch.tensor([[[2, 3, 4, 0]]])
    one, two = plus.eval()(clip, words), plain.eval()(clip, words)
    assert torch.equal(one.logits, two.logits)


@pytest.mark.parametrize("fields", [{}, *TOGETHER])
def test_padding_and_batches_change_nothing(fields: dict[str, Any]) -> None:
    system = stirred(lastc("lastc_full", max_words=6) if not fields else lastc(**fields))
    clip, words = clips(2, 4), torch.tensor([[[2, 3, 4], [5, 0, 0]], [[6, 7, 0], [8, 9, 10]]])
    whole = system(clip, words)
    padded = system(clip, torch.nn.functional.pad(words, (0, 2)))
    assert (whole.logits - padded.logits).abs().max() < 1e-9
    assert (whole.presence - padded.presence).abs().max() < 1e-9
    assert (whole.word_attention - padded.word_attention[..., :3]).abs().max() < 1e-9
    for frame in range(2):
        for expression in range(2):
            alone = system(clip[frame : frame + 1], words[frame : frame + 1, expression : expression + 1])
            assert (alone.logits[0, 0] - whole.logits[frame, expression]).abs().max() < 1e-9
            assert (alone.presence[0, 0] - whole.presence[frame, expression]).abs() < 1e-9


@pytest.mark.parametrize("fields", [{}, *TOGETHER])
def test_no_word_one_word_and_a_black_frame_are_no_trouble(fields: dict[str, Any]) -> None:
    system = (lastc(**fields) if fields else lastc("lastc_full")).eval()
    answer = system(torch.zeros(1, 1, 64, 64, 3, dtype=torch.uint8), torch.tensor([[[0, 0, 0, 0], [2, 0, 0, 0]]]))
    assert torch.isfinite(answer.logits).all() and torch.isfinite(answer.presence).all()


@pytest.mark.parametrize(("preset", "scale"), [*((preset, "l2") for preset in PRESETS), ("lastc", "mean")])
def test_every_parameter_learns_in_two_steps(preset: str, scale: str) -> None:
    """But for the update after the last stage where no one reads it any more: the default sentence does."""
    unfelt = "query.norm.bias" if scale == "mean" else ()  # see test_cmam
    left = [name for name in without_gradient(lastc(preset, attn_scale=scale).double()) if not name.endswith(unfelt)]
    assert left == []


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_overfit_a_batch(preset: str) -> None:
    assert overfitted(lastc(preset)) >= 0.9


@pytest.mark.parametrize("fields", TOGETHER)
def test_every_switch_overfits_a_batch(fields: dict[str, Any]) -> None:
    assert overfitted(lastc(**fields)) >= 0.9


@pytest.mark.parametrize("fields", TOGETHER)
def test_graphs_are_the_network(fields: dict[str, Any]) -> None:
    """However the switches join the layers. In ONNX test_kinds has the default, and test_layers_in_onnx each layer."""
    assert streaming_error(stirred(lastc(**fields))) < 1e-9


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"height": 100}, "the input is 100x64; both must be multiples of 32"),
        ({"fuse": "sum"}, "fuse 'sum' is unknown; choose one of concat, softmax, sigmoid2, attnpool"),
        ({"lasp": "maps"}, "lasp 'maps' is unknown; choose one of map, slot, word, point, none"),
        ({"update": "x"}, "update 'x' is unknown"),
        ({"attn_scale": "x"}, "attn_scale 'x' is unknown; choose one of l2, l2_learned, mean"),
        ({"q_norm": "x"}, "q_norm 'x' is unknown"),
        ({"cmam_conv": "x"}, "cmam_conv 'x' is unknown"),
        ({"sent": "x"}, "sent 'x' is unknown; choose one of mean, cmam, sum"),
    ],
)
def test_what_there_is_not_is_refused_in_a_line(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lastc(**fields)


def test_squares_are_a_task_that_needs_its_words() -> None:
    clip, words, masks = squares()
    assert (words[:, 0] != words[:, 1]).any() and not (masks[:, 0] * masks[:, 1]).any() and clip.shape[:2] == (2, 1)
