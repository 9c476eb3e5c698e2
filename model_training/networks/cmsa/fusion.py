"""What is computed for the expressions: from a frame's features and words to mask, presence and word attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_training.networks.cmsa.cfsa import CLIP_VALUES, CrossFrameSelfAttention
from model_training.networks.cmsa.encoder import Ring, grid_sizes
from model_training.networks.cmsa.level import Level, LevelAnswer, MakeMultimodal, Rounds
from model_training.networks.config import NetworkConfig, chosen
from model_training.networks.layers.cosine import unit
from model_training.networks.layers.language import Language


class MapFusion(NamedTuple):
    """How the levels' X^i become one map; GMLF is one way."""

    module: type[nn.Module]
    """Takes the channels of X^i and the number of levels."""
    upsampling: int = 1
    """How many times larger the map is than the levels."""
    narrowing: int = 1
    """By what factor it has fewer channels."""


class Parts(NamedTuple):
    """The parts that the paper compares with others: its own, or others."""

    multimodal: MakeMultimodal
    """CMSA, Eq. 2-5."""
    map_fusion: MapFusion
    """GMLF, Eq. 6."""
    sentence: type[nn.Module] | None
    """Turns the word vectors into one vector; takes C_l. None in the paper's own system."""


class ClipFeatures(NamedTuple):
    """What CFSA makes of the target frames."""

    features: tuple[Tensor, ...]
    """Per level: (B, C_v, H, W) V_t after Eq. 9-11; the features as they were where the network has no CFSA."""
    frame_weights: tuple[Tensor, ...] = ()
    """Per level: (B, T) the weights of the clip's frames in Eq. 11; rows sum to one. Empty without CFSA."""
    skip: Tensor | None = None
    """(B, C, H, W) of the target frames at stride 4, which CFSA leaves as it is; None without a skip."""


class Query(NamedTuple):
    """What is computed from E expressions alone, once for all frames."""

    word_vectors: Tensor
    """(B, E, N, C_l) e_n, or with N = 1 the vector of the sentence."""
    word_mask: Tensor
    """(B, E, N) bool, False for padding."""
    levels: tuple[Rounds, ...]
    """What each level's modules read of e_n."""
    word_weights: Tensor | None = None
    """(B, E, N) a_n where one vector stands for all words; None where CMSA finds it, Eq. 4."""


class Fused(NamedTuple):
    """What the fusion says of E expressions on each of B frames. A robot's graphs give the first three."""

    logits: Tensor
    """(B, E, h, w) mask logits over the letterboxed input."""
    presence: Tensor
    """(B, E) logit of "there is such a thing"."""
    word_attention: Tensor
    """(B, E, L, N), rows sum to one."""
    clip: ClipFeatures
    """What the levels read."""
    first_round: tuple[Tensor, ...]
    """Per level: (B, E, C, H, W) X^i after the first round of CMSA."""
    last_round: tuple[Tensor, ...]
    """The same after the last."""


