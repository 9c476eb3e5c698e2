"""The optimisers that configurations name, and which parameters they treat alike."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from model_training.configs.schema import Config, Phase
from model_training.networks.config import chosen

OPTIMISERS = {
    "adamw": partial(torch.optim.AdamW, betas=(0.9, 0.98)),  # decays weights apart from the gradient
    "adam": partial(torch.optim.Adam, betas=(0.9, 0.999)),  # half their squared norm is in the loss, as the paper's
}

EYES = ("model.encoder.backbone.", "model.encoder.colour.")
"""What sees the image; the projections of CFSA beside it are learned like the fusion."""

WORDS = "model.fusion.language.table.weight"
"""Not decayed by "adam": of any gradient it makes a whole step, and words would wither in every batch without them."""


def optimiser_of(learner: nn.Module, config: Config, phase: Phase) -> torch.optim.Optimizer:
    """A new optimiser of what a phase trains; `factor` of each of its groups is one on the learning rate.

    Parameters that are frozen are told so.

    Raises:
        ValueError: there is no optimiser of that name.
    """
    make = chosen("optimiser", config.optimiser, OPTIMISERS)
    eyes, rest, plain = [], [], []
    for name, parameter in learner.named_parameters():
        if phase.expressions == 0 and name.startswith("model.fusion."):
            continue
        if name.startswith(EYES):
            parameter.requires_grad_(phase.encoder_factor > 0)
            eyes += [parameter] * (phase.encoder_factor > 0)
        elif parameter.ndim < 2 or (config.optimiser == "adam" and name == WORDS):
            plain.append(parameter)
        else:
            rest.append(parameter)
    groups = [
        {"params": eyes, "factor": phase.encoder_factor, "weight_decay": config.weight_decay},
        {"params": rest, "factor": 1.0, "weight_decay": config.weight_decay},
        {"params": plain, "factor": 1.0, "weight_decay": 0.0},
    ]
    return make(groups, lr=phase.learning_rate)
