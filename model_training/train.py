"""Train a network: `python -m model_training.train --config tabletop`, or `--config small --data DIR`.

Renders what scenes are missing, or reads a data set, then trains phase by phase. Killed at any moment, the same command
goes on from the last whole checkpoint and gives the same curve, because a batch depends on (seed, step) alone. Where
`torchrun` starts several processes, they share each batch.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import torch
from tqdm import tqdm

from model_training import checkpoint, configs
from model_training.backbone_weights import load_backbone
from model_training.configs.schema import Config
from model_training.ranks import ALONE, Ranks, joined
from model_training.run_log import RunLog
from model_training.tasks.expressions import ExpressionTask
from model_training.tasks.tabletop import TabletopTask
from model_training.tasks.task import Task
from model_training.training import PRECISIONS, Training
from model_training.variants import VARIANTS, varied

SAVE_EVERY, LOG_EVERY, VALIDATE_EVERY = 200, 20, 1000


def train(
    config: Config, out: Path, data: Path | str, workers: int, device: torch.device, start: Path | None = None
) -> Path:
    """Run a configuration to its end in this process, from where it stands; returns the path of the finished weights.

    Args:
        config: of the run.
        out: folder of its checkpoints and log.
        data: folder of rendered scenes, or of a data set.
        workers: processes that render, or make batches.
        device: to train on.
        start: finished weights to begin with.

    Raises:
        ValueError, OSError: data or a file of the run is not what it should be; the message names it.
        FloatingPointError: the loss is not finite any more.
    """
    return run(
        task_of(config, out, data, workers), out, device, lambda state: state.start_from(start) if start else None
    )


def task_of(
    config: Config, out: Path, data: Path | str, workers: int, images: Path | None = None, ranks: Ranks = ALONE
) -> Task:
    """What a configuration learns.

    Raises:
        ValueError, OSError: the data is not what it should be.
    """
    if config.scenes is None:
        return ExpressionTask(config, str(data), workers, out / "letterboxed", images, ranks)
    if ranks.count > 1:
        raise ValueError(f"{config.name}: simulated scenes are learned by one process; start it without torchrun")
    return TabletopTask(config, Path(data), workers)


def run(task: Task, out: Path, device: torch.device, begin: Callable[[Training], None], ranks: Ranks = ALONE) -> Path:
    """Train on a task to the end; `begin` is called with a new run's state, before its first step."""
    config = task.config
    state, last = Training(config, device, task.identity, ranks), out / "last.safetensors"
    if last.exists():
        state.restore(last)
    else:
        begin(state)
    if not ranks.agree((state.phase, state.step)):
        raise ValueError(f"{last}: not the same for all processes; --out must be in a file system that they share")
    log = RunLog(out, [phase.steps for phase in config.phases], state.phase, state.step) if ranks.first else None
    while True:
        phase = config.phases[state.phase]
        drawn = task.batches(state.phase, range(state.step, phase.steps))
        bar = tqdm(drawn, total=phase.steps, initial=state.step, desc=phase.name, unit="step", disable=not ranks.first)
        for batch in bar:
            terms = state.update(batch)
            if state.step % LOG_EVERY == 0:
                terms = ranks.mean(terms, device)
                if log:
                    log.write(state.phase, state.step, terms, state.optimiser.param_groups[1]["lr"])
            if not log:
                continue
            if phase.expressions and (state.step % VALIDATE_EVERY == 0 or state.step == phase.steps):
                said = task.validation(state.averaged())
                tqdm.write(str(said))
                log.validated(state.phase, state.step, said.whole.overall, said.whole.mean)
            if state.step % SAVE_EVERY == 0:
                state.save(last)
        if state.phase + 1 == len(config.phases):
            break
        state.next_phase()
        if ranks.first:
            state.save(last)
    finished = out / "model.safetensors"
    if log:
        state.save(last)
        log.close()
        facts: dict[str, object] = {
            "config": config.name,
            "network": asdict(config.network),
            "steps": {phase.name: phase.steps for phase in config.phases},
        }
        checkpoint.save(finished, state.average, facts | task.facts)
    return finished


