"""The state of a training run, and one step of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from model_training.configs.schema import Config
from model_training.datasets.batch import Batch
from model_training.learning import checkpoint
from model_training.learning.learner import Learner
from model_training.learning.optimisers import optimiser_of
from model_training.learning.precision import AUTO, convolves_over_time, multiplied_in, of_machine
from model_training.learning.ranks import ALONE, Ranks
from model_training.learning.schedules import learning_rate
from model_training.learning.synced_norm import synced
from model_training.learning.warm_start import adapted
from model_training.networks.base import System
from model_training.networks.kinds import system_of

NAMES_OF_DATA = {"data", "photos", "frames"}
"""Facts of a source that only name what is learned."""

OF_THE_MACHINE = {"precision", "accumulate"}
"""Fields of a configuration that may change while a run goes on, because another machine needs others."""

RECIPE = "recipe"
"""The fact that holds the rest of a configuration: losses, optimiser, learning rates, seed, ..."""


class Training:
    """Everything that a checkpoint holds: the learner, the optimiser, the average of the weights, the step.

    Args:
        config: of the run.
        device: to train on.
        facts: of the data. A checkpoint keeps them, the network and the configuration; a run with others cannot
            continue from it.
        ranks: the processes that train together.

    Attributes:
        precision: "float32" or "bfloat16". If the configuration has AUTO, a resumed run keeps the one it began with.
            You may ask for another: all of a checkpoint is float32.

    Raises:
        ValueError: there is no precision of that name, or the processes do not have the same, or learn other data.
    """

    def __init__(
        self,
        config: Config,
        device: torch.device,
        facts: Mapping[str, object] | None = None,
        ranks: Ranks = ALONE,
    ) -> None:
        torch.manual_seed(config.seed)
        self.config, self.device, self.facts, self.ranks = config, device, dict(facts or {}), ranks
        if not ranks.agree((config, self._identity())):
            raise ValueError("the processes do not learn the same; give all of them the same data and options")
        self.learner = Learner(config).to(device)
        self.model = self.learner.model
        self._over_time = convolves_over_time(self.model)
        self.precision = of_machine(config.precision, device, self._over_time)
        if not ranks.agree(self.precision):
            raise ValueError("the processes run on different machines; say with --precision what all of them take")
        if ranks.count > 1:
            synced(self.learner)
        self.average = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}
        self.phase, self.step = 0, 0
        self._begin()

    def _begin(self) -> None:
        self.optimiser = optimiser_of(self.learner, self.config, self.config.phases[self.phase])
        self._together = self.ranks.together(self.learner, self.device)

    def next_phase(self) -> None:
        """Enter the next phase, with an optimiser of its own."""
        self.phase, self.step = self.phase + 1, 0
        self._begin()

    def update(self, batch: Batch) -> dict[str, float]:
        """One optimiser step on the part of a batch that this process has; returns the terms of the loss on it.

        Raises:
            FloatingPointError: the loss or its gradient is not finite.
        """
        phase = self.config.phases[self.phase]
        self.learner.train()
        if phase.encoder_factor < 1:
            self._freeze_statistics()
        if phase.frozen_norm:
            for module in self.model.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(phase, self.step, group["factor"])
        self.optimiser.zero_grad(set_to_none=True)
        batch, with_expressions = self.learner.on_device(batch), phase.expressions > 0
        parts = batch.parts(self.config.accumulate)
        whole = self.ranks.total(self.learner.counts(batch, with_expressions))
        counts = {name: count.clamp(min=1) / (len(parts) * self.ranks.count) for name, count in whole.items()}
        sums: dict[str, float] = {}
        for number, part in enumerate(parts):
            with self._gradients_apart() if number + 1 < len(parts) else nullcontext():
                with multiplied_in(self.precision, self.device):
                    terms: dict[str, Tensor] = self._together(part, counts, with_expressions)
                (sum(terms.values()) / len(parts)).backward()
            for name, term in terms.items():
                sums[name] = sums.get(name, 0.0) + term.item() / len(parts)
        parameters = [p for group in self.optimiser.param_groups for p in group["params"]]
        norm = nn.utils.clip_grad_norm_(parameters, self.config.gradient_norm)
        if not torch.isfinite(norm):
            shown = ", ".join(f"{name} {value:.4g}" for name, value in sums.items())
            raise FloatingPointError(f"phase {phase.name}, step {self.step}: the gradient is {float(norm)} ({shown})")
        self.optimiser.step()
        self._average()
        self.step += 1
        return sums

    def _freeze_statistics(self) -> None:
        """Put what sees the image alone into evaluation mode."""
        groups = [group for group in self.model.parameter_groups() if group.encoder]
        seeing = {id(parameter) for group in groups for parameter in group.parameters}
        for module in self.model.modules():
            if any(id(parameter) in seeing for parameter in module.parameters(recurse=False)):
                module.eval()

    def _gradients_apart(self) -> AbstractContextManager[None]:
        """No averaging of gradients over the processes, for all parts of a batch but the last."""
        return self._together.no_sync() if isinstance(self._together, DistributedDataParallel) else nullcontext()

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.config.average, (self.step + 1) / (self.step + 10))
        for name, tensor in self.model.state_dict().items():
            if tensor.is_floating_point() and "running_" not in name:
                self.average[name].lerp_(tensor, 1 - decay)
            else:
                self.average[name].copy_(tensor)

    def averaged(self) -> System:
        """The network with its averaged weights, for evaluation."""
        model = system_of(self.config.network).to(self.device)
        model.load_state_dict(self.average)
        return model.eval()

    def forget_the_past(self) -> None:
        """Restart the average from the current weights."""
        self.average = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}

    def start_from(self, path: Path) -> None:
        """Begin with finished weights, and with the first phase that has expressions.

        Raises:
            ValueError: no weights of this network; the message names the file.
        """
        tensors, facts = checkpoint.load(path)
        try:
            known = adapted(tensors, self.model, facts, self.facts)
            self.model.load_state_dict(known)
        except (RuntimeError, LookupError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(f"{path}: no weights of the network {self.config.name} ({reason})") from None
        self.forget_the_past()
        while self.config.phases[self.phase].expressions == 0:
            self.next_phase()

    def save(self, path: Path) -> None:
        """Write the whole state."""
        tensors = self.learner.state_dict() | {f"average.{name}": value for name, value in self.average.items()}
        tensors |= checkpoint.flatten_optimiser(self.optimiser)
        position = {"phase": self.phase, "step": self.step, "config": self.config.name, "precision": self.precision}
        checkpoint.save(path, tensors, position | self._identity())

    def _identity(self) -> dict[str, object]:
        """What a run must share with a checkpoint to continue from it, as JSON gives it back.

        Names of data are left out: a copy has another name, and its version says what is in it.
        """
        facts = {name: fact for name, fact in self.facts.items() if name not in NAMES_OF_DATA}
        recipe = {name: value for name, value in asdict(self.config).items() if name not in OF_THE_MACHINE}
        facts["network"] = recipe.pop("network")
        facts["number of steps"] = [phase.pop("steps") for phase in recipe["phases"]]
        facts["size of batches"] = [phase.pop("frames") for phase in recipe["phases"]]
        identity: dict[str, object] = json.loads(json.dumps({**facts, RECIPE: recipe}))
        return identity

    def restore(self, path: Path) -> None:
        """Read the whole state back.

        Raises:
            ValueError: it is from another configuration or other data, or an earlier version of this program wrote it,
                or its precision does not work here.
        """
        tensors, facts = checkpoint.load(path)
        if RECIPE not in facts:
            told = "of an earlier version, which did not keep how a run learns; begin again with another --out"
            raise ValueError(f"{path}: {told}")
        for name, value in self._identity().items():
            if facts.get(name) != value:
                raise ValueError(f"{path}: of a run with another {name}; use another --out")
        if self.config.precision == AUTO:
            self.precision = of_machine(str(facts.get("precision", AUTO)), self.device, self._over_time)
        try:
            known = self.learner.state_dict().keys()
            self.learner.load_state_dict({name: tensors[name] for name in known})
            self.phase, self.step = int(str(facts["phase"])), int(str(facts["step"]))
            prefix = "average."
            self.average = {
                name.removeprefix(prefix): tensor.to(self.device)
                for name, tensor in tensors.items()
                if name.startswith(prefix)
            }
            self._begin()
            checkpoint.restore_optimiser(self.optimiser, tensors)
        except (RuntimeError, LookupError, ValueError) as error:
            reason = f"of another network than {self.config.name} ({str(error).splitlines()[0]})"
            raise ValueError(f"{path}: {reason}; use another --out") from None
