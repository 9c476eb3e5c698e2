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


class _Synced(nn.modules.batchnorm._BatchNorm):
    """Batch norm over the batches of all processes together; each must have the same size."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, ...) -> the same shape."""
        if not self.training:
            return super().forward(x)
        others = [0, *range(2, x.dim())]
        with torch.autocast(x.device.type, enabled=False):
            wide, ranks = x.float(), distributed.get_world_size()
            # Moments are about the mean of the first process, so that the variance loses no digits.
            near = wide.detach().mean(others)
            distributed.broadcast(near, 0)
            apart = wide - _on_channels(near, x)
            moments = torch.stack([apart.mean(others), apart.square().mean(others)])
            offset, square = _Sum.apply(moments) / ranks
            variance = square - offset.square()
            count = ranks * x.numel() / x.shape[1]
            with torch.no_grad():
                assert self.running_mean is not None and self.running_var is not None and self.momentum is not None
                self.running_mean.lerp_(near + offset, self.momentum)
                self.running_var.lerp_(variance * count / (count - 1), self.momentum)
                self.num_batches_tracked.add_(1)
            scale = self.weight * (variance + self.eps).rsqrt()
            normed = (apart - _on_channels(offset, x)) * _on_channels(scale, x) + _on_channels(self.bias, x)
            return normed.to(x.dtype)


class SyncedBatchNorm1d(_Synced, nn.BatchNorm1d):
    """Of (B, C) or (B, C, L)."""


class SyncedBatchNorm2d(_Synced, nn.BatchNorm2d):
    """Of (B, C, H, W)."""


class SyncedBatchNorm3d(_Synced, nn.BatchNorm3d):
    """Of (B, C, T, H, W)."""


_SYNCED = {
    nn.BatchNorm1d: SyncedBatchNorm1d,
    nn.BatchNorm2d: SyncedBatchNorm2d,
    nn.BatchNorm3d: SyncedBatchNorm3d,
}


def synced(module: nn.Module) -> None:
    """Replace every batch norm of a module in place; parameters and averages stay."""
    for part in module.modules():
        if type(part) in _SYNCED:
            part.__class__ = _SYNCED[type(part)]


def _on_channels(values: Tensor, x: Tensor) -> Tensor:
    """(C,) in a shape that broadcasts against x (B, C, ...)."""
    return values.view(-1, *[1] * (x.dim() - 2))
