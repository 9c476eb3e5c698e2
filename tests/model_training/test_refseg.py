"""The whole network: what must not change its result, and Eq. 1-11 put together as they are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from model_training import configs
from model_training.learning import losses
from model_training.networks.config import NetworkConfig
from model_training.networks.refseg import Fused, ReferringSegmentation
from tests.model_training import literal, tiny
from tests.model_training.comparing import VALUES, check_equal, randomise

PAPER_LIKE = NetworkConfig(
    vocabulary=12,
    height=32,
    width=64,
    max_words=5,
    backbone="resnet18",
    stem_channels=8,
    word_channels=6,
    attention_channels=5,
    fusion_channels=4,
    clip=3,
    clip_channels=4,
)
"""The paper's network in small, with every choice as it is by default. Its coordinates are exact in float32."""

NETWORKS = {
    "tabletop": replace(tiny.NETWORK, vocabulary=12, max_words=5, height=32, width=64),
    "paper": PAPER_LIKE,
    "sentence": replace(PAPER_LIKE, representation="sentence", fusion="convlstm"),
    "projected": replace(PAPER_LIKE, clip_values="projected"),
    "recurrent": replace(PAPER_LIKE, representation="rmi-lstm", fusion="ppm"),
    "cvpr": replace(PAPER_LIKE, rectified=True, key_pooling=(2, 2, 2), pooling="mean", fusion="gmlf-channels"),
}


def network(config: NetworkConfig) -> ReferringSegmentation:
    """In float64; everything behind the encoder with parameters at random."""
    torch.manual_seed(0)
    model = ReferringSegmentation(config).double().eval()
    randomise(model.fusion, spread=0.2)
    return model


@pytest.fixture(scope="module", params=list(NETWORKS))
def model(request: pytest.FixtureRequest) -> ReferringSegmentation:
    return network(NETWORKS[request.param])


def clips(batch: int, frames: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (batch, frames, 32, 64, 3), generator=generator, dtype=torch.uint8)


WORDS = torch.tensor([[3, 5, 7, 0, 0], [4, 0, 0, 0, 0], [3, 5, 7, 9, 2]])


def check_close(ours: Sequence[Tensor], theirs: Fused) -> None:
    """Of logits, presence and word attention."""
    for a, b in zip(ours[:3], theirs[:3], strict=True):
        assert a.shape == b.shape and (a - b).abs().max() < VALUES


@torch.no_grad()
def test_several_expressions_at_once_equal_one_by_one(model: ReferringSegmentation) -> None:
    clip = clips(1, 3)
    together = model(clip, WORDS[None])
    for i in range(len(WORDS)):
        alone = model(clip, WORDS[None, i : i + 1])
        check_close([part[:, i : i + 1] for part in together[:3]], alone)
    assert (together.logits[0, 0] - together.logits[0, 1]).abs().max() > 1e-3


@torch.no_grad()
def test_clips_of_a_batch_are_independent(model: ReferringSegmentation) -> None:
    batch, words = clips(2, 3), torch.stack([WORDS, WORDS.flip(0)])
    together = model(batch, words)
    for i in range(2):
        check_close([part[i : i + 1] for part in together[:3]], model(batch[i : i + 1], words[i : i + 1]))


@torch.no_grad()
def test_padding_changes_nothing(model: ReferringSegmentation) -> None:
    clip = clips(1, 2)
    padded, short = model(clip, WORDS[None, :1]), model(clip, WORDS[None, :1, :3])
    assert (padded.logits - short.logits).abs().max() < VALUES
    assert (padded.presence - short.presence).abs().max() < VALUES
    assert (padded.word_attention[..., :3] - short.word_attention).abs().max() < VALUES
    assert (padded.word_attention[..., 3:] == 0).all()
    assert torch.allclose(padded.word_attention.sum(-1), torch.ones(1, 1, 3, dtype=torch.float64))


@torch.no_grad()
def test_an_expression_without_words_is_finite_and_disturbs_no_other(model: ReferringSegmentation) -> None:
    clip, nothing = clips(1, 2), torch.zeros(1, 1, 5, dtype=torch.long)
    both = model(clip, torch.cat([nothing, WORDS[None, :1]], 1))
    assert all(torch.isfinite(part).all() for part in both[:3])
    check_close([part[:, 1:] for part in both[:3]], model(clip, WORDS[None, :1]))


@torch.no_grad()
def test_identical_frames_say_what_one_of_them_says(model: ReferringSegmentation) -> None:
    frame = clips(1, 1)
    check_close(model(frame.expand(-1, 3, -1, -1, -1), WORDS[None]), model(frame, WORDS[None]))


