"""The shipped network and its training run, so small that a test can afford them."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import torch
from torch import nn

from model_training.configs import shipped
from model_training.configs.schema import Phase
from model_training.networks.config import NetworkConfig
from model_training.networks.refseg import ReferringSegmentation

Module = TypeVar("Module", bound=nn.Module)

NETWORK = replace(
    shipped.NETWORK,
    height=48,
    width=64,
    stem_channels=8,
    word_channels=16,
    attention_channels=8,
    fusion_channels=12,
    clip=3,
    clip_channels=8,
    colour_channels=6,
    word_layers=1,
    rounds=(1, 2, 2),
)

NOTHING_BEYOND: dict[str, object] = {
    "word_layers": 0,
    "rounds": (1, 1, 1),
    "clip_values": "raw",
    "cosine_attention": False,
    "pooled_attention": False,
    "batch_norm": False,
    "modulation": False,
    "shuffle": 1,
    "normalise": True,
}
"""What the network of the shipped model is without, to have nothing in it that the paper does not have."""

CONFIG = replace(
    shipped.CONFIG,
    name="tiny",
    network=NETWORK,
    scenes=replace(
        shipped.CONFIG.scenes, scenes=16, height=NETWORK.height, width=NETWORK.width, moving_share=0.5, clip=3
    ),
    phases=(
        Phase("encoder", steps=4, frames=2, expressions=0, learning_rate=2e-3, warm_up=2),
        Phase("joint", steps=6, frames=2, expressions=2, learning_rate=1e-3, encoder_factor=0.25, warm_up=2),
    ),
    moving_share=0.5,
    unseen_scenes=4,
)


def network(seed: int = 0, network: NetworkConfig = NETWORK) -> ReferringSegmentation:
    """A network as `settled` leaves it."""
    torch.manual_seed(seed)
    return settled(ReferringSegmentation(network))


def settled(module: Module) -> Module:
    """A module in evaluation mode whose every part has a say: none of its parameters or averages is at its start."""
    module.eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.1 * torch.randn(parameter.shape)
        for norm in module.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.running_mean.normal_(0, 0.2)
                norm.running_var.uniform_(0.5, 2.0)
    return module
