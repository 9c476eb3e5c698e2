"""CMSA whole: encoder and fusion, which are trained together and run apart on a robot."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from model_training.networks.ablations.choice import chosen_parts
from model_training.networks.base import Answer, Graph, ParameterGroup, System, Window
from model_training.networks.cmsa import graphs
from model_training.networks.cmsa.encoder import Encoder, Ring
from model_training.networks.cmsa.fusion import Fused, Fusion
from model_training.networks.config import NetworkConfig
from refseg_ros.engines.manifest import ATTENTION


class ReferringSegmentation(System):
    """Encoder and fusion.

    Raises:
        ValueError: the configuration's input does not divide into its cells, or it names something that does not exist.
    """

    memory = ATTENTION
    words_table = "fusion.language.table.weight"
    of_clips = ("encoder.clip.", "fusion.clip.")

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        multiple = max(16, config.clip_cell)
        if config.height % multiple or config.width % multiple:
            raise ValueError(f"the input is {config.height}x{config.width}; both must be multiples of {multiple}")
        self.config, self.window = config, Window(config.clip - 1, step=config.clip_stride)
        self.encoder = Encoder(config)
        self.fusion = Fusion(config, self.encoder.channels, self.encoder.strides, chosen_parts(config))

    def forward(self, clip: Tensor, words: Tensor) -> Answer:
        """As System.forward; the target frame is last."""
        return answer_of(self.encode_and_fuse(clip, words)[1])

    def encode_and_fuse(self, clip: Tensor, words: Tensor) -> tuple[tuple[Tensor, ...], Fused]:
        """The target frame's features, and all that the fusion gives. Of a longer clip only the frames of the window
        are used.

        Gradients flow through the target frame's backbone only; the earlier frames go through the same weights.
        """
        last = clip.shape[1] - 1
        stride = self.config.clip_stride
        clip = clip[:, last % stride :: stride][:, -self.config.clip :]
        batch, frames = clip.shape[:2]
        features, ring, skip = self.encoder(clip[:, -1])
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
        return features, self.fusion(features, whole, valid, words, skip)

    def graphs(self) -> list[Graph]:
        """See System."""
        return graphs.graphs(self.encoder, self.fusion)

    def earlier(self, name: str, known: Mapping[str, Tensor], frames: int) -> Tensor:
        """See System; what is kept of a clip is attention."""
        _, level, part = name.split("_")
        positions, channels = known[f"ring_{level}_key"].shape[1], known[f"ring_{level}_value"].shape[-1]
        merged = {"logsum": (positions,), "attended": (positions, channels), "shares": (frames, positions)}
        return torch.rand(frames, *(merged[part] if part in merged else known[f"ring_{level}_{part}"].shape[1:]))

    def parameter_groups(self) -> list[ParameterGroup]:
        """What encodes an image, and the rest; the skip and the projections of CFSA are learned like the fusion."""
        seeing = ("encoder.backbone.", "encoder.colour.")
        named = list(self.named_parameters())
        return [
            ParameterGroup("image", [p for name, p in named if name.startswith(seeing)], encoder=True),
            ParameterGroup("rest", [p for name, p in named if not name.startswith(seeing)]),
        ]


def answer_of(fused: Fused) -> Answer:
    """The fusion's answer, without what led to it."""
    return Answer(fused.logits, fused.presence, fused.word_attention, frame_weights=fused.clip.frame_weights)
