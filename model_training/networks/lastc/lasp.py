"""LASP: semantics go from a deep stage D to a shallow stage S by sampling and assignment.

[paper] says that both are language-aware, and that foreground which fits the language is raised and the rest lowered;
no equation is public, so all of this is [inferred]. D is (M, C, h, w), S is (M, C, 2h, 2w).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_training.networks.lastc.cmam import EPSILON
from model_training.networks.lastc.config import LastcConfig
from model_training.networks.lastc.words_update import zero_linear
from model_training.networks.layers.positions import rows

FIRST_SHARPNESS, OPEN = 4.0, 4.0


class Language(NamedTuple):
    """What the decoder knows of the words."""

    sentence: Tensor
    """l (M, C_l)."""
    words: Tensor
    """(M, N, C_l) of both streams."""
    mask: Tensor
    """(M, N) bool."""


class LASP(nn.Module, ABC):
    """All forms: S' = S + c W_o O, or c S + W_o O with `suppress`; W_o is zero at the start, c the compatibility."""

    def __init__(self, config: LastcConfig) -> None:
        super().__init__()
        channels, text, d = config.decoder_channels, config.text_channels, config.lasp_channels
        self.suppress = config.suppress
        self.value = nn.Linear(channels, d, bias=False)
        self.fit_pixel, self.fit_sentence = nn.Linear(channels, d), nn.Linear(text, d)
        self.sharpness = nn.Parameter(torch.tensor(FIRST_SHARPNESS))
        self.threshold = nn.Parameter(torch.tensor(OPEN if config.suppress else 0.0))
        self.output = zero_linear(d, channels)

    def forward(self, deep: Tensor, shallow: Tensor, language: Language) -> Tensor:
        """(M, C, h, w), (M, C, 2h, 2w) -> (M, C, 2h, 2w)."""
        carried = self.output(self.carried(deep, shallow, language)).transpose(1, 2).view_as(shallow)
        fit = self.compatibility(shallow, language).view(shallow.shape[0], 1, *shallow.shape[-2:])
        return fit * shallow + carried if self.suppress else shallow + fit * carried

    def compatibility(self, features: Tensor, language: Language) -> Tensor:
        """The pixels' c (M, P): sigmoid(sharpness * cosine with the sentence + threshold)."""
        pixels, sentence = self.fit_pixel(rows(features)), self.fit_sentence(language.sentence)[:, None]
        cosine = F.cosine_similarity(pixels, sentence, dim=-1, eps=EPSILON)
        return (self.sharpness * cosine + self.threshold).sigmoid()

    @abstractmethod
    def carried(self, deep: Tensor, shallow: Tensor, language: Language) -> Tensor:
        """O (M, 4hw, d): what each shallow pixel is given."""


class SampledLASP(LASP):
    """Forms that sample with weights of all deep pixels, and assign with weights of all samples."""

    def carried(self, deep: Tensor, shallow: Tensor, language: Language) -> Tensor:
        """As LASP.carried."""
        sampled, assigned = self.sampled(deep, language), self.assigned(deep, shallow, language)
        return assigned @ (sampled @ self.value(rows(deep)))

    @abstractmethod
    def sampled(self, deep: Tensor, language: Language) -> Tensor:
        """A (M, K, hw): weights of the deep pixels in each of K samples."""

    @abstractmethod
    def assigned(self, deep: Tensor, shallow: Tensor, language: Language) -> Tensor:
        """C (M, 4hw, K): weights of the samples for each shallow pixel."""


class MapLASP(SampledLASP):
    """`map`: a 1x1 convolution makes K maps from the feature, after the sentence has gated its channels."""

    def __init__(self, config: LastcConfig) -> None:
        super().__init__(config)
        channels, text = config.decoder_channels, config.text_channels
        self.gate_deep, self.gate_shallow = nn.Linear(text, channels), nn.Linear(text, channels)
        self.of_deep = nn.Linear(channels, config.lasp_maps, bias=False)
        self.of_shallow = nn.Linear(channels, config.lasp_maps)

    def sampled(self, deep: Tensor, language: Language) -> Tensor:
        """As SampledLASP.sampled; rows sum to one over the pixels."""
        gated = rows(deep) * self.gate_deep(language.sentence).sigmoid()[:, None]
        return self.of_deep(gated).transpose(1, 2).softmax(-1)

    def assigned(self, deep: Tensor, shallow: Tensor, language: Language) -> Tensor:
        """As SampledLASP.assigned; rows sum to one over the K."""
        gated = rows(shallow) * self.gate_shallow(language.sentence).sigmoid()[:, None]
        return self.of_shallow(gated).softmax(-1)


