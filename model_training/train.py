"""Train a network: `python -m model_training.train --config tabletop`.

Renders what scenes are missing, then trains phase by phase. Killed at any moment, the same command goes on from the
last whole checkpoint and gives the same curve, because a batch depends on (seed, step) alone.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from model_training import checkpoint, configs, losses
from model_training.configs.schema import Config, Phase
from model_training.datasets.rendering import load_shards, render_shards
from model_training.datasets.tabletop import HELD_OUT, STRIDES, Batch, TabletopBatches, tabletop_vocabulary
from model_training.networks.auxiliary import AuxiliaryHeads
from model_training.networks.refseg import ReferringSegmentation
from model_training.validation import score
from refseg_ros.files import replacing
from refseg_ros.simulation.tabletop import CLASSES, COLOURS

SAVE_EVERY, LOG_EVERY, VALIDATE_EVERY = 200, 20, 1000


class Training:
    """Everything that a checkpoint holds: the network, its auxiliary heads, the optimiser, the average, the step."""

    def __init__(self, config: Config, device: torch.device) -> None:
        torch.manual_seed(config.seed)
        self.config, self.device = config, device
        self.model = ReferringSegmentation(config.network).to(device, memory_format=torch.channels_last)
        self.heads = AuxiliaryHeads(self.model, 1 + len(CLASSES), len(COLOURS)).to(device)
        self.average = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}
        self.phase, self.step = 0, 0
        self.optimiser = self._optimiser()

    def _optimiser(self) -> torch.optim.AdamW:
        phase = self.config.phases[self.phase]
        encoder, rest, plain = [], [], []
        for name, parameter in [*self.model.named_parameters(), *self.heads.named_parameters()]:
            if phase.expressions == 0 and name.startswith("fusion."):
                continue
            eyes = name.startswith(("encoder.backbone.", "encoder.colour."))
            group = encoder if eyes else plain if parameter.ndim < 2 else rest
            group.append(parameter)
        factor = phase.encoder_factor
        decay = self.config.weight_decay
        return torch.optim.AdamW(
            [
                {"params": encoder, "factor": factor, "weight_decay": decay},
                {"params": rest, "factor": 1.0, "weight_decay": decay},
                {"params": plain, "factor": 1.0, "weight_decay": 0.0},
            ],
            lr=phase.learning_rate,
            betas=(0.9, 0.98),
        )

    def next_phase(self) -> None:
        """Enter the next phase, with an optimiser of its own."""
        self.phase, self.step = self.phase + 1, 0
        self.optimiser = self._optimiser()

    def set_learning_rate(self, phase: Phase) -> None:
        """Warm-up, then a cosine down to a hundredth."""
        warm = min(1.0, (self.step + 1) / phase.warm_up)
        cosine = 0.505 + 0.495 * math.cos(math.pi * self.step / phase.steps)
        for group in self.optimiser.param_groups:
            group["lr"] = phase.learning_rate * group["factor"] * warm * cosine

    def update(self, batch: Batch) -> dict[str, float]:
        """One optimiser step; returns the terms of the loss.

        Raises:
            FloatingPointError: the loss or its gradient is not finite.
        """
        phase = self.config.phases[self.phase]
        self.model.train()
        if phase.encoder_factor < 1:
            self.model.encoder.eval()
        self.set_learning_rate(phase)
        terms = self._terms(batch, with_expressions=phase.expressions > 0)
        total = sum(terms.values())
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        parameters = [p for group in self.optimiser.param_groups for p in group["params"]]
        norm = nn.utils.clip_grad_norm_(parameters, self.config.gradient_norm)
        if not torch.isfinite(norm):
            shown = ", ".join(f"{name} {term.item():.4g}" for name, term in terms.items())
            raise FloatingPointError(f"phase {phase.name}, step {self.step}: the gradient is {float(norm)} ({shown})")
        self.optimiser.step()
        self._average()
        self.step += 1
        return {name: term.item() for name, term in terms.items()}

    def _terms(self, batch: Batch, with_expressions: bool) -> dict[str, Tensor]:
        weights = self.config.losses
        strides = self.model.encoder.strides
        dense = [self._tensor(batch.dense[stride]) for stride in strides]
        clips, never = self._tensor(batch.clips), self._tensor(HELD_OUT).float()
        with torch.autocast(self.device.type, torch.bfloat16):
            if not with_expressions:
                labels = self.heads.labels(self.model.encoder(clips[:, -1]).features)
                return {"dense": losses.dense_loss([x.float() for x in labels], dense, never)}
            features, fused = self.model.encode_and_fuse(clips, self._tensor(batch.words))
            labels = self.heads.labels(features)
            references = self.heads.references(fused.looks)
            motions = self.heads.motions(fused.looks)
        masks, present = self._tensor(batch.masks), self._tensor(batch.present)
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

    def _tensor(self, array: object) -> Tensor:
        return torch.as_tensor(array, device=self.device)

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.config.average, (self.step + 1) / (self.step + 10))
        for name, tensor in self.model.state_dict().items():
            if tensor.is_floating_point() and "running_" not in name:
                self.average[name].lerp_(tensor, 1 - decay)
            else:
                self.average[name].copy_(tensor)

    def averaged(self) -> ReferringSegmentation:
        """The network with its averaged weights, for evaluation."""
        model = ReferringSegmentation(self.config.network).to(self.device)
        model.load_state_dict(self.average)
        return model.eval()

    def start_from(self, path: Path) -> None:
        """Begin with finished weights, and with the first phase that has expressions.

        Raises:
            ValueError: no weights of this network; the message names the file.
        """
        tensors, _ = checkpoint.load(path)
        try:
            self.model.load_state_dict(tensors)
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            raise ValueError(f"{path}: no weights of the network {self.config.name} ({reason})") from None
        self.average = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}
        while self.config.phases[self.phase].expressions == 0:
            self.next_phase()

    def save(self, path: Path) -> None:
        """Write the whole state."""
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"heads.{k}": v for k, v in self.heads.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in self.average.items()}
        tensors |= checkpoint.flatten_optimiser(self.optimiser)
        checkpoint.save(path, tensors, {"phase": self.phase, "step": self.step, "config": self.config.name})

    def restore(self, path: Path) -> None:
        """Read the whole state back.

        Raises:
            ValueError: no checkpoint of this configuration.
        """
        tensors, facts = checkpoint.load(path)
        try:
            self.model.load_state_dict(_part(tensors, "model."))
            self.heads.load_state_dict(_part(tensors, "heads."))
            self.phase, self.step = int(str(facts["phase"])), int(str(facts["step"]))
            self.average = {name: tensor.to(self.device) for name, tensor in _part(tensors, "average.").items()}
            self.optimiser = self._optimiser()
            checkpoint.restore_optimiser(self.optimiser, tensors)
        except (RuntimeError, LookupError, ValueError) as error:
            reason = f"of another network than {self.config.name} ({str(error).splitlines()[0]})"
            raise ValueError(f"{path}: {reason}; use another --out") from None


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def prefetched(batches: TabletopBatches, steps: range) -> DataLoader[Batch]:
    """The batches of some steps; the next ones are drawn by another process meanwhile."""
    return DataLoader(batches, sampler=steps, batch_size=None, num_workers=1, prefetch_factor=3)


def train(config: Config, out: Path, data: Path, workers: int, device: torch.device, start: Path | None = None) -> Path:
    """Run a configuration to its end, from wherever it stands; returns the path of the finished weights.

    `start` names finished weights to begin with.
    """
    vocabulary = tabletop_vocabulary()
    scenes = list(load_shards(render_shards(config.scenes, data, workers)))
    held_out = replace(config.scenes, split="held_out", first_seed=5_000_000, scenes=config.unseen_scenes)
    unseen = list(load_shards(render_shards(held_out, data, workers)))
    state, last = Training(config, device), out / "last.safetensors"
    if last.exists():
        state.restore(last)
    elif start:
        state.start_from(start)
    log = Log(out / "log.csv", state.phase, state.step)
    while True:
        phase = config.phases[state.phase]
        batches = TabletopBatches(
            scenes,
            vocabulary,
            config.network.max_words,
            phase.frames,
            phase.expressions,
            config.moving_share if phase.expressions else 0.0,
            config.seed + state.phase,
        )
        steps = range(state.step, phase.steps)
        drawn = prefetched(batches, steps)
        for batch in tqdm(drawn, total=phase.steps, initial=state.step, desc=phase.name, unit="step"):
            terms = state.update(batch)
            if state.step % LOG_EVERY == 0:
                log.write(state.phase, state.step, terms)
            if phase.expressions and (state.step % VALIDATE_EVERY == 0 or state.step == phase.steps):
                tqdm.write(str(score(state.averaged(), unseen, vocabulary)))
            if state.step % SAVE_EVERY == 0:
                state.save(last)
        if state.phase + 1 == len(config.phases):
            break
        state.next_phase()
        state.save(last)
    state.save(last)
    finished = out / "model.safetensors"
    facts: dict[str, object] = {
        "config": config.name,
        "network": asdict(config.network),
        "steps": {phase.name: phase.steps for phase in config.phases},
        "scenes": asdict(config.scenes),
    }
    checkpoint.save(finished, state.average, facts)
    return finished


class Log:
    """`log.csv`: one row every LOG_EVERY steps. A resumed run drops the rows behind its checkpoint first."""

    def __init__(self, path: Path, phase: int, step: int) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        rows: list[list[str]] = []
        try:
            if path.exists():
                with path.open(newline="") as file:
                    rows = [row for row in csv.reader(file) if (int(row[0]), int(row[1])) <= (phase, step)]
        except (ValueError, IndexError) as error:
            raise ValueError(f"{path}: not a log of this program ({error}); move it away") from None
        with replacing(path) as temporary, temporary.open("w", newline="") as file:
            csv.writer(file).writerows(rows)

    def write(self, phase: int, step: int, terms: dict[str, float]) -> None:
        """Append phase, step, and each term as `name=value`."""
        with self.path.open("a", newline="") as file:
            csv.writer(file).writerow([phase, step, *[f"{name}={value:.5f}" for name, value in terms.items()]])


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m model_training.train", description=__doc__.splitlines()[0])
    parser.add_argument("--config", choices=configs.NAMES, default="tabletop")
    parser.add_argument("--out", type=Path, help="folder of checkpoints and log (default: runs/CONFIG)")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of rendered scenes (default: data)")
    parser.add_argument("--workers", type=int, default=2, help="rendering processes (default: 2)")
    parser.add_argument("--start", type=Path, help="finished weights to begin with, such as those of the shipped model")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args(arguments)
    try:
        finished = train(
            configs.load(options.config),
            options.out or Path("runs") / options.config,
            options.data,
            options.workers,
            torch.device(options.device),
            options.start,
        )
    except (ValueError, OSError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"wrote {finished}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
