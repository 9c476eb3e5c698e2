"""A network while it learns: its losses, and the heads that exist only then."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model_training.configs.schema import Config
from model_training.datasets.batch import STRIDES, Batch, SceneLabels
from model_training.datasets.scene_batches import held_out
from model_training.learning import losses
from model_training.learning.head_losses import head_loss
from model_training.networks.base import Answer
from model_training.networks.kinds import kind_of, system_of
from refseg_ros.simulation.tabletop import COLOURS


class Learner(nn.Module):
    """A system with its losses on masks (Eq. 8, or the losses of its heads) and on presence.

    If a configuration weighs labels that only the simulator has, auxiliary heads learn beside it.

    Attributes:
        model: the network.
        heads: None if the configuration does not use them.

    Raises:
        ValueError: the configuration weighs such labels, but this kind of network has no auxiliary heads.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.weights = config.losses
        self.model = system_of(config.network)
        if all(parameter.ndim < 5 for parameter in self.model.parameters()):  # channels_last is for 4-D tensors
            self.model = self.model.to(memory_format=torch.channels_last)
        self.nouns = config.nouns
        heads = kind_of(config.network).heads if self.weights.of_labels else None
        if self.weights.of_labels and heads is None:
            raise ValueError(f"{config.name}: nothing is learned of labels beside such a network; weigh them with 0")
        self.heads = heads(self.model, 1 + len(self.nouns), len(COLOURS)) if heads else None

    @property
    def device(self) -> torch.device:
        """On which it learns."""
        return next(self.parameters()).device

    def on_device(self, batch: Batch) -> Batch:
        """A batch of arrays or tensors as tensors on the device."""
        return batch.each(lambda part: torch.as_tensor(part, device=self.device))

    def counts(self, batch: Batch, with_expressions: bool) -> dict[str, Tensor]:
        """Term -> what it is a mean over, from the labels alone; see `losses`. Presence is over all expressions."""
        counts: dict[str, Tensor] = {}
        if with_expressions:
            counts |= {"mask": losses.mask_count(batch.masks, _judged(batch)), "dice": batch.present.sum()}
        if self.heads is not None and batch.labels is not None:
            strides = self.heads.strides
            dense = [batch.labels.dense[stride] for stride in strides]
            counts["dense"] = losses.dense_counts(dense, len(self.nouns))
            if with_expressions:
                references = [batch.labels.references[stride] for stride in strides]
                judged = _coarsely_judged(batch.labels, strides)
                counts["reference"] = losses.reference_counts(references, judged, self._things(dense))
                counts["motion"] = losses.motion_counts([batch.labels.motions[stride] for stride in strides])
        return counts

    def forward(self, batch: Batch, counts: dict[str, Tensor], with_expressions: bool) -> dict[str, Tensor]:
        """The weighted terms of the loss on a batch or a part of one; without expressions those of the encoder alone.

        Args:
            batch: as `on_device` gives it. Logits are compared with its masks at the size of these.
            counts: those of `counts` for the whole batch, divided by the number of parts.
            with_expressions: whether there are any.

        Raises:
            ValueError: there is nothing to learn without expressions in this batch.
        """
        if not with_expressions:
            if self.heads is None or batch.labels is None:
                raise ValueError("an encoder is learned alone on simulated scenes only; give the phase expressions")
            return {"dense": self._dense(self.heads.of_images(self.model, batch.clips[:, -1]), batch.labels, counts)}
        if self.heads is None or batch.labels is None:
            return self._answered(self.model(batch.clips, batch.words), batch, counts)
        answer, said = self.heads.answered(self.model, batch.clips, batch.words)
        terms, weights, strides = self._answered(answer, batch, counts), self.weights, self.heads.strides
        references = [logits.float() for logits in said.references]
        motions = [logits.float() for logits in said.motions]
        dense = self._dense(said.dense, batch.labels, counts)
        with torch.autocast(self.device.type, enabled=False):
            reference = losses.reference_loss(
                references,
                [batch.labels.references[stride] for stride in strides],
                _coarsely_judged(batch.labels, strides),
                self._things([batch.labels.dense[stride] for stride in strides]),
                counts["reference"],
            )
            shares = [batch.labels.motions[stride] for stride in strides]
            motion = losses.motion_loss(motions, shares, counts["motion"])
        return terms | {
            "reference": weights.reference * reference,
            "motion": weights.motion * motion,
            "dense": weights.dense * dense,
        }

    def _things(self, dense: list[Tensor]) -> list[Tensor]:
        """Per level (F, H, W): the share of each cell that things cover."""
        return [losses.things_of(level, len(self.nouns)) for level in dense]

    def _answered(self, answer: Answer, batch: Batch, counts: dict[str, Tensor]) -> dict[str, Tensor]:
        """The terms of what every system says: mask and presence."""
        weights, judged = self.weights, _judged(batch)
        with torch.autocast(self.device.type, enabled=False):
            if weights.heads is not None:
                heads = (tuple(part.float() for part in parts) for parts in (answer.coarse, answer.edges))
                whole = Answer(answer.logits.float(), answer.presence, answer.word_attention, *heads)
                terms = {"mask": head_loss(whole, batch.masks, judged, weights.heads, counts["mask"], counts["dice"])}
            else:
                logits = losses.at_size(answer.logits.float(), batch.masks.shape[-2:])
                terms = {"mask": losses.mask_loss(logits, batch.masks, judged, counts["mask"])}
                if weights.dice:
                    dice = losses.dice_loss(logits, batch.masks, batch.present, judged, counts["dice"])
                    terms["dice"] = weights.dice * dice
            terms["presence"] = weights.presence * losses.presence_loss(answer.presence.float(), batch.present)
        return terms

    def _dense(self, levels: list[Tensor], labels: SceneLabels, counts: dict[str, Tensor]) -> Tensor:
        assert self.heads is not None
        logits = [level.float() for level in levels]
        never = torch.as_tensor(held_out(self.nouns), device=self.device).float()
        shares = [labels.dense[stride] for stride in self.heads.strides]
        with torch.autocast(self.device.type, enabled=False):
            return losses.dense_loss(logits, shares, never, counts["dense"])


def _judged(batch: Batch) -> Tensor:
    """How much each cell of the masks counts, in [0, 1]; broadcasts against them."""
    if batch.labels is None:
        return torch.ones((), device=batch.masks.device)
    return 1 - batch.labels.unjudged[STRIDES[0]]


def _coarsely_judged(labels: SceneLabels, strides: tuple[int, ...]) -> list[Tensor]:
    """The same on each level of the encoder, (F, E, 1, H, W)."""
    return [1 - labels.unjudged[stride][:, :, None] for stride in strides]