class SlotLASP(MapLASP):
    """`slot`: like `map`, but K learned queries, added to the sentence's, attend to the deep pixels."""

    def __init__(self, config: LastcConfig) -> None:
        super().__init__(config)
        d = config.lasp_channels
        del self.of_deep, self.gate_deep
        self.slots = nn.Parameter(torch.randn(config.lasp_maps, d))
        self.query, self.key = nn.Linear(config.text_channels, d), nn.Linear(config.decoder_channels, d, bias=False)

    def sampled(self, deep: Tensor, language: Language) -> Tensor:
        """As SampledLASP.sampled."""
        queries = self.query(language.sentence)[:, None] + self.slots
        return (queries @ self.key(rows(deep)).transpose(1, 2) / queries.shape[-1] ** 0.5).softmax(-1)


class WordLASP(SampledLASP):
    """`word`: one sample per word, gathered and distributed as in LSCM [code: LSCM].

    With `reuse`, as in LSCM's code, the gathered rows have unit length, and the map that gathered them distributes them
    too; its weights for a shallow pixel do not sum to one.
    """

    def __init__(self, config: LastcConfig) -> None:
        super().__init__(config)
        channels, text, d = config.decoder_channels, config.text_channels, config.lasp_channels
        self.query, self.key = nn.Linear(text, d), nn.Linear(channels, d, bias=False)
        self.reuse = config.reuse
        if not self.reuse:
            self.back_query, self.back_key = nn.Linear(channels, d), nn.Linear(text, d, bias=False)

    def carried(self, deep: Tensor, shallow: Tensor, language: Language) -> Tensor:
        """As LASP.carried."""
        if not self.reuse:
            return super().carried(deep, shallow, language)
        sampled = self.sampled(deep, language)
        gathered = F.normalize(sampled @ self.value(rows(deep)), dim=-1, eps=EPSILON)
        maps = (sampled * language.mask[..., None]).unflatten(-1, deep.shape[-2:])
        return rows(F.interpolate(maps, shallow.shape[-2:], mode="bilinear", align_corners=True)) @ gathered

    def sampled(self, deep: Tensor, language: Language) -> Tensor:
        """As SampledLASP.sampled."""
        queries = self.query(language.words)
        return (queries @ self.key(rows(deep)).transpose(1, 2) / queries.shape[-1] ** 0.5).softmax(-1)

    def assigned(self, deep: Tensor, shallow: Tensor, language: Language) -> Tensor:
        """As SampledLASP.assigned; padding is given nothing."""
        keys = self.back_key(language.words)
        logits = self.back_query(rows(shallow)) @ keys.transpose(1, 2) / keys.shape[-1] ** 0.5
        return logits.masked_fill(~language.mask[:, None], float("-inf")).softmax(-1)


class PointLASP(LASP):
    """`point`: the samples are the K deep pixels that fit the sentence best, each times its fit; shallow pixels attend
    to them.
    """

    def __init__(self, config: LastcConfig) -> None:
        super().__init__(config)
        channels, d = config.decoder_channels, config.lasp_channels
        self.maps = config.lasp_maps
        self.query, self.key = nn.Linear(channels, d), nn.Linear(channels, d, bias=False)

    def carried(self, deep: Tensor, shallow: Tensor, language: Language) -> Tensor:
        """As LASP.carried."""
        pixels = rows(deep)
        fit, places = self.compatibility(deep, language).topk(min(self.maps, pixels.shape[1]), -1)
        best = pixels.gather(1, places[..., None].expand(-1, -1, pixels.shape[-1]))
        keys = self.key(best)
        assigned = (self.query(rows(shallow)) @ keys.transpose(1, 2) / keys.shape[-1] ** 0.5).softmax(-1)
        return assigned @ (fit[..., None] * self.value(best))


PROPAGATIONS = {"map": MapLASP, "slot": SlotLASP, "word": WordLASP, "point": PointLASP, "none": None}
