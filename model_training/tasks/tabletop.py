"""Learning simulated tabletops, of which everything is known: every class, colour, motion and anchor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from model_training import losses
from model_training.configs.schema import Config
from model_training.datasets.rendering import load_shards, render_shards
from model_training.datasets.tabletop import HELD_OUT, STRIDES, Batch, TabletopBatches, tabletop_vocabulary
from model_training.datasets.workers import end_with_parent
from model_training.networks.auxiliary import AuxiliaryHeads
from model_training.networks.refseg import ReferringSegmentation
from model_training.tasks.task import Learner, Task
from model_training.validation import Validation, score
from refseg_ros.simulation.tabletop import CLASSES, COLOURS


class TabletopLearner(Learner):
    """The network and its auxiliary heads."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.weights = config.losses
        self.model = ReferringSegmentation(config.network).to(memory_format=torch.channels_last)
        self.heads = AuxiliaryHeads(self.model, 1 + len(CLASSES), len(COLOURS))

    def forward(self, batch: Batch, with_expressions: bool) -> dict[str, Tensor]:
        """See `Learner`."""
        weights = self.weights
        strides = self.model.encoder.strides
        dense = [self._tensor(batch.dense[stride]) for stride in strides]
        clips, never = self._tensor(batch.clips), self._tensor(HELD_OUT).float()
        if not with_expressions:
            labels = self.heads.labels(self.model.encoder(clips[:, -1]).features)
            return {"dense": losses.dense_loss([x.float() for x in labels], dense, never)}
        features, fused = self.model.encode_and_fuse(clips, self._tensor(batch.words))
        labels = self.heads.labels(features)
        references = self.heads.references(fused.looks)
        motions = self.heads.motions(fused.looks)
        masks, present = self._tensor(batch.masks), self._tensor(batch.present)
        with torch.autocast(masks.device.type, enabled=False):
            logits = losses.at_size(fused.logits.float(), masks.shape[-2:])
            judged = {stride: 1 - self._tensor(shares) for stride, shares in batch.unjudged.items()}
            truth = [self._tensor(batch.references[stride]) for stride in strides]
            references = [logits.float() for logits in references]
            coarsely = [judged[stride][:, :, None] for stride in strides]
            things = [1 - level[:, 0] for level in dense]
            moving = [self._tensor(batch.motions[stride]) for stride in strides]
            return {
                "mask": losses.mask_loss(logits, masks, judged[STRIDES[0]]),
                "dice": weights.dice * losses.dice_loss(logits, masks, present, judged[STRIDES[0]]),
                "presence": weights.presence * losses.presence_loss(fused.presence.float(), present),
                "reference": weights.reference * losses.reference_loss(references, truth, coarsely, things),
                "motion": weights.motion * losses.motion_loss([x.float() for x in motions], moving),
                "dense": weights.dense * losses.dense_loss([x.float() for x in labels], dense, never),
            }

    @staticmethod
    def parts(batch: Batch, count: int) -> Sequence[Batch]:
        """See `Learner`.

        Raises:
            ValueError: more than one is wanted; its losses count pixels and things of the whole batch.
        """
        if count > 1:
            raise ValueError("batches of simulated scenes are not cut into parts; train without --accumulate")
        return [batch]

    def _tensor(self, array: object) -> Tensor:
        return torch.as_tensor(array, device=next(self.parameters()).device)


class TabletopTask(Task):
    """Simulated scenes; those that are not on disk yet are rendered.

    Args:
        config: of the run.
        data: folder of the scenes.
        workers: processes that render.

    Raises:
        ValueError, OSError: a shard is broken, or cannot be written.
    """

    def __init__(self, config: Config, data: Path, workers: int) -> None:
        assert config.scenes is not None
        self.config, self.facts, self.identity = config, {"scenes": asdict(config.scenes)}, {}
        self._vocabulary = tabletop_vocabulary()
        self._scenes = list(load_shards(render_shards(config.scenes, data, workers)))
        held_out = replace(config.scenes, split="held_out", first_seed=5_000_000, scenes=config.unseen_scenes)
        self._unseen = list(load_shards(render_shards(held_out, data, workers)))

    def batches(self, phase: int, steps: range) -> Iterable[Batch]:
        """See `Task`."""
        config, current = self.config, self.config.phases[phase]
        batches = TabletopBatches(
            self._scenes,
            self._vocabulary,
            config.network.max_words,
            current.frames,
            current.expressions,
            config.moving_share if current.expressions else 0.0,
            config.seed + phase,
        )
        # Forked, so that the scenes are in memory once.
        return DataLoader(
            batches, sampler=steps, batch_size=None, num_workers=1, prefetch_factor=3, worker_init_fn=end_with_parent
        )

    def validation(self, model: ReferringSegmentation) -> Validation:
        """Of scenes of the held-out split."""
        return score(model, self._unseen, self._vocabulary)
