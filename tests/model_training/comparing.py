"""Comparing two ways to compute one thing, in values and in gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from model_training.networks.cmsa.multimodal import Multimodal, Pooled

VALUES, GRADIENTS = 1e-9, 1e-7
"""Largest differences, float64."""


def randomise(module: nn.Module, seed: int = 0, spread: float = 0.5) -> nn.Module:
    """The module in float64 and evaluation mode, with no parameter left at a special value."""
    generator = torch.Generator().manual_seed(seed)
    module.double().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += spread * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return module


def draw(*shape: int, seed: int = 0) -> Tensor:
    """Normal float64 numbers that want a gradient."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


def asked(module: Multimodal, x: Tensor, e: Tensor, mask: Tensor) -> Pooled:
    """What a module makes of words that it has just read."""
    return module(x, e, mask, module.read(e))


def check_equal(
    ours: Callable[[], Sequence[Tensor]], theirs: Callable[[], Sequence[Tensor]], wanted: Sequence[Tensor]
) -> None:
    """Both give the same values, and the same gradients of a random projection of them with respect to `wanted`."""
    gradients = []
    values = []
    for compute in (ours, theirs):
        outputs = compute()
        total = sum((output * draw(*output.shape, seed=i).detach()).sum() for i, output in enumerate(outputs))
        found = torch.autograd.grad(total, wanted, allow_unused=True)
        gradients.append([torch.zeros_like(w) if g is None else g for w, g in zip(wanted, found, strict=True)])
        values.append(outputs)
    for a, b in zip(*values, strict=True):
        assert a.shape == b.shape
        assert (a - b).abs().max() < VALUES
    for a, b in zip(*gradients, strict=True):
        assert (a - b).abs().max() < GRADIENTS
    assert any(gradient.abs().max() > 1e-3 for gradient in gradients[0])
