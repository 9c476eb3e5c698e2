"""Train a network: `python -m model_training.train --config tabletop`, or `--config small --data DIR`.

Renders what scenes are missing, or reads a data set, then trains phase by phase. Killed at any moment, the same command
goes on from the last whole checkpoint and gives the same curve, because a batch depends on (seed, step) alone. Where
`torchrun` starts several processes, they share each batch.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch
from tqdm import tqdm

from model_training import configs
from model_training.configs.schema import Config
from model_training.datasets.rendering import SCENES_PER_SHARD
from model_training.learning import checkpoint
from model_training.learning.backbone_weights import Report, imagenet_file
from model_training.learning.precision import PRECISIONS
from model_training.learning.pretrained import load_backbone_of
from model_training.learning.ranks import ALONE, Ranks, joined
from model_training.learning.run_log import RunLog
from model_training.learning.training import Training
from model_training.networks.config import NetworkConfig
from model_training.paper.systems import VARIANTS, varied
from model_training.sources.choice import source_of
from model_training.sources.source import Source
from refseg_ros.command import command, program, refuse_without_effect

SAVE_EVERY, LOG_EVERY, VALIDATE_EVERY = 200, 20, 1000

CACHE = "letterboxed"
"""Folder in that of a run which keeps still images at the size of the input."""


def train(
    config: Config,
    out: Path,
    data: Path | str,
    workers: int,
    device: torch.device,
    start: Path | None = None,
    objects: Path | None = None,
    photos: Sequence[Path] = (),
) -> Path:
    """Run a configuration to its end in this process, from where it stands; returns the path of the finished weights.

    Args:
        config: of the run.
        out: folder of its checkpoints and log.
        data: folder of rendered scenes, or of a data set.
        workers: processes that render, or make batches.
        device: to train on.
        start: finished weights to begin with.
        objects, photos: folders of scans, and of photos with instances, that a configuration mixes in.

    Raises:
        ValueError, OSError: data or a file of the run is not what it should be; the message names it.
        FloatingPointError: the loss is not finite any more.
    """
    source = source_of(config, data, workers, out / CACHE, objects=objects, photos=photos)
    return run(source, out, device, lambda state: begun(state, start))


def begun(state: Training, start: Path | None = None, backbone: Path | None = None) -> Report | None:
    """Let a new run begin with finished weights, or with a file of its backbone; without either with ImageNet's, where
    the configuration wants them.

    Raises:
        ValueError, OSError: they are not there, or of another network.
    """
    if start:
        state.start_from(start)
        return None
    if backbone is None and state.config.imagenet:
        assert isinstance(state.config.network, NetworkConfig)
        backbone = imagenet_file(state.config.network.backbone)
    if backbone is None:
        return None
    report = load_backbone_of(state.model, backbone)
    state.forget_the_past()
    return report


def run(
    source: Source, out: Path, device: torch.device, begin: Callable[[Training], None], ranks: Ranks = ALONE
) -> Path:
    """Train on a source to the end; `begin` is called with a new run's state, before its first step."""
    config = source.config
    state, last = Training(config, device, source.facts, ranks), out / "last.safetensors"
    if last.exists():
        state.restore(last)
    else:
        begin(state)
    if not ranks.agree((state.phase, state.step)):
        raise ValueError(f"{last}: not the same for all processes; --out must be in a file system that they share")
    log = RunLog(out, [phase.steps for phase in config.phases], state.phase, state.step) if ranks.first else None
    while True:
        phase = config.phases[state.phase]
        drawn = source.batches(state.phase, range(state.step, phase.steps))
        bar = tqdm(drawn, total=phase.steps, initial=state.step, desc=phase.name, unit="step", disable=not ranks.first)
        for batch in bar:
            terms = state.update(batch)
            if state.step % LOG_EVERY == 0:
                terms = ranks.mean(terms, device)
                if log:
                    log.write(state.phase, state.step, terms, state.optimiser.param_groups[-1]["lr"])
            if not log:
                continue
            if phase.expressions and (state.step % VALIDATE_EVERY == 0 or state.step == phase.steps):
                scores = source.validation(state.averaged())
                tqdm.write(str(scores))
                log.validated(state.phase, state.step, scores.whole.overall, scores.whole.mean)
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
        checkpoint.save(finished, state.average, facts | source.facts)
    return finished


