"""The optimisers that configurations name, and their groups of parameters."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from model_training.configs.schema import Config, Phase
from model_training.learning.learner import Learner
from model_training.networks.base import ParameterGroup
from model_training.networks.config import chosen

OPTIMISERS = {
    "adamw": partial(torch.optim.AdamW, betas=(0.9, 0.98)),  # decays weights apart from the gradient
    "adam": partial(torch.optim.Adam, betas=(0.9, 0.999)),  # decay is part of the loss, as in the paper
}

HEADS = ParameterGroup("heads", [])
"""What is learned beside the network."""


def optimiser_of(learner: Learner, config: Config, phase: Phase) -> torch.optim.Optimizer:
    """A new optimiser of what a phase trains; each of its groups has a `factor` on the learning rate.

    Parameters of a frozen encoder get `requires_grad` False.

    Raises:
        ValueError: there is no optimiser of that name.
    """
    make = chosen("optimiser", config.optimiser, OPTIMISERS)
    group_of = {id(parameter): group for group in learner.model.parameter_groups() for parameter in group.parameters}
    # "adam" makes a full step of any gradient, so decay would shrink the vectors of words that a batch does not have.
    tables = [part.weight for part in learner.model.modules() if isinstance(part, nn.Embedding)]
    undecayed = {id(table) for table in tables} if config.optimiser == "adam" else set()
    found: dict[tuple[float, float], list[nn.Parameter]] = {}
    for parameter in learner.parameters():
        group = group_of.get(id(parameter), HEADS)
        if phase.expressions == 0 and not (group.encoder or group is HEADS):
            continue
        factor, decay = group.factor, config.weight_decay
        if group.encoder:
            factor *= phase.encoder_factor
            parameter.requires_grad_(factor > 0)
            if factor == 0:
                continue
        elif parameter.ndim < 2 or id(parameter) in undecayed:
            decay = 0.0
        found.setdefault((factor, decay), []).append(parameter)
    groups = [
        {"params": parameters, "factor": factor, "weight_decay": decay} for (factor, decay), parameters in found.items()
    ]
    return make(groups, lr=phase.learning_rate)
