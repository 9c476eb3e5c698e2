"""Batch norm of two processes, real ones over gloo, against torch's own on the whole batch."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, distributed, multiprocessing, nn

from model_training.learning.synced_norm import synced

KINDS: dict[type[nn.Module], tuple[int, ...]] = {
    nn.BatchNorm1d: (4, 3, 5),
    nn.BatchNorm2d: (4, 3, 5, 2),
    nn.BatchNorm3d: (4, 3, 2, 5, 2),
}


def drawn(shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """A batch far from zero, and what its outputs are weighed with."""
    generator = torch.Generator().manual_seed(0)
    batch, weights = (torch.randn(shape, generator=generator) for _ in range(2))
    return 3 * batch + 100, weights


def normed(kind: type[nn.Module], rows: slice, synchronise: bool) -> list[Tensor]:
    """Output, gradient of the input, and both averages, of some rows of the batch."""
    torch.manual_seed(1)
    module = nn.Sequential(kind(3))
    nn.init.normal_(module[0].weight)
    if synchronise:
        synced(module)
    batch, weights = drawn(KINDS[kind])
    given = batch[rows].requires_grad_()
    made = module(given)
    (made * weights[rows]).sum().backward()
    return [made.detach(), given.grad, module[0].running_mean, module[0].running_var]


def half(rank: int, folder: str) -> None:
    """What one of two processes makes of its half of each batch."""
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    try:
        parts = {kind.__name__: normed(kind, slice(2 * rank, 2 * rank + 2), True) for kind in KINDS}
        torch.save(parts, f"{folder}/{rank}.pt")
    finally:
        distributed.destroy_process_group()


@pytest.fixture(scope="module")
def halves(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, list[Tensor]]]:
    folder = tmp_path_factory.mktemp("norms")
    multiprocessing.spawn(half, (str(folder),), nprocs=2)
    return [torch.load(Path(folder) / f"{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.mark.parametrize("kind", KINDS)
def test_two_halves_are_normed_as_the_whole(kind: type[nn.Module], halves: list[dict[str, list[Tensor]]]) -> None:
    made, gradient, mean, variance = normed(kind, slice(None), False)
    first, second = (parts[kind.__name__] for parts in halves)
    torch.testing.assert_close(torch.cat([first[0], second[0]]), made, atol=2e-4, rtol=0)
    torch.testing.assert_close(torch.cat([first[1], second[1]]), gradient, atol=2e-4, rtol=0)
    for ours in (first, second):
        torch.testing.assert_close(ours[2:], [mean, variance], atol=1e-4, rtol=1e-4)
