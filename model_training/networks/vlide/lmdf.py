"""LMDF: earlier frames and the words make filters that update the target's feature.

[paper] says that language-guided spatio-temporal features generate position-specific filters at several scales, and
that these update the feature of the current frame. Its equations are not public; the filters are HDFNet's [code], the
rest is [inferred].
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model_training.networks.config import chosen
from model_training.networks.layers.blocks import convolution
from model_training.networks.layers.positions import rows
from model_training.networks.vlide.config import VlideConfig
from model_training.networks.vlide.filtering import NORMALISATIONS, FilterHead, filtered
from model_training.networks.vlide.pyramid import pyramid
from model_training.networks.vlide.vlmg import WordAttention


class PooledFrames(nn.Module):
    """`attention`: G = CBR([X_t; X^]); X_t attends to the pyramid cells of all references to give X^, 0 without any."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.query, self.key = nn.Conv2d(channels, half, 1), nn.Linear(channels, half, bias=False)
        self.value = nn.Linear(channels, channels)
        self.merge = convolution(2 * channels, channels)

    def forward(self, target: Tensor, references: Tensor) -> Tensor:
        """(M, C, h, w), (M, T_r, C, h, w) -> G (M, C, h, w)."""
        attended = torch.zeros_like(target)
        if references.shape[1]:
            cells = pyramid(references.flatten(0, 1)).unflatten(0, references.shape[:2]).flatten(1, 2)
            query = rows(self.query(target))
            weights = (query @ self.key(cells).transpose(1, 2) / query.shape[-1] ** 0.5).softmax(-1)
            attended = (weights @ self.value(cells)).transpose(1, 2).view_as(target)
        return self.merge(torch.cat([target, attended], 1))


class MeanFrame(nn.Module):
    """`mean`: G = CBR([X_t; mean X_r; X_t - mean X_r])."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.merge = convolution(3 * channels, channels)

    def forward(self, target: Tensor, references: Tensor) -> Tensor:
        """As PooledFrames.forward."""
        mean = references.mean(1) if references.shape[1] else torch.zeros_like(target)
        return self.merge(torch.cat([target, mean, target - mean], 1))


class TargetAlone(nn.Module):
    """`none`: G = X_t."""

    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, target: Tensor, references: Tensor) -> Tensor:
        """As PooledFrames.forward."""
        return target


GATHERINGS = {"attention": PooledFrames, "mean": MeanFrame, "none": TargetAlone}


class GuidedByWords(nn.Module):
    """`words`: Z = CBR([G; e]), with e the WordAttention of G."""

    def __init__(self, channels: int, text: int, scale: bool) -> None:
        super().__init__()
        self.listen = WordAttention(text, channels, scale)
        self.merge = convolution(2 * channels, channels)

    def forward(self, g: Tensor, states: Tensor, mask: Tensor) -> Tensor:
        """G (M, C, h, w), L (M, N, C_l), (M, N) -> Z (M, C, h, w)."""
        return self.merge(torch.cat([g, self.listen(g, states, mask)[0]], 1))


class GatedBySentence(nn.Module):
    """`gate`: Z = CBR(G times sigmoid(W sentence))."""

    def __init__(self, channels: int, text: int, scale: bool) -> None:
        super().__init__()
        self.gate = nn.Linear(text, channels)
        self.merge = convolution(channels, channels)

    def forward(self, g: Tensor, states: Tensor, mask: Tensor) -> Tensor:
        """As GuidedByWords.forward."""
        return self.merge(g * self.gate(states[:, 0]).sigmoid()[..., None, None])


LANGUAGES = {"words": GuidedByWords, "gate": GatedBySentence}


class LMDF(nn.Module):
    """Language-guided Multi-scale Dynamic Filtering at one level.

    X_t' = X_t + W_o CBR([x; R^d for each dilation d]), W_o zero at the start. x is X_t at a quarter of the channels;
    R^d is x after the filters of dilation d, then a 3x3 convolution.
    """

    def __init__(self, config: VlideConfig) -> None:
        super().__init__()
        channels, text = config.reduced_channels, config.text_channels
        quarter = channels // 4
        if quarter % config.kgroups:
            raise ValueError(f"kgroups is {config.kgroups}; it must divide the {quarter} channels that are filtered")
        chosen("knorm", config.knorm, NORMALISATIONS)
        self.gather = chosen("st", config.st, GATHERINGS)(channels)
        self.guide = chosen("lguide", config.lguide, LANGUAGES)(channels, text, config.scale)
        self.narrow = nn.Conv2d(channels, quarter, 1)
        self.dilations = config.dils
        self.filters = nn.ModuleList(FilterHead(channels, config.kgroups, config.knorm) for _ in config.dils)
        self.after = nn.ModuleList(nn.Conv2d(quarter, quarter, 3, padding=1) for _ in config.dils)
        self.merge = convolution((1 + len(config.dils)) * quarter, channels)
        self.output = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, target: Tensor, references: Tensor, states: Tensor, mask: Tensor) -> Tensor:
        """X_t (M, C, h, w), X_r (M, T_r, C, h, w) in any order, L (M, N, C_l), (M, N) bool -> X_t' (M, C, h, w)."""
        z = self.guide(self.gather(target, references), states, mask)
        x = self.narrow(target)
        branches = [
            after(filtered(x, filters(z), dilation))
            for dilation, filters, after in zip(self.dilations, self.filters, self.after, strict=True)
        ]
        return target + self.output(self.merge(torch.cat([x, *branches], 1)))
