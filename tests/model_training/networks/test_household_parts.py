"""Skip, heads and sums: each has an effect, begins as it should, and is refused where it would have none."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from model_training.networks.cmsa.attention import CrossModalSelfAttention
from model_training.networks.cmsa.counting import Counting
from tests.model_training import tiny
from tests.model_training.comparing import asked

WORDS = torch.tensor([[[3, 4, 5, 0], [6, 7, 0, 0]]])


def clip(frames: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    shape = (1, frames, tiny.NETWORK.height, tiny.NETWORK.width, 3)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


@torch.no_grad()
def test_the_mask_head_sees_the_skip() -> None:
    model = tiny.network(network=replace(tiny.NETWORK, skip_channels=6))
    features, ring, skip = model.encoder(clip()[:, -1])
    assert skip.shape == (1, 6, tiny.NETWORK.height // 4, tiny.NETWORK.width // 4)
    _, fused = model.encode_and_fuse(clip(), WORDS)
    assert fused.logits.shape == tiny.network()(clip(), WORDS).logits.shape
    changed = model.fusion.answer(
        fused.clip._replace(skip=fused.clip.skip + torch.randn_like(skip)), model.fusion.read(WORDS)
    )
    assert (changed.logits - fused.logits).abs().max() > 1e-3
    assert torch.equal(changed.word_attention, fused.word_attention)


@torch.no_grad()
def test_a_skip_belongs_to_its_frame() -> None:
    """Two frames and two expressions: each mask is what the frame alone gives."""
    model = tiny.network(network=replace(tiny.NETWORK, skip_channels=6, clip=1))
    frames = clip(2).transpose(0, 1)
    words = WORDS.expand(2, -1, -1)
    together = model(frames, words).logits
    for index in range(2):
        assert torch.allclose(together[index], model(frames[index : index + 1], WORDS).logits[0], atol=1e-4)


@torch.no_grad()
def test_heads_attend_as_each_would_alone() -> None:
    """With one head's channels the same for all, several heads say what one of them says."""
    torch.manual_seed(0)
    several = CrossModalSelfAttention(6, 5, 8, cosine=True, pooled=True, heads=2)
    x, e, mask = torch.randn(2, 7, 6), torch.randn(2, 3, 5), torch.ones(2, 3, dtype=torch.bool)
    one = CrossModalSelfAttention(6, 5, 4, cosine=True, pooled=True)
    for linear, alone in ((several.from_spatial, one.from_spatial), (several.from_words, one.from_words)):
        for name in ("weight", "bias"):
            if (whole := getattr(linear, name)) is not None:
                parts = getattr(alone, name).unflatten(0, (3, 4))
                whole.copy_(torch.cat([parts, parts], 1).flatten(0, 1))
    several.output.weight.copy_(torch.cat([one.output.weight, one.output.weight], 1) / 2)
    several.output.bias.copy_(one.output.bias)
    for ours, alone in zip(asked(several, x, e, mask), asked(one, x, e, mask), strict=True):
        assert torch.allclose(ours, alone, atol=1e-5)


@torch.no_grad()
def test_pooled_and_paired_heads_agree() -> None:
    torch.manual_seed(1)
    paired = tiny.settled(CrossModalSelfAttention(6, 5, 8, cosine=True, heads=4))
    pooled = CrossModalSelfAttention(6, 5, 8, cosine=True, pooled=True, heads=4).eval()
    pooled.load_state_dict(paired.state_dict())
    x, e = torch.randn(2, 7, 6), torch.randn(2, 3, 5)
    mask = torch.tensor([[True, True, True], [True, False, False]])
    for ours, theirs in zip(asked(pooled, x, e, mask), asked(paired, x, e, mask), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-4)


@torch.no_grad()
def test_sums_tell_one_from_three() -> None:
    """A mean over positions does not change when they are repeated; a sum does."""
    counting = tiny.settled(Counting(6, 5, 3, 4))
    x, sentence = torch.randn(2, 7, 6), torch.randn(2, 5)
    once, thrice = counting(x, sentence), counting(torch.cat([x] * 3, 1), sentence)[:, :7]
    assert (once - thrice).abs().max() > 1e-3


@torch.no_grad()
def test_counting_begins_by_adding_nothing() -> None:
    torch.manual_seed(0)
    assert not Counting(6, 5, 3, 4)(torch.randn(2, 7, 6), torch.randn(2, 5)).any()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"skip_channels": 8, "shuffle": 1}, "set shuffle to 2 or 4"),
        ({"skip_channels": 8, "fusion": "deconvolution"}, "fusion to another than 'deconvolution'"),
        ({"attention_heads": 3}, "attention_channels must be a multiple of the 3 attention_heads"),
        ({"attention_heads": 2, "attention": "word"}, "attention_heads are CMSA's own"),
        ({"attention_heads": 2, "pooling": "mean"}, "attention_heads are CMSA's own"),
        ({"attention_heads": 2, "representation": "rmi-lstm"}, "attention_heads are CMSA's own"),
        ({"counting_channels": 4, "rounds": (1, 1, 1)}, "counting_channels count what an earlier round found"),
    ],
)
def test_what_has_no_effect_is_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(tiny.NETWORK, **wrong)