class Skip(nn.Module):
    """Upsample the fused map by 2, and merge it with the backbone's map of that size.

    Args:
        fused: channels of the map.
        channels: of the skip, and of what comes out.
    """

    def __init__(self, fused: int, channels: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(fused, channels, 1)
        self.merge = nn.Sequential(
            nn.Conv2d(2 * channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, fused: Tensor, skip: Tensor) -> Tensor:
        """(B * E, fused, H, W), (B, channels, 2 H, 2 W) -> (B * E, channels, 2 H, 2 W)."""
        wide = F.interpolate(self.narrow(fused), scale_factor=2.0, mode="bilinear", align_corners=False)
        fine = skip[:, None].expand(-1, wide.shape[0] // skip.shape[0], -1, -1, -1).flatten(0, 1)
        return self.merge(torch.cat([wide, fine], 1))


class Fusion(nn.Module):
    """Features of the target frame, its clip and E expressions -> masks, presence and word attention.

    Args:
        config: the network's shape.
        channels, strides: of the encoder's levels.
        parts: `ablations.choice.chosen_parts` gives those of the configuration.
    """

    def __init__(
        self, config: NetworkConfig, channels: tuple[int, ...], strides: tuple[int, ...], parts: Parts
    ) -> None:
        super().__init__()
        self.config = config
        width = config.fusion_channels
        sizes = grid_sizes(config, strides)
        self.language = Language(config)
        self.sentence = parts.sentence(config.word_channels) if parts.sentence is not None else None
        projected = chosen("clip_values", config.clip_values, CLIP_VALUES)
        self.clip = nn.ModuleList(
            CrossFrameSelfAttention(c, config.clip_channels if projected else None)
            for c in (channels if config.clip > 1 else ())
        )
        self.levels = nn.ModuleList(
            Level(config, parts.multimodal, c, s, config.rounds[i])
            for i, (c, s) in enumerate(zip(channels, sizes, strict=True))
        )
        way = parts.map_fusion
        self.fuse = way.module(width, len(channels))
        self.size = sizes[0]
        fused, self.shuffle = width // way.narrowing, max(1, config.shuffle // way.upsampling)
        self.refine = None
        if config.shuffle > 1:
            self.refine = nn.Sequential(
                nn.Conv2d(fused, fused, 3, padding=1, bias=False), nn.BatchNorm2d(fused), nn.ReLU(inplace=True)
            )
        self.skip, finest = None, fused
        if config.skip_channels:
            self.skip, finest, self.shuffle = Skip(fused, config.skip_channels), config.skip_channels, self.shuffle // 2
        self.mask = nn.Conv2d(finest, self.shuffle**2, 3, padding=1)  # Eq. 7
        pooled = 2 * fused + 2 * len(channels) * width + config.word_channels + 1
        self.presence = nn.Sequential(nn.Linear(pooled, width), nn.ReLU(inplace=True), nn.Linear(width, 1))

    def forward(
        self, features: tuple[Tensor, ...], ring: Ring, valid: Tensor, words: Tensor, skip: Tensor | None = None
    ) -> Fused:
        """Fuse.

        Args:
            features: per level (B, C_v, H, W) of the target frames.
            ring: per level query (B, T, G, d), key (B, T, P, d) and value (B, T, G, d_v) of the clips.
            valid: (B, T) bool.
            words: (B, E, N) int64, PADDING at the end.
            skip: (B, C, H, W) as the encoder gives it.
        """
        return self.answer(self.attend_to_clip(features, ring, valid)._replace(skip=skip), self.read(words))

    def attend_to_clip(self, features: tuple[Tensor, ...], ring: Ring, valid: Tensor) -> ClipFeatures:
        """The target frames after CFSA."""
        if not len(self.clip):
            return ClipFeatures(features)
        updated, frame_weights = [], []
        for feature, attention, parts in zip(features, self.clip, ring, strict=True):
            v, weights = attention(feature.flatten(2).transpose(1, 2), *parts, valid)
            updated.append(v.transpose(1, 2).unflatten(-1, feature.shape[-2:]))
            frame_weights.append(weights)
        return ClipFeatures(tuple(updated), tuple(frame_weights))

    def read(self, words: Tensor) -> Query:
        """Read E expressions (B, E, N)."""
        e, mask = self.language(words)
        weights = None
        if self.sentence is not None:
            e, mask, weights = self.sentence(e, mask)
        if self.config.normalise:
            e = unit(e)
        return Query(e, mask, tuple(level.read(e) for level in self.levels), weights)

    def answer(self, clip: ClipFeatures, query: Query) -> Fused:
        """Answer on frames after CFSA."""
        levels = [
            level(feature, query.word_vectors, query.word_mask, rounds)
            for level, feature, rounds in zip(self.levels, clip.features, query.levels, strict=True)
        ]
        if query.word_weights is not None:
            levels = [level._replace(word_attention=query.word_weights) for level in levels]
        logits, presence, word_attention = self.conclude(levels, clip.skip)
        firsts, lasts = (tuple(getattr(level, name) for level in levels) for name in ("first", "last"))
        return Fused(logits, presence, word_attention, clip, firsts, lasts)

    def conclude(self, levels: Sequence[LevelAnswer], skip: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Join the answers of the levels: the first three fields of `Fused`."""
        fused = self.fuse([self._at_finest(level.last.flatten(0, 1)) for level in levels])  # Eq. 6
        if self.refine is not None:
            fused = self.refine(fused)
        finest = fused if self.skip is None else self.skip(fused, skip)
        lead = levels[0].last.shape[:2]
        logits = F.pixel_shuffle(self.mask(finest), self.shuffle).squeeze(1).unflatten(0, lead)  # Eq. 7

        # Presence reads the fused map, the strongest response of each level's first and last round (the first shows
        # that an anchor is missing), the attended words, and the mask's strongest logit.
        whole = torch.cat([fused.amax((-2, -1)), fused.mean((-2, -1))], -1).unflatten(0, lead)
        strongest = torch.stack([level.strongest for level in levels], -2).flatten(-3)
        sentence = sum(level.sentence for level in levels) / len(levels)
        peak = logits.amax((-2, -1))[..., None]
        presence = self.presence(torch.cat([whole, strongest, sentence, peak], -1)).squeeze(-1)
        return logits, presence, torch.stack([level.word_attention for level in levels], -2)

    def _at_finest(self, x: Tensor) -> Tensor:
        """X^i at the size of the finest level."""
        if x.shape[-2:] == self.size:
            return x
        return F.interpolate(x, self.size, mode="bilinear", align_corners=False)
