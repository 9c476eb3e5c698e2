"""A quick look at a network: how it does on scenes that it never saw, by kind of expression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F

from model_training.datasets.rendering import Scene
from model_training.datasets.tabletop import choose
from model_training.metrics import PresenceScores, Scores
from model_training.networks.refseg import ReferringSegmentation
from refseg_ros.expression import Vocabulary
from refseg_ros.simulation.phrases import KINDS, phrases

EXPRESSIONS = 8


@dataclass
class Validation:
    """What a network said of some scenes."""

    kinds: dict[str, Scores] = field(default_factory=lambda: {kind: Scores() for kind in KINDS})
    """Of the things that are there, from the mask alone."""
    kept: PresenceScores = field(default_factory=PresenceScores)
    """How often what is there was said to be."""
    told: PresenceScores = field(default_factory=PresenceScores)
    """How often what is not there was said not to be."""

    @property
    def whole(self) -> Scores:
        """Of all kinds."""
        return Scores.merged(self.kinds.values())

    def __str__(self) -> str:
        whole = self.whole
        shown = "  ".join(f"{kind} {score.mean:.3f}" for kind, score in self.kinds.items() if len(score))
        return (
            f"unseen: overall {whole.overall:.3f} mean {whole.mean:.3f} P@0.5 {whole.precision(0.5):.3f} | {shown} | "
            f"present kept {self.kept.accuracy:.3f} absent told {self.told.accuracy:.3f}"
        )


@torch.no_grad()
def score(model: ReferringSegmentation, scenes: Sequence[Scene], vocabulary: Vocabulary) -> Validation:
    """Ask a network in evaluation mode about some expressions on each scene, always the same ones."""
    device = next(model.parameters()).device
    rng = np.random.default_rng(7)
    said = Validation()
    for scene in scenes:
        height, width = scene.labels.shape
        chosen = choose(phrases(scene.objects, width, height, rng), EXPRESSIONS, rng)
        words = vocabulary.encode_all([phrase.text for phrase in chosen], model.config.max_words)
        clip = torch.as_tensor(scene.frames, device=device)[None]
        fused = model(clip, torch.as_tensor(words, device=device)[None])
        masks = F.interpolate(fused.logits, (height, width), mode="bilinear", align_corners=False)[0] > 0
        for index, phrase in enumerate(chosen):
            present = phrase.target is not None
            (said.kept if present else said.told).add(bool(fused.presence[0, index] > 0), present)
            if present:
                said.kinds[phrase.kind].add(masks[index].cpu().numpy(), scene.labels == phrase.target)
    return said
