"""A quick look at a network: how it does on scenes that it never saw, by kind of expression, and on a split."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import Dataset

from model_training.datasets.batch import Batch
from model_training.datasets.phrase_choice import choose
from model_training.datasets.pool import Pool
from model_training.learning import losses
from model_training.networks.base import System
from model_training.scoring.metrics import PresenceScores, Scores
from refseg_ros.expression import Vocabulary
from refseg_ros.simulation.phrases import KINDS

EXPRESSIONS = 8


@dataclass
class SceneScores:
    """What a network said of some scenes."""

    title: str = "unseen"
    kinds: dict[str, Scores] = field(default_factory=lambda: {kind: Scores() for kind in KINDS})
    """Of the things that are there, from the mask alone."""
    kept: PresenceScores = field(default_factory=PresenceScores)
    """How often a thing that is there was found present."""
    denied: PresenceScores = field(default_factory=PresenceScores)
    """How often a thing that is not there was found absent."""

    @property
    def whole(self) -> Scores:
        """Of all kinds."""
        return Scores.merged(self.kinds.values())

    def __str__(self) -> str:
        whole = self.whole
        shown = "  ".join(f"{kind} {score.mean:.3f}" for kind, score in self.kinds.items() if len(score))
        return (
            f"{self.title}: overall {whole.overall:.3f} mean {whole.mean:.3f} P@0.5 {whole.precision(0.5):.3f} | "
            f"{shown} | present kept {self.kept.accuracy:.3f} absent told {self.denied.accuracy:.3f}"
        )


@torch.no_grad()
def score(model: System, pool: Pool, vocabulary: Vocabulary, title: str = "unseen") -> SceneScores:
    """Ask a network in evaluation mode about some expressions on each scene, always the same ones."""
    device = next(model.parameters()).device
    rng = np.random.default_rng(7)
    said = SceneScores(title)
    for scene in pool.scenes:
        height, width = scene.labels.shape
        offered = pool.said(scene, rng)
        if not offered:  # as of a photo whose things are too small at the network's size
            continue
        chosen = choose(offered, EXPRESSIONS, rng)
        words = vocabulary.encode_all([phrase.text for phrase in chosen], model.config.max_words)
        clip = torch.as_tensor(scene.frames, device=device)[None]
        fused = model(clip, torch.as_tensor(words, device=device)[None])
        masks = F.interpolate(fused.logits, (height, width), mode="bilinear", align_corners=False)[0] > 0
        for index, phrase in enumerate(chosen):
            present = phrase.target is not None
            (said.kept if present else said.denied).add(bool(fused.presence[0, index] > 0), present)
            if present:
                said.kinds[phrase.kind].add(masks[index].cpu().numpy(), scene.labels == phrase.target)
    return said


@dataclass
class SplitScores:
    """Scores of a network's masks, at the size of its input."""

    split: str
    whole: Scores = field(default_factory=Scores)
    """Of what is there."""
    presence: PresenceScores = field(default_factory=PresenceScores)

    def __str__(self) -> str:
        whole = self.whole
        figures = f"overall {whole.overall:.3f} mean {whole.mean:.3f} P@0.5 {whole.precision(0.5):.3f}"
        told = f"present or absent told right {self.presence.accuracy:.3f} of {self.presence.total}"
        return f"{self.split}: {figures} of {len(whole)} expressions, {told}"


@torch.no_grad()
def score_split(model: System, batches: Dataset[Batch], count: int, title: str) -> SplitScores:
    """Score a network in evaluation mode on the first `count` batches of a split."""
    device = next(model.parameters()).device
    scores = SplitScores(title)
    for step in range(count):
        batch = batches[step]
        clips, words = (torch.as_tensor(part, device=device) for part in (batch.clips, batch.words))
        answer = model(clips, words)
        logits = losses.at_size(answer.logits.float(), batch.masks.shape[-2:])
        answers = (logits.cpu().numpy() > 0, batch.masks > 0.5, answer.presence.cpu().numpy() > 0, batch.present > 0)
        for mask, truth, said, there in zip(*(part.reshape(-1, *part.shape[2:]) for part in answers), strict=True):
            scores.presence.add(bool(said), bool(there))
            if there:
                scores.whole.add(mask, truth)
    return scores
