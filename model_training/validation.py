"""A quick look at a network while it trains: mean IoU by kind on scenes that it never saw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

from model_training.datasets.rendering import Scene
from model_training.datasets.tabletop import choose
from model_training.metrics import Scores
from model_training.networks.refseg import ReferringSegmentation
from refseg_ros.expression import Vocabulary
from refseg_ros.simulation.phrases import KINDS, phrases

EXPRESSIONS = 8


@torch.no_grad()
def validate(model: ReferringSegmentation, scenes: Sequence[Scene], vocabulary: Vocabulary) -> str:
    """One line: mean IoU of each kind (of the present ones, from the mask alone), and how well presence is told."""
    device = next(model.parameters()).device
    rng = np.random.default_rng(7)
    scores = {kind: Scores() for kind in KINDS}
    told = {True: [0, 0], False: [0, 0]}
    for scene in scenes:
        height, width = scene.labels.shape
        chosen = choose(phrases(scene.objects, width, height, rng), EXPRESSIONS, rng)
        words = vocabulary.encode_all([phrase.text for phrase in chosen], model.config.max_words)
        clip = torch.as_tensor(scene.frames, device=device)[None]
        fused = model(clip, torch.as_tensor(words, device=device)[None])
        masks = F.interpolate(fused.logits, (height, width), mode="bilinear", align_corners=False)[0] > 0
        for index, phrase in enumerate(chosen):
            present = phrase.target is not None
            told[present][0] += bool(fused.presence[0, index] > 0) == present
            told[present][1] += 1
            if present:
                scores[phrase.kind].add(masks[index].cpu().numpy(), scene.labels == phrase.target)
    whole = Scores.merged(scores.values())
    shown = "  ".join(f"{kind} {score.mean:.3f}" for kind, score in scores.items() if len(score))
    rates = [told[flag][0] / max(told[flag][1], 1) for flag in (True, False)]
    return (
        f"unseen: overall {whole.overall:.3f} mean {whole.mean:.3f} P@0.5 {whole.precision(0.5):.3f} | {shown} | "
        f"present kept {rates[0]:.3f} absent told {rates[1]:.3f}"
    )
