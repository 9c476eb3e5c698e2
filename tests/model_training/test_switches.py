"""Each switch of NetworkConfig learns: a network that has it over-fits a batch. And the default stays what it is."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from model_training import configs
from model_training.learning import losses
from model_training.networks.config import NetworkConfig
from model_training.networks.refseg import ReferringSegmentation
from tests.model_training import tiny

HEIGHT, WIDTH = 32, 64
BASE = replace(
    tiny.NETWORK,
    vocabulary=6,
    height=HEIGHT,
    width=WIDTH,
    max_words=3,
    clip=1,
    word_layers=0,
    rounds=(1, 1, 2),
)
RED, BLUE, LEFT = 2, 3, 4
WORDS = torch.tensor([[RED, 0, 0], [BLUE, 0, 0], [LEFT, BLUE, 0]])
"""Of different length, and one word of the last one is another's."""

SWITCHES: dict[str, dict[str, object]] = {
    "cmsa, word attention-aware pooling, words, gmlf": {},
    "max pooling": {"pooling": "max", "pooled_attention": False},
    "mean pooling": {"pooling": "mean"},
    "word attention four times as sharp": {"word_attention_gain": 4.0},
    "no attention": {"attention": "none", "pooled_attention": False},
    "word attention": {"attention": "word"},
    "pixel attention": {"attention": "pixel"},
    "pair attention": {"attention": "pair"},
    "sentence": {"representation": "sentence"},
    "rmi-lstm": {"representation": "rmi-lstm", "pooled_attention": False},
    "rrn-cnn": {"representation": "rrn-cnn", "pooled_attention": False},
    "no fusion": {"fusion": "none"},
    "ppm": {"fusion": "ppm"},
    "deconvolution": {"fusion": "deconvolution"},
    "convlstm": {"fusion": "convlstm"},
    "gated": {"fusion": "gated"},
    "cvpr gates": {"fusion": "gmlf-channels"},
    "cvpr projections": {"rectified": True, "pooled_attention": False},
    "cvpr keys": {"key_pooling": (1, 2, 2), "pooled_attention": False},
    "nothing beyond the paper": {**tiny.NOTHING_BEYOND, "colour_channels": 0},
    "cosine attention in its paired form": {"pooled_attention": False},
    "cvpr": {
        "rectified": True,
        "key_pooling": (2, 2, 2),
        "pooling": "mean",
        "fusion": "gmlf-channels",
        "pooled_attention": False,
    },
}

CLIPS: dict[str, dict[str, object]] = {
    "clip of 3": {"clip": 3},
    "every second frame": {"clip": 2, "clip_stride": 2},
    "raw values": {"clip": 3, "clip_values": "raw"},
}


def rectangle(x: int, y: int) -> tuple[slice, slice]:
    return slice(y, y + 12), slice(x, x + 16)


def still_batch() -> tuple[Tensor, Tensor, Tensor]:
    """Clips (2, 1, H, W, 3), words (2, 3, 3), masks (2, 3, H/2, W/2) of a red thing and two blue ones."""
    clips = np.random.default_rng(0).integers(90, 110, (2, 1, HEIGHT, WIDTH, 3)).astype(np.uint8)
    masks = np.zeros((2, 3, HEIGHT, WIDTH), np.float32)
    places = [
        (rectangle(4, 4), rectangle(40, 16), rectangle(4, 18)),
        (rectangle(44, 2), rectangle(8, 8), rectangle(40, 18)),
    ]
    for clip, mask, (red, blue, other) in zip(clips, masks, places, strict=True):
        clip[(0, *red)] = (220, 40, 40)
        clip[(0, *blue)] = clip[(0, *other)] = (40, 60, 220)
        left = min(blue, other, key=lambda place: place[1].start)
        for index, whole in enumerate(([red], [blue, other], [left])):
            for place in whole:
                mask[(index, *place)] = 1
    return torch.as_tensor(clips), WORDS.expand(2, -1, -1), torch.as_tensor(masks[:, :, ::2, ::2])


def moving_batch() -> tuple[Tensor, Tensor, Tensor]:
    """Two clips of 3 frames with the same last one; what moved into its place is meant, and only the past tells it."""
    clips = (
        np.random.default_rng(0).integers(90, 110, (1, 1, HEIGHT, WIDTH, 3)).astype(np.uint8).repeat(2, 0).repeat(3, 1)
    )
    masks = np.zeros((2, 1, HEIGHT, WIDTH), np.float32)
    ends = (4, 40)
    for which, (clip, mask) in enumerate(zip(clips, masks, strict=True)):
        for time, frame in enumerate(clip):
            for thing, x in enumerate(ends):
                frame[rectangle(x, 2 if thing == which and time == 0 else 18)] = (220, 40, 40)
        mask[(0, *rectangle(ends[which], 18))] = 1
    return torch.as_tensor(clips), WORDS[:1].expand(2, -1, -1), torch.as_tensor(masks[:, :, ::2, ::2])


def overfit(config: NetworkConfig, batch: tuple[Tensor, Tensor, Tensor], steps: int) -> float:
    """The greatest overall IoU on the batch within some steps of training on it; stops where it is enough."""
    torch.manual_seed(0)
    clips, words, masks = batch
    model = ReferringSegmentation(config).train()
    optimiser = torch.optim.Adam(model.parameters(), 6e-3, fused=True)
    best = 0.0
    for _ in range(steps):
        logits = losses.at_size(model(clips, words).logits, masks.shape[-2:])
        found, truth = logits > 0, masks > 0
        best = max(best, float((found & truth).sum() / (found | truth).sum().clamp(min=1)))
        if best >= 0.9:
            break
        everything = torch.ones(())
        loss = losses.mask_loss(logits, masks, everything)
        loss = loss + losses.dice_loss(logits, masks, torch.ones(masks.shape[:2]), everything)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return best


@pytest.mark.parametrize("switch", SWITCHES)
def test_every_switch_over_fits_a_batch(switch: str) -> None:
    assert overfit(replace(BASE, **SWITCHES[switch]), still_batch(), 600) >= 0.9


@pytest.mark.parametrize("switch", CLIPS)
def test_cfsa_over_fits_what_only_the_past_tells(switch: str) -> None:
    assert overfit(replace(BASE, **CLIPS[switch]), moving_batch(), 400) >= 0.9


@torch.no_grad()
def test_a_clip_looks_at_its_frames_alone() -> None:
    """Without CFSA at the last frame; with clip and stride at those that many steps before it."""
    clips, words, _ = moving_batch()
    clips = torch.cat([clips, clips.roll(1, 1)], 1)  # 6 frames
    for switch, seen in (({"clip": 1}, {5}), ({"clip": 2}, {4, 5}), ({"clip": 2, "clip_stride": 3}, {2, 5})):
        model = tiny.network(network=replace(BASE, **switch))
        plain = model(clips, words).logits
        for frame in range(6):
            other = clips.clone()
            other[:, frame] = 255 - other[:, frame]
            same = torch.equal(model(other, words).logits, plain)
            assert same is (frame not in seen), (switch, frame)


def test_the_default_keeps_its_parameters() -> None:
    """The weights of the shipped network load; `model_training/weights` and runs under way hold these names."""
    state = ReferringSegmentation(configs.load("tabletop").network).state_dict()
    listed = "\n".join(f"{name} {tuple(tensor.shape)}" for name, tensor in sorted(state.items()))
    digest = "decbd53579064b6d30d8c4cac6945aa3c2e2fffaa2177edfb6af958b5b62d245"
    assert len(state) == 313 and hashlib.sha256(listed.encode()).hexdigest() == digest