@torch.no_grad()
def test_slots_of_the_ring_may_stand_in_any_order_among_empty_ones(model: ReferringSegmentation) -> None:
    clip = clips(1, 3)
    expected = model(clip, WORDS[None])
    features, ring, _ = model.encoder(clip[0])
    target = tuple(feature[-1:] for feature in features)
    for slots in ([0, 1, 2], [2, 0, 1], [4, 1, 3]):
        valid = torch.zeros(1, 5, dtype=torch.bool)
        valid[0, slots] = True
        whole = []
        for level in ring:
            parts = []
            for part in level:
                filled = torch.full((1, 5, *part.shape[1:]), 7.0, dtype=torch.float64)
                filled[0, slots] = part
                parts.append(filled)
            whole.append((parts[0], parts[1], parts[2]))
        check_close(model.fusion(target, tuple(whole), valid, WORDS[None]), expected)
    other = clip.clone()
    other[:, 0] = clips(1, 1, seed=1)[:, 0]
    assert (model(other, WORDS[None]).logits - expected.logits).abs().max() > 1e-6


@torch.no_grad()
def test_a_network_for_still_images_has_no_ring() -> None:
    model = network(replace(PAPER_LIKE, clip=1))
    features, ring, _ = model.encoder(clips(2, 1)[:, 0])
    assert ring == () and [tuple(f.shape) for f in features] == [(2, 16, 4, 8), (2, 32, 4, 8), (2, 64, 4, 8)]
    fused = model(clips(2, 1), WORDS[None].expand(2, -1, -1))
    assert fused.logits.shape == (2, 3, 4, 8) and fused.presence.shape == (2, 3)


def test_a_size_that_does_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="the input is 30x64; both must be multiples of 16"):
        ReferringSegmentation(replace(PAPER_LIKE, height=30))
    with pytest.raises(ValueError, match="the input is 48x64; both must be multiples of 32"):
        ReferringSegmentation(replace(PAPER_LIKE, height=48, clip_cell=32))


def literal_logits(model: ReferringSegmentation, clip: Tensor, words: Tensor) -> tuple[Tensor, Tensor]:
    """One clip (T, H, W, 3) and one expression (N,) without padding -> mask logits (h, w), a_n (L, N)."""
    fusion, config = model.fusion, model.config
    features = model.encoder.backbone_features(clip)
    e = torch.stack([fusion.language.table.weight[word] for word in words])
    levels, attentions = [], []
    for index, level in enumerate(fusion.levels):
        frames = features[index].flatten(2).transpose(1, 2)  # (T, P, C_v)
        v, _ = literal.cross_frame(model.encoder.clip[index], fusion.clip[index], frames[-1], frames)  # Eq. 9-11
        height, width = features[index].shape[-2:]
        s = literal.coordinates(height, width)
        attended = literal.cross_modal(level.attention[0], torch.cat([literal.unit(v), s], -1), literal.unit(e))
        project = level.merge[0].project
        x = attended.pooled @ project.weight.T + project.bias  # the 1x1 convolution of Sec. 3.3
        assert x.shape == (height * width, config.fusion_channels)
        levels.append(x.T.unflatten(-1, (height, width)))
        attentions.append(attended.words)
    fused = literal.gated_fusion(fusion.fuse, levels)  # Eq. 6
    return literal.convolution_3x3(fusion.mask, fused)[0], torch.stack(attentions)  # Eq. 7


@pytest.mark.parametrize("frames", [1, 3])
def test_the_paper_s_network_equals_its_equations(frames: int) -> None:
    model = network(PAPER_LIKE)
    clip, words = clips(1, frames), torch.tensor([3, 5, 7])
    masks = (torch.rand(32, 64, generator=torch.Generator().manual_seed(1)) > 0.7).double()

    def ours() -> list[Tensor]:
        fused = model(clip, words[None, None])
        logits = fused.logits[0, 0]
        eq8 = losses.mask_loss(losses.at_size(fused.logits, masks.shape)[0, 0], masks, torch.ones(()))
        return [logits, fused.word_attention[0, 0], eq8]

    def theirs() -> list[Tensor]:
        logits, attention = literal_logits(model, clip[0], words)
        larger = F.interpolate(logits[None, None], masks.shape, mode="bilinear")[0, 0]
        return [logits, attention, literal.cross_entropy(1 / (1 + (-larger).exp()), masks)]

    parts = [model.fusion.language, model.fusion.clip, model.fusion.levels, model.fusion.fuse, model.fusion.mask]
    check_equal(ours, theirs, [parameter for part in parts for parameter in part.parameters()])


@torch.no_grad()
def test_the_paper_s_configuration_runs_at_its_full_size() -> None:
    torch.manual_seed(0)
    config = configs.load("paper").network
    model = ReferringSegmentation(config).eval()
    clip = torch.randint(0, 256, (1, 1, config.height, config.width, 3), dtype=torch.uint8)
    fused = model(clip, torch.randint(2, config.vocabulary, (1, 1, config.max_words)))
    assert fused.logits.shape == (1, 1, 40, 40) and fused.word_attention.shape == (1, 1, 3, 20)
    assert all(torch.isfinite(part).all() for part in fused[:3])
