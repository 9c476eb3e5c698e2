"""The processes that train one network together, as `torchrun` starts them, on one machine or many."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch

# DDP imports this module. If a process group exists by then, the module's functions keep it, and gloo's threads, until
# Python exits; a thread that frees a tensor so late aborts the process. So import it before there is a group.
import torch.distributed.nn
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class Ranks:
    """Which of the processes this one is."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes and prints."""
        return self.rank == 0

    def together(self, learner: nn.Module, device: torch.device) -> nn.Module:
        """A learner whose gradients are the mean over the processes after each backward pass."""
        if self.count == 1:
            return learner
        # Auxiliary heads and CFSA take no part in some of the steps of simulated scenes.
        sometimes_unused = getattr(learner, "heads", None) is not None
        devices = [device] if device.type == "cuda" else None
        return DistributedDataParallel(learner, device_ids=devices, find_unused_parameters=sometimes_unused)

    def mean(self, terms: Mapping[str, float], device: torch.device) -> dict[str, float]:
        """The mean of each value over the processes."""
        if self.count == 1:
            return dict(terms)
        values = torch.tensor(list(terms.values()), device=device)
        distributed.all_reduce(values)
        return dict(zip(terms, (values / self.count).tolist(), strict=True))

    def total(self, counts: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The sum of each tensor over the processes."""
        totals = {name: count.clone() for name, count in counts.items()}
        if self.count > 1:
            for total in totals.values():
                distributed.all_reduce(total)
        return totals

    def agree(self, value: object) -> bool:
        """Whether all processes have the same value."""
        if self.count == 1:
            return True
        values: list[object] = [None] * self.count
        distributed.all_gather_object(values, value)
        return all(other == value for other in values)


ALONE = Ranks()


@contextmanager
def joined(device: torch.device) -> Iterator[tuple[Ranks, torch.device]]:
    """Join the processes that `torchrun` started, if any, and give the ranks and the device of this process.

    Raises:
        ConnectionError: another process has ended; the message says how to go on.
    """
    if not distributed.is_torchelastic_launched():
        yield ALONE, device
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    ranks = Ranks(distributed.get_rank(), distributed.get_world_size())
    try:
        yield ranks, device
    except RuntimeError as error:
        if not (isinstance(error, distributed.DistError) or "gloo" in str(error)):
            raise
        reason = str(error).strip().splitlines()[0]
        message = (
            f"process {ranks.rank} of {ranks.count}: another one has ended ({reason}); start the same command again"
        )
        raise ConnectionError(message) from None
    distributed.destroy_process_group()