def add_budget(parser: argparse.ArgumentParser) -> None:
    """Give a command line what `fitted` reads, and the device."""
    parser.add_argument("--batch", type=int, help="frames in a batch of all processes (default: the configuration's)")
    parser.add_argument("--accumulate", type=int, default=1, help="parts that a batch goes through in (default: 1)")
    parser.add_argument("--precision", choices=PRECISIONS, help="of multiplications (default: the configuration's)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")


def fitted(config: Config, options: argparse.Namespace, ranks: Ranks = ALONE) -> Config:
    """A configuration with the batch, its parts and the precision that the command line gives.

    Raises:
        ValueError: that is nothing for this configuration, or the processes cannot share such a batch.
    """
    if options.batch is not None:
        if config.scenes is not None:
            raise ValueError(f"--batch is for data sets; that of {config.name} stands in its file")
        config = replace(config, phases=tuple(replace(phase, frames=options.batch) for phase in config.phases))
    config = replace(config, accumulate=options.accumulate, precision=options.precision or config.precision)
    shares = ranks.count * config.accumulate
    for phase in config.phases:
        if shares < 1 or phase.frames < 1 or phase.frames % shares:
            raise ValueError(
                f"{phase.frames} frames in a batch do not share out to {ranks.count} processes with "
                f"{config.accumulate} parts each; change --batch or --accumulate"
            )
    return config


def shortened(config: Config, steps: int | None) -> Config:
    """A configuration of a data set with so many steps, if they are given.

    Raises:
        ValueError: there are none, or it is one of simulated scenes.
    """
    if steps is None:
        return config
    if config.scenes is not None:
        raise ValueError(f"--steps is for data sets; those of {config.name} stand in its file")
    if steps < 1:
        raise ValueError(f"--steps is {steps}; it must be at least 1")
    return replace(config, phases=tuple(replace(phase, steps=steps) for phase in config.phases))


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m model_training.train", description=__doc__.splitlines()[0])
    parser.add_argument("--config", choices=configs.NAMES, default="tabletop")
    parser.add_argument(
        "--variant", choices=VARIANTS, help="of its network, such as those of the paper's Tables 1 and 2"
    )
    parser.add_argument("--out", type=Path, help="folder of checkpoints and log (default: runs/CONFIG[-VARIANT])")
    parser.add_argument(
        "--data", default="data", help="folder of rendered scenes, or of a data set, or of shards (default: data)"
    )
    parser.add_argument("--images", type=Path, help="folder of COCO's images, if not in a usual place")
    parser.add_argument("--workers", type=int, default=2, help="processes that render, or make batches (default: 2)")
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument("--start", type=Path, help="finished weights to begin with, such as those of the shipped model")
    begin.add_argument("--backbone", type=Path, help="weights of the backbone to begin with, .safetensors or .pth")
    parser.add_argument("--steps", type=int, help="of training (default: the configuration's)")
    add_budget(parser)
    options = parser.parse_args(arguments)
    try:
        with joined(torch.device(options.device)) as (ranks, device):
            config = shortened(fitted(configs.load(options.config), options, ranks), options.steps)
            if options.variant:
                config = replace(config, network=varied(config.network, options.variant))
            name = options.config + (f"-{options.variant}" if options.variant else "")
            out = options.out or Path("runs") / name
            task = task_of(config, out, options.data, options.workers, options.images, ranks)

            def begin_with(state: Training) -> None:
                if options.start:
                    state.start_from(options.start)
                if options.backbone:
                    report = load_backbone(state.model.encoder, options.backbone)
                    state.forget_the_past()
                    if ranks.first:
                        print(report)

            finished = run(task, out, device, begin_with, ranks)
    except (ValueError, OSError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if ranks.first:
        print(f"wrote {finished}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