def add_budget(parser: argparse.ArgumentParser) -> None:
    """Give a command line what `fitted` reads, and the device."""
    parser.add_argument("--batch", type=int, help="frames in a batch of all processes (default: the configuration's)")
    parser.add_argument("--accumulate", type=int, default=1, help="parts that a batch goes through in (default: 1)")
    add_machine(parser)


def add_machine(parser: argparse.ArgumentParser) -> None:
    """Give a command line the device and what is multiplied in on it."""
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        help="of multiplications; auto: what the machine has instructions for (default: the configuration's)",
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")


def fitted(config: Config, options: argparse.Namespace, ranks: Ranks = ALONE) -> Config:
    """A configuration with the batch, its parts and the precision that the command line gives.

    Raises:
        ValueError: the processes cannot share such a batch.
    """
    if options.batch is not None:
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


def with_scenes(config: Config, scenes: int) -> Config:
    """A configuration with so many simulated scenes of each sort.

    Raises:
        ValueError: they do not fill shards, or the configuration has no scenes.
    """
    if scenes < SCENES_PER_SHARD or scenes % SCENES_PER_SHARD:
        raise ValueError(f"--scenes is {scenes}; it must be a multiple of {SCENES_PER_SHARD}")
    if config.scenes is None:
        raise ValueError(f"the configuration {config.name} has no simulated scenes; leave --scenes out")
    mix = config.mix
    if mix:
        mix = replace(mix, scan_scenes=replace(mix.scan_scenes, scenes=scenes))
    return replace(config, scenes=replace(config.scenes, scenes=scenes), mix=mix)


def shortened(config: Config, steps: int | None) -> Config:
    """A configuration with so many steps in each phase, if they are given.

    Raises:
        ValueError: there are none.
    """
    if steps is None:
        return config
    if steps < 1:
        raise ValueError(f"--steps is {steps}; it must be at least 1")
    return replace(config, phases=tuple(replace(phase, steps=steps) for phase in config.phases))


@command(FloatingPointError)
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog=program(), description=__doc__.splitlines()[0])
    parser.add_argument("--config", choices=configs.CONFIGS, default="tabletop")
    parser.add_argument(
        "--variant", choices=VARIANTS, help="of its network, such as those of the paper's Tables 1 and 2"
    )
    parser.add_argument("--out", type=Path, help="folder of checkpoints and log (default: runs/CONFIG[-VARIANT])")
    parser.add_argument(
        "--data", default="data", help="folder of rendered scenes, or of a data set, or of shards (default: data)"
    )
    parser.add_argument("--images", type=Path, help="folder of COCO's images, if not in a usual place")
    parser.add_argument("--objects", type=Path, metavar="DIR", help="folder of meshes with names, for household, parts")
    parser.add_argument(
        "--photos", type=Path, metavar="DIR", action="append", default=[],
        help="folder of photos with instances.json of COCO, for household; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--scenes", type=int, help="simulated scenes of each sort, a multiple of 64 (default: the configuration's)"
    )
    parser.add_argument("--workers", type=int, default=2, help="processes that render, or make batches (default: 2)")
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument("--start", type=Path, help="finished weights to begin with, such as those of a model that ships")
    begin.add_argument("--backbone", type=Path, help="weights of the backbone to begin with, .safetensors or .pth")
    parser.add_argument("--steps", type=int, help="of each phase of training (default: the configuration's)")
    add_budget(parser)
    options = parser.parse_args(arguments)
    with joined(torch.device(options.device)) as (ranks, device):
        config = shortened(fitted(configs.load(options.config), options, ranks), options.steps)
        if config.scenes is not None:
            refuse_without_effect(parser, options, ("images",), "on simulated scenes")
        if options.variant:
            if not isinstance(config.network, NetworkConfig):
                raise ValueError(f"--variant is of the network of cmsa; {config.name} has another")
            config = replace(config, network=varied(config.network, options.variant))
        name = options.config + (f"-{options.variant}" if options.variant else "")
        out = options.out or Path("runs") / name
        if options.scenes is not None:
            config = with_scenes(config, options.scenes)
        folders = {"objects": options.objects, "photos": options.photos}
        source = source_of(config, options.data, options.workers, out / CACHE, options.images, ranks, **folders)

        def begin_with(state: Training) -> None:
            report = begun(state, options.start, options.backbone)
            if report and ranks.first:
                print(report)

        finished = run(source, out, device, begin_with, ranks)
    if ranks.first:
        print(f"wrote {finished}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
