"""How the levels' X^i become one map: what Table 2 compares gated multi-level fusion with.

Each takes L maps (B, C, H, W) of one size, the shallowest level first, and gives (B, C, H, W); one of them gives a map
that is larger and has fewer channels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_training.networks.cmsa.fusion import MapFusion
from model_training.networks.cmsa.gmlf import GatedMultiLevelFusion


class LastLevel(nn.Module):
    """No fusion: the deepest level as it is."""

    def __init__(self, channels: int, levels: int) -> None:
        super().__init__()

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """L maps (B, C, H, W), the shallowest first -> (B, C, H, W)."""
        return levels[-1]


class PyramidPooling(nn.Module):
    """PPM (Zhao et al., CVPR 2017) over the deepest level: a 3x3 convolution joins it with its means over 1, 4, 9 and
    36 bins, each at a quarter of the channels. No batch norm, since one bin of one image has no variance.
    """

    BINS = (1, 2, 3, 6)

    def __init__(self, channels: int, levels: int) -> None:
        super().__init__()
        quarter = max(1, channels // len(self.BINS))
        self.bins = nn.ModuleList(nn.Conv2d(channels, quarter, 1) for _ in self.BINS)
        self.merge = nn.Conv2d(channels + len(self.BINS) * quarter, channels, 3, padding=1)

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """L maps (B, C, H, W), the shallowest first -> (B, C, H, W)."""
        x = levels[-1]
        parts = [x]
        for count, project in zip(self.BINS, self.bins, strict=True):
            coarse = F.relu(project(F.adaptive_avg_pool2d(x, count)))
            parts.append(F.interpolate(coarse, x.shape[-2:], mode="bilinear", align_corners=False))
        return F.relu(self.merge(torch.cat(parts, 1)))


class Deconvolution(nn.Module):
    """Learned upsampling of the deepest level (Noh et al., ICCV 2015): two transposed convolutions with ReLU, each to
    twice the size; the first halves the channels.
    """

    def __init__(self, channels: int, levels: int) -> None:
        super().__init__()
        self.first = nn.ConvTranspose2d(channels, channels // 2, 4, 2, 1)
        self.second = nn.ConvTranspose2d(channels // 2, channels // 2, 4, 2, 1)

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """L maps (B, C, H, W) -> (B, C // 2, 4 H, 4 W)."""
        return F.relu(self.second(F.relu(self.first(levels[-1]))))


class ConvolutionalLSTM(nn.Module):
    """ConvLSTM over the levels, the deepest first (Li et al., CVPR 2018): the levels are the steps of a sequence, and
    the last hidden state is the result. Kernels are 1x1, states begin at zero; gates in the order of torch.nn.LSTM.
    """

    def __init__(self, channels: int, levels: int) -> None:
        super().__init__()
        self.gates = nn.Conv2d(2 * channels, 4 * channels, 1)

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """L maps (B, C, H, W), the shallowest first -> (B, C, H, W)."""
        state = memory = torch.zeros_like(levels[-1])
        for x in reversed(levels):
            take, keep, new, show = self.gates(torch.cat([x, state], 1)).chunk(4, 1)
            memory = keep.sigmoid() * memory + take.sigmoid() * new.tanh()
            state = show.sigmoid() * memory.tanh()
        return state


class SelfGated(nn.Module):
    """The sum of m^i X^i: memory gates as in GMLF, but each acts on its own level only."""

    def __init__(self, channels: int, levels: int) -> None:
        super().__init__()
        self.gates = nn.ModuleList(nn.Conv2d(channels, 1, 1) for _ in range(levels))

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """L maps (B, C, H, W), the shallowest first -> (B, C, H, W)."""
        return torch.stack([gate(x).sigmoid() * x for gate, x in zip(self.gates, levels, strict=True)]).sum(0)


class ChannelGatedFusion(nn.Module):
    """GMLF as in the CVPR paper's code, for three levels. A 3x3 convolution of X^i gives a candidate u^i and gates
    f^i = sigmoid(. + 1), r^i = sigmoid(. + 1), all with the channels of X^i. With the others j (deeper) and k,

        G^i = (1 - f^i) u^i + f^i (a^i X^j + (1 - a^i) X^k)      F_o^i = r^i tanh(G^i) + (1 - r^i) X^i

    with a^i learnable from 0.5. Here f^i gates the other levels; in Eq. 6 each of them has its own gate m^j.
    """

    def __init__(self, channels: int, levels: int) -> None:
        super().__init__()
        if levels != 3:
            raise ValueError(f"fusion 'gmlf-channels' is for 3 levels, not for {levels}")
        self.gates = nn.ModuleList(nn.Conv2d(channels, 3 * channels, 3, padding=1) for _ in range(levels))
        self.alpha = nn.Parameter(torch.full((levels,), 0.5))

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """L maps (B, C, H, W), the shallowest first -> (B, C, H, W)."""
        fused = []
        for i, x in enumerate(levels):
            shallower, deeper = (other for j, other in enumerate(levels) if j != i)
            candidate, memory, reset = self.gates[i](x).chunk(3, 1)
            memory, reset = (memory + 1).sigmoid(), (reset + 1).sigmoid()
            others = self.alpha[i] * deeper + (1 - self.alpha[i]) * shallower
            controller = (1 - memory) * candidate + memory * others
            fused.append(reset * controller.tanh() + (1 - reset) * x)
        return torch.stack(fused).sum(0)


FUSIONS = {
    "none": MapFusion(LastLevel),
    "ppm": MapFusion(PyramidPooling),
    "deconvolution": MapFusion(Deconvolution, upsampling=4, narrowing=2),
    "convlstm": MapFusion(ConvolutionalLSTM),
    "gated": MapFusion(SelfGated),
    "gmlf": MapFusion(GatedMultiLevelFusion),
    "gmlf-channels": MapFusion(ChannelGatedFusion),
}
"""By the names that NetworkConfig.fusion takes."""
