"""Batch norm over the batches of all processes, on any device; torch's own needs GPUs."""

from __future__ import annotations

import torch
from torch import Tensor, distributed, nn


class _Sum(torch.autograd.Function):
    """The sum of a tensor over the processes; so is the gradient of each summand."""

    @staticmethod
    def forward(ctx: object, summand: Tensor) -> Tensor:
        total = summand.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        distributed.all_reduce(total)
        return total


class SyncedBatchNorm(nn.BatchNorm2d):
    """Batch norm over the batches of all processes together; each must have the same size."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape."""
        if not self.training:
            return super().forward(x)
        with torch.autocast(x.device.type, enabled=False):
            wide, ranks = x.float(), distributed.get_world_size()
            # Moments are about the mean of the first process, so that the variance loses no digits.
            near = wide.detach().mean((0, 2, 3))
            distributed.broadcast(near, 0)
            apart = wide - near[:, None, None]
            moments = torch.stack([apart.mean((0, 2, 3)), apart.square().mean((0, 2, 3))])
            offset, square = _Sum.apply(moments) / ranks
            variance = square - offset.square()
            count = ranks * x.numel() / x.shape[1]
            with torch.no_grad():
                assert self.running_mean is not None and self.running_var is not None and self.momentum is not None
                self.running_mean.lerp_(near + offset, self.momentum)
                self.running_var.lerp_(variance * count / (count - 1), self.momentum)
                self.num_batches_tracked.add_(1)
            scale = self.weight * (variance + self.eps).rsqrt()
            return ((apart - offset[:, None, None]) * scale[:, None, None] + self.bias[:, None, None]).to(x.dtype)


def synced(module: nn.Module) -> None:
    """Replace every BatchNorm2d of a module in place; parameters and averages stay."""
    for part in module.modules():
        if type(part) is nn.BatchNorm2d:
            part.__class__ = SyncedBatchNorm
