"""The whole network, in the two halves that run apart on a robot: an encoder per frame, a fusion per expression."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_training.networks.backbone import ResNet
from model_training.networks.cfsa import ClipProjection, CrossFrameSelfAttention
from model_training.networks.cmsa import NORM_EPSILON
from model_training.networks.colour import ColourStem, beside, luminance
from model_training.networks.config import NetworkConfig, chosen
from model_training.networks.coordinates import COORDINATES, WAVES, coordinate_map, coordinate_waves
from model_training.networks.fusion import FUSIONS
from model_training.networks.language import Language
from model_training.networks.multimodal import REPRESENTATIONS, multimodal
from model_training.networks.pooling import equal_weights
from model_training.networks.recurrent import Sentence

Ring = tuple[tuple[Tensor, Tensor, Tensor], ...]
"""Per level: query, key, value of CFSA."""


class Encoded(NamedTuple):
    """What a frame is to the fusion."""

    features: tuple[Tensor, ...]
    """Per level: (B, C_v, H, W)."""
    ring: Ring
    """Per level: query (B, G, d), key (B, P, d) and value (B, G, d); empty for a still-image network."""


class Looks(NamedTuple):
    """Features on the way, per level."""

    updated: tuple[Tensor, ...]
    """(B, C_v, H, W) of the target frame, after CFSA."""
    first: tuple[Tensor, ...]
    """(B, E, C, H, W) X^i after the first round of CMSA."""
    last: tuple[Tensor, ...]
    """The same after the last."""


class Fused(NamedTuple):
    """What the fusion says of E expressions on each of B frames."""

    logits: Tensor
    """(B, E, h, w) mask logits over the letterboxed input."""
    presence: Tensor
    """(B, E) logit of "there is such a thing"."""
    word_attention: Tensor
    """(B, E, L, N), rows sum to one."""
    looks: Looks
    """What training looks at and the export drops."""


def grid_sizes(config: NetworkConfig, strides: tuple[int, ...]) -> list[tuple[int, int]]:
    """(H, W) of each level's feature map."""
    return [(config.height // stride, config.width // stride) for stride in strides]


class Encoder(nn.Module):
    """An image -> features of three levels, and their CFSA projections. Expressions play no part."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.backbone = ResNet(config.backbone, config.stem_channels, config.output_stride)
        self.strides = tuple(self.backbone.strides)
        self.shape_channels = tuple(self.backbone.channels)
        self.colour = ColourStem(config.colour_channels, self.strides) if config.colour_channels else None
        self.channels = tuple(c + config.colour_channels for c in self.shape_channels)
        mean, std = torch.tensor(config.pixel_mean), torch.tensor(config.pixel_std)
        self.bgr = config.bgr
        self.register_buffer("mean", mean.view(3, 1, 1), persistent=False)
        self.register_buffer("std", std.view(3, 1, 1), persistent=False)
        self.clip_coordinates = config.clip_coordinates
        extra = COORDINATES + WAVES if config.clip_coordinates else 0
        channels = self.channels if config.clip > 1 else ()
        self.clip = nn.ModuleList(ClipProjection(c + extra, config.clip_channels, config.bounded) for c in channels)
        self.cells = [max(1, config.clip_cell // stride) for stride in self.strides]
        for level, size in enumerate(grid_sizes(config, self.strides)):
            places = torch.cat([coordinate_map(*size), coordinate_waves(*size)], -1)
            self.register_buffer(f"places_{level}", places, persistent=False)

    def forward(self, image: Tensor) -> Encoded:
        """(B, H, W, 3) uint8 RGB, letterboxed."""
        features = self.backbone_features(image)
        return Encoded(features, self.project(features))

    def backbone_features(self, image: Tensor) -> tuple[Tensor, ...]:
        """Res3, Res4, Res5 of (B, H, W, 3) uint8 RGB, and beside them the colours if there is a stem for them."""
        # The cast comes first: TensorRT takes bytes as an input, but does nothing to them except to cast them.
        pixels = (image.to(self.mean.dtype).permute(0, 3, 1, 2) - self.mean) / self.std
        if self.colour is not None:
            return beside(self.backbone(luminance(pixels)), self.colour(pixels))
        features: tuple[Tensor, ...] = self.backbone(pixels.flip(1) if self.bgr else pixels)
        return features

    def project(self, features: tuple[Tensor, ...]) -> Ring:
        """The CFSA projections of some frames' features."""
        ring = []
        for level, project in enumerate(self.clip):
            x, cell = features[level], self.cells[level]
            if self.clip_coordinates:
                places = getattr(self, f"places_{level}").to(x.dtype).T.unflatten(-1, x.shape[-2:])
                x = torch.cat([x, places.expand(x.shape[0], -1, -1, -1)], 1)
            grids = (x, F.avg_pool2d(x, cell)) if cell > 1 else (x,)
            ring.append(project(*(grid.flatten(2).transpose(1, 2) for grid in grids)))
        return tuple(ring)


class Level(nn.Module):
    """One level's way from features to X^i: Eq. 1, CMSA, the 1x1 convolution of Sec. 3.3; a second round when asked."""

    def __init__(self, config: NetworkConfig, visual: int, size: tuple[int, int], index: int) -> None:
        super().__init__()
        self.size = size
        self.normalise = config.normalise
        self.register_buffer("coordinates", coordinate_map(*size), persistent=False)
        inputs = [visual] + [config.fusion_channels] * (config.rounds[index] - 1)
        width = config.fusion_channels
        self.attention = nn.ModuleList(multimodal(config, c + COORDINATES, size) for c in inputs)
        self.merge = nn.ModuleList(
            Merge(config, attention.channels, width, later=i > 0) for i, attention in enumerate(self.attention)
        )

    def forward(self, feature: Tensor, e: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(B, C_v, H, W), (B, E, N, C_l), (B, E, N) -> X^i (B, E, C, H, W), after its last and its first round, and
        a_n (B, E, N) and the attended sentence (B, E, C_l) of the last.
        """
        v = feature.flatten(2).transpose(1, 2)[:, None]
        if self.normalise:
            v = F.normalize(v, dim=-1, eps=NORM_EPSILON)
            e = F.normalize(e, dim=-1, eps=NORM_EPSILON)
        first = None
        for attention, merge in zip(self.attention, self.merge, strict=True):
            s = self.coordinates.to(v.dtype).expand(*v.shape[:-1], COORDINATES)
            fused, weights, sentence = attention(torch.cat([v, s], -1), e, mask)  # Eq. 1-5
            v = merge(fused, v, sentence, self.size)
            first = v if first is None else first
        x, first = (part.transpose(-1, -2).unflatten(-1, self.size) for part in (v, first))
        return x, first, weights, sentence


class Merge(nn.Module):
    """f^_p -> X^i. The paper's is a 1x1 convolution, with a ReLU in the code of the CVPR paper; a small network adds
    normalisation, ReLU and the attended words' scale and shift, and in a later round a 3x3 convolution with a residual.
    """

    def __init__(self, config: NetworkConfig, inputs: int, width: int, later: bool) -> None:
        super().__init__()
        self.modulation = nn.Linear(config.word_channels, 2 * width) if config.modulation else None
        self.later, self.rectified = later, config.rectified
        self.project = nn.Linear(inputs, width)
        self.norm = nn.BatchNorm2d(width) if config.bounded else None
        self.local = nn.Conv2d(width, width, 3, padding=1, bias=False) if later else None

    def forward(self, fused: Tensor, before: Tensor, sentence: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, E, P, inputs), (B, E, P, width), (B, E, C_l) -> (B, E, P, width)."""
        x = self.project(fused)
        if self.norm is None:
            return F.relu(x) if self.rectified else x
        batch = x.shape[:2]
        image = x.flatten(0, 1).transpose(1, 2).unflatten(-1, size)
        if self.local is not None:
            image = self.local(F.relu(image))
        image = self.norm(image)
        if self.modulation is not None:
            gamma, beta = self.modulation(sentence).flatten(0, 1)[..., None, None].chunk(2, 1)
            image = image * (1 + gamma) + beta
        x = F.relu(image).flatten(2).transpose(1, 2).unflatten(0, batch)
        return x + before if self.later else x


class Fusion(nn.Module):
    """Features of the target frame, its clip and E expressions -> masks, presence and word attention."""

    def __init__(self, config: NetworkConfig, channels: tuple[int, ...], strides: tuple[int, ...]) -> None:
        super().__init__()
        self.config = config
        width = config.fusion_channels
        sizes = grid_sizes(config, strides)
        self.language = Language(config)
        by_sentence = chosen("representation", config.representation, REPRESENTATIONS)
        self.sentence = Sentence(config.word_channels) if by_sentence else None
        self.clip = nn.ModuleList(
            CrossFrameSelfAttention(c, config.clip_channels) for c in (channels if config.clip > 1 else ())
        )
        self.levels = nn.ModuleList(
            Level(config, c, s, i) for i, (c, s) in enumerate(zip(channels, sizes, strict=True))
        )
        fusion = chosen("fusion", config.fusion, FUSIONS)
        self.fuse = fusion.module(width, len(channels))
        self.size = sizes[0]
        fused, self.shuffle = width // fusion.narrowing, max(1, config.shuffle // fusion.upsampling)
        self.refine = None
        if config.shuffle > 1:
            self.refine = nn.Sequential(
                nn.Conv2d(fused, fused, 3, padding=1, bias=False), nn.BatchNorm2d(fused), nn.ReLU(inplace=True)
            )
        self.mask = nn.Conv2d(fused, self.shuffle**2, 3, padding=1)  # Eq. 7
        # Presence is told from the fused map, the strongest response of each level's first and last round (an anchor
        # that is nowhere shows in the first), and the mask's strongest logit.
        pooled = 2 * fused + 2 * len(channels) * width + 1
        self.presence = nn.Sequential(
            nn.Linear(pooled + config.word_channels, width), nn.ReLU(inplace=True), nn.Linear(width, 1)
        )

    def forward(self, features: tuple[Tensor, ...], ring: Ring, valid: Tensor, words: Tensor) -> Fused:
        """Fuse.

        Args:
            features: per level (B, C_v, H, W) of the target frames.
            ring: per level query (B, T, G, d), key (B, T, P, d) and value (B, T, G, d) of the clips.
            valid: (B, T) bool.
            words: (B, E, N) int64, PADDING at the end.
        """
        return self.answer(self.recall(features, ring, valid), words)

    def recall(self, features: tuple[Tensor, ...], ring: Ring, valid: Tensor) -> tuple[Tensor, ...]:
        """The features of the target frames after CFSA."""
        if not len(self.clip):
            return features
        updated = []
        for feature, attention, parts in zip(features, self.clip, ring, strict=True):
            v = attention(feature.flatten(2).transpose(1, 2), *parts, valid)
            updated.append(v.transpose(1, 2).unflatten(-1, feature.shape[-2:]))
        return tuple(updated)

    def answer(self, features: tuple[Tensor, ...], words: Tensor) -> Fused:
        """Answer E expressions (B, E, N) on frames of which `recall` gave the features."""
        e, real = self.language(words)
        mask = real
        if self.sentence is not None:
            e, mask = self.sentence(e, mask)
        maps, firsts, lasts, attentions, sentences = [], [], [], [], []
        for index, level in enumerate(self.levels):
            x, first, attention, sentence = level(features[index], e, mask)
            if level.size == self.size:
                maps.append(x.flatten(0, 1))
            else:
                maps.append(F.interpolate(x.flatten(0, 1), self.size, mode="bilinear", align_corners=False))
            firsts.append(first)
            lasts.append(x)
            attentions.append(attention)
            sentences.append(sentence)
        fused = self.fuse(maps)
        if self.refine is not None:
            fused = self.refine(fused)
        logits = F.pixel_shuffle(self.mask(fused), self.shuffle).squeeze(1).unflatten(0, words.shape[:2])
        whole = torch.cat([fused.amax((-2, -1)), fused.mean((-2, -1))], -1).unflatten(0, words.shape[:2])
        strongest = [look.amax((-2, -1)) for look in (*firsts, *lasts)]
        peak = logits.amax((-2, -1))[..., None]
        pooled = torch.cat([whole, *strongest, sum(sentences) / len(sentences), peak], -1)
        presence = self.presence(pooled).squeeze(-1)
        looks = Looks(features, tuple(firsts), tuple(lasts))
        if self.sentence is not None:  # no word of a sentence is told from another
            attentions = [equal_weights(attention.expand(real.shape), real) for attention in attentions]
        return Fused(logits, presence, torch.stack(attentions, -2), looks)


class ReferringSegmentation(nn.Module):
    """Encoder and fusion, as they are trained together."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        multiple = max(16, config.clip_cell)
        if config.height % multiple or config.width % multiple:
            raise ValueError(f"the input is {config.height}x{config.width}; both must be multiples of {multiple}")
        self.config = config
        self.encoder = Encoder(config)
        self.fusion = Fusion(config, self.encoder.channels, self.encoder.strides)

    def forward(self, clip: Tensor, words: Tensor) -> Fused:
        """(B, T, H, W, 3) uint8 RGB, the target frame last, and (B, E, N) ids."""
        return self.encode_and_fuse(clip, words)[1]

    def encode_and_fuse(self, clip: Tensor, words: Tensor) -> tuple[tuple[Tensor, ...], Fused]:
        """As `forward`, and the target frame's features beside it. What the configuration's clip leaves out of a longer
        one is not looked at.

        Gradients flow through the target frame's backbone only; the earlier frames are looked at with the same weights.
        """
        last = clip.shape[1] - 1
        stride = self.config.clip_stride
        clip = clip[:, last % stride :: stride][:, -self.config.clip :]
        batch, frames = clip.shape[:2]
        features, ring = self.encoder(clip[:, -1])
        rings = [[part[:, None] for part in level] for level in ring]
        if ring and frames > 1:
            with torch.no_grad():
                earlier = self.encoder.backbone_features(clip[:, :-1].flatten(0, 1))
            past = self.encoder.project(earlier)
            shape = (batch, frames - 1)
            rings = [
                [torch.cat([part.unflatten(0, shape), now], 1) for part, now in zip(old, new, strict=True)]
                for old, new in zip(past, rings, strict=True)
            ]
        valid = torch.ones(batch, frames, dtype=torch.bool, device=clip.device)
        whole: Ring = tuple((query, key, value) for query, key, value in rings)
        return features, self.fusion(features, whole, valid, words)
