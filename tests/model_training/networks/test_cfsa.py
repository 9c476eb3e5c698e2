"""Cross-frame self-attention: against Eq. 9-11 as written, and the ring in which its frames lie."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from model_training.networks.cmsa.cfsa import SHIFT, ClipProjection, CrossFrameSelfAttention, Past
from model_training.networks.layers.cosine import MAX_SCALE
from refseg_ros.engines.clip_memory import ClipMemory, Looked, pair_names
from refseg_ros.engines.frame_buffer import FrameBuffer
from tests.model_training import literal
from tests.model_training.comparing import VALUES, check_equal, draw, randomise

FRAMES, POSITIONS, FEATURES, CHANNELS = 4, 6, 6, 3


class Form(NamedTuple):
    """How a level attends."""

    cosine: bool = False
    projected: bool = False
    cell: int = 1
    """Neighbouring positions that are a cell."""
    places: int = 0
    """Channels of where a position is, behind its features."""


PAPER, PLAIN, COSINE = Form(), Form(projected=True), Form(cosine=True, projected=True)
NAMED = {
    "paper": PAPER,
    "plain": PLAIN,
    "cosine": COSINE,
    "coarse": Form(cosine=True, projected=True, cell=2, places=2),
    "coarse, raw": Form(cell=2, places=2),
}
FORMS = pytest.mark.parametrize("form", NAMED.values(), ids=NAMED.keys())


class Clip:
    """The two modules of one level, with their parameters at random."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.project = ClipProjection(FEATURES - form.places, form.places, CHANNELS, form.projected, form.cosine)
        self.attention = CrossFrameSelfAttention(FEATURES - form.places, CHANNELS if form.projected else None)
        randomise(self.project)
        randomise(self.attention, seed=1)

    def __call__(self, target: Tensor, frames: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, P, C_v), (B, T, P, C), (B, T) -> (B, P, C_v)."""
        return self.run(target, frames, valid)[0]

    def run(self, target: Tensor, frames: Tensor, valid: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """As above, and the weights (B, T) of the frames."""
        batch, count = frames.shape[:2]
        ring = [part.unflatten(0, (batch, count)) for part in self.projections(frames.flatten(0, 1))]
        return self.attention(target, *ring, torch.ones(batch, count, dtype=torch.bool) if valid is None else valid)

    def projections(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(T, P, C) -> query, key, value."""
        return self.project(frames, self.cells(frames)) if self.form.cell > 1 else self.project(frames)

    def cells(self, frames: Tensor) -> Tensor:
        """(T, P, C) -> (T, G, C)."""
        return frames.unflatten(1, (-1, self.form.cell)).mean(2)

    def literal(self, target: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """(P, C_v), (T, P, C) -> what the equations say, and the weights (T,) of the frames."""
        return literal.cross_frame(self.project, self.attention, target, frames, self.cells(frames))

    def target(self, *lead: int, seed: int = 0) -> Tensor:
        """(..., P, C_v) at random."""
        return draw(*lead, POSITIONS, FEATURES - self.form.places, seed=seed)

    @property
    def parameters(self) -> list[Tensor]:
        return [*self.project.parameters(), *self.attention.parameters()]


@FORMS
@pytest.mark.parametrize("count", [1, 2, FRAMES])
def test_equals_the_materialised_equations(form: Form, count: int) -> None:
    clip = Clip(form)
    target, frames = clip.target(), draw(count, POSITIONS, FEATURES, seed=1)
    check_equal(
        lambda: [part[0] for part in clip.run(target[None], frames[None])],
        lambda: clip.literal(target, frames),
        [target, frames, *clip.parameters],
    )


@FORMS
def test_the_order_of_the_slots_does_not_matter(form: Form) -> None:
    clip = Clip(form)
    target, frames = clip.target(1), draw(1, FRAMES, POSITIONS, FEATURES, seed=1)
    plain = clip(target, frames)
    for shift in range(1, FRAMES):
        assert (plain - clip(target, frames.roll(shift, 1))).abs().max() < VALUES


@FORMS
def test_empty_slots_are_ignored_wherever_they_are(form: Form) -> None:
    clip = Clip(form)
    target, frames = clip.target(1), draw(1, 2, POSITIONS, FEATURES, seed=1)
    plain, weights = clip.run(target, frames)
    for filled in ([0, 1], [0, 3], [2, 3]):
        valid = torch.zeros(1, FRAMES, dtype=torch.bool)
        valid[0, filled] = True
        for rest in (0.0, 100.0):
            whole = torch.full((1, FRAMES, POSITIONS, FEATURES), rest, dtype=torch.float64)
            whole[0, filled] = frames[0]
            updated, theirs = clip.run(target, whole, valid)
            assert (plain - updated).abs().max() < VALUES
            assert (theirs[0, filled] - weights[0]).abs().max() < VALUES and (theirs[~valid] == 0).all()


@FORMS
def test_equal_frames_say_what_one_of_them_says(form: Form) -> None:
    clip = Clip(form)
    target, frame = clip.target(1), draw(1, 1, POSITIONS, FEATURES, seed=1)
    assert (clip(target, frame) - clip(target, frame.expand(-1, FRAMES, -1, -1))).abs().max() < VALUES


def test_clips_of_a_batch_are_independent() -> None:
    clip, target, frames = Clip(COSINE), draw(3, POSITIONS, FEATURES), draw(3, FRAMES, POSITIONS, FEATURES, seed=1)
    valid = torch.arange(FRAMES) < torch.tensor([1, 3, 4])[:, None]
    together = clip(target, frames, valid)
    for i, count in enumerate((1, 3, 4)):
        alone = clip.literal(target[i], frames[i, :count])[0]
        assert (together[i] - alone).abs().max() < VALUES


def test_a_new_module_changes_nothing_yet() -> None:
    project, attention = (
        ClipProjection(FEATURES, 0, CHANNELS, projected=True).double(),
        CrossFrameSelfAttention(FEATURES, CHANNELS).double(),
    )
    target, frames = draw(1, POSITIONS, FEATURES), draw(2, POSITIONS, FEATURES, seed=1)
    ring = [part[None] for part in project(frames)]
    assert torch.equal(attention(target, *ring, torch.ones(1, 2, dtype=torch.bool))[0], target)


def test_frames_are_weighted_by_the_attention_that_they_receive() -> None:
    clip, frames = Clip(PLAIN), draw(FRAMES, POSITIONS, FEATURES, seed=1)
    weights = clip.run(frames[:1], frames[None])[1][0]
    assert torch.isclose(weights.sum(), torch.tensor(1.0, dtype=torch.float64)) and weights.max() > 1.1 * weights.min()


class Streamed:
    """A clip's frames through the memory of the runtime and `step`, in float64 or float32."""

    def __init__(self, clip: Clip, length: int) -> None:
        self.clip = clip
        self.frames = FrameBuffer(length, 0.2, 2.0)
        looked = Looked(tuple(f"ring_1_{name}" for name in ("query", "key", "value")), ("1",))
        self.memory = ClipMemory(self.frames, length - 1, np.zeros, looked)

    @torch.no_grad()
    def __call__(self, target: Tensor, frame: Tensor, stamp: float) -> Tensor:
        """(P, C), (P, C) -> (P, C): the updated features of the frame that comes now."""
        new = dict(zip(("query", "key", "value"), self.clip.projections(frame[None]), strict=True))
        past = self.memory.admit(stamp, {f"ring_1_{name}": part.numpy() for name, part in new.items()})
        kept = Past(*(torch.as_tensor(past[f"past_1_{name}"]) for name in Past._fields))
        updated, row, column = self.clip.attention.step(target[None], **new, past=kept, cosine=self.clip.form.cosine)
        self.memory.keep(dict(zip(pair_names("1"), (part.numpy() for part in (*row, *column)), strict=True)))
        return updated[0]


@FORMS
@given(st.integers(2, 5), st.lists(st.sampled_from([0.0, 0.01, 0.1, 0.2, 0.7, 5.0, -1.0]), min_size=1, max_size=25))
@settings(max_examples=25, deadline=None)
def test_a_stream_equals_the_whole_clip_computed_anew(form: Form, length: int, gaps: list[float]) -> None:
    """Frames that come fast and slow, with gaps and jumps of the clock."""
    clip = Clip(form)
    stream, stamp, seen = Streamed(clip, length), 10.0, {}
    for number, gap in enumerate(gaps):
        stamp += gap
        target, frame = clip.target(seed=number), draw(POSITIONS, FEATURES, seed=100 + number)
        seen[stamp] = frame
        updated = stream(target, frame, stamp)
        frames = torch.stack([seen[kept] for kept in stream.frames.stamps])
        assert (updated - clip(target[None], frames[None])[0]).abs().max() < VALUES


def test_logits_that_no_exponential_holds_are_streamed() -> None:
    clip = Clip(PLAIN)
    with torch.no_grad():
        clip.project.project.weight *= 30
    stream = Streamed(clip, 3)
    frames = draw(6, POSITIONS, FEATURES)
    for number in range(6):
        updated = stream(frames[0], frames[number], 0.5 * number)
        whole = frames[None, max(0, number - 2) : number + 1]
        assert (updated - clip(frames[:1], whole)[0]).abs().max() < VALUES
    _, key, _ = clip.project(frames)
    assert key.norm(dim=-1).max() ** 2 > 1000


@pytest.mark.parametrize("sign", [1.0, -1.0], ids=["greatest logits", "least logits"])
def test_bounded_logits_are_streamed_in_float16(sign: float) -> None:
    """All of them at their bound, over as many queries as the shipped model has at a level without cells."""
    positions, channels = 768, 4
    generator = torch.Generator().manual_seed(0)
    key = torch.zeros(1, positions, channels)
    key[..., 0] = MAX_SCALE
    query, value = sign * key / MAX_SCALE, torch.randn(1, positions, channels, generator=generator)
    query[..., -1], key[..., -1] = 1, -SHIFT
    target = torch.zeros(1, positions, channels)
    earlier = torch.full((1, positions), positions * float(np.exp(sign * MAX_SCALE - SHIFT))).log()
    past = Past(query, key, value, earlier, value.mean(1, keepdim=True).expand_as(value), torch.ones(1, 1, positions))
    attention = CrossFrameSelfAttention(channels)
    whole = attention.step(target, query, key, value, past, True)
    half = attention.step(
        *(part.half() for part in (target, query, key, value)), Past(*(part.half() for part in past)), True
    )
    for ours, theirs in zip((half[0], *half[1], *half[2]), (whole[0], *whole[1], *whole[2]), strict=True):
        assert torch.isfinite(ours).all() and (ours.float() - theirs).abs().max() < 0.1
