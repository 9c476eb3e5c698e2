"""Train a network: `python -m model_training.train --config tabletop`, or `--config small --data DIR`.

Renders missing scenes, or reads a data set, then trains phase by phase. If it is killed, the same command goes on from
the last whole checkpoint and gives the same curve, because a batch depends on (seed, step) alone. Processes that
`torchrun` starts share each batch.
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
from model_training.configs import variants
from model_training.configs.schema import Config
from model_training.learning import checkpoint
from model_training.learning.backbone_weights import Report, imagenet_file
from model_training.learning.fitting import add_budget, fitted, shortened, with_scenes
from model_training.learning.pretrained import load_backbone_of
from model_training.learning.ranks import ALONE, Ranks, joined
from model_training.learning.run_log import RunLog
from model_training.learning.training import Training
from model_training.networks.config import NetworkConfig
from model_training.sources.choice import source_of
from model_training.sources.source import Source
from refseg_ros.command import command, program, refuse_without_effect
from refseg_ros.files import remove_leftovers

SAVE_EVERY, LOG_EVERY, VALIDATE_EVERY = 200, 20, 1000

LAST = "last.safetensors"
"""Checkpoint in a run's folder, from which the run goes on."""

CACHE = "letterboxed"
"""Folder inside a run's folder that keeps still images at the size of the input."""


def train(
    config: Config,
    out: Path,
    data: Path | str,
    workers: int,
    device: torch.device,
    start: Path | None = None,
    objects: Path | None = None,
    photos: Sequence[Path] = (),
    frames: Sequence[Path] = (),
) -> Path:
    """Train a configuration to its end in this process, from its last checkpoint on; returns the path of the weights.

    Args:
        config: of the run.
        out: folder of its checkpoints and log.
        data: folder of rendered scenes, or of a data set.
        workers: processes that render, or make batches.
        device: to train on.
        start: finished weights to begin with.
        objects, photos, frames: folder of scans, and folders of photos and of frames, that a configuration mixes in;
            see `Mixture`.

    Raises:
        ValueError, OSError: the data or a file of the run cannot be used; the message names it.
        FloatingPointError: the loss is not finite any more.
    """
    source = source_of(config, data, workers, out / CACHE, objects=objects, photos=photos, frames=frames, start=start)
    return run(source, out, device, lambda state: begun(state, start))


def begun(
    state: Training, start: Path | None = None, backbones: Sequence[Path] = (), imagenet_share: float = 0.0
) -> list[Report]:
    """Start a new run from finished weights, or from files of its backbones, or else from ImageNet's weights if the
    configuration wants them.

    Args:
        state: of the run.
        start: finished weights.
        backbones: files for its parts, if there is no `start`; see `load_backbone_of`.
        imagenet_share: share of ImageNet's weights in the backbone of `start`, see `load_backbone_of`.

    Raises:
        ValueError, OSError: a file is not there, or is of another network, or a configuration that only goes on has
            nothing to go on from.
    """
    if state.config.goes_on and not start:
        raise ValueError(f"the configuration {state.config.name} goes on from finished weights; give --start")
    share = imagenet_share if start else 1.0
    if start:
        state.start_from(start)
    if share and not backbones and state.config.imagenet:
        assert isinstance(state.config.network, NetworkConfig)
        backbones = (imagenet_file(state.config.network.backbone),)
    reports = [load_backbone_of(state.model, backbone, share) for backbone in backbones]
    if reports:
        state.forget_the_past()
    return reports


def run(
    source: Source, out: Path, device: torch.device, begin: Callable[[Training], None], ranks: Ranks = ALONE
) -> Path:
    """Train on a source to the end; `begin` is called with a new run's state, before its first step."""
    config = source.config
    state, last = Training(config, device, source.facts, ranks), out / LAST
    if ranks.first:
        remove_leftovers(out)  # each as large as a checkpoint
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


@command(FloatingPointError)
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog=program(), description=__doc__.splitlines()[0])
    parser.add_argument("--config", choices=configs.CONFIGS, default="tabletop")
    parser.add_argument(
        "--variant", choices=variants.NAMES, help="of its network, such as those of the paper's Tables 1 and 2"
    )
    parser.add_argument("--out", type=Path, help="folder of checkpoints and log (default: runs/CONFIG[-VARIANT])")
    parser.add_argument(
        "--data", default="data", help="folder of rendered scenes, or of a data set, or of shards (default: data)"
    )
    parser.add_argument("--images", type=Path, help="folder of COCO's images, if not in a usual place")
    parser.add_argument(
        "--tokenizer", type=Path, metavar="FILE",
        help="tokenizer.json that cuts words into pieces, such as BERT's (default: the words of the data are learned)",
    )  # fmt: skip
    parser.add_argument(
        "--dilated-truth", action="store_true",
        help="every pixel of the input that a thing touches belongs to it, as in the released code of CSTM "
        "(default: by the share that it covers)",
    )  # fmt: skip
    parser.add_argument("--objects", type=Path, metavar="DIR", help="folder of meshes with names, for household, parts")
    parser.add_argument(
        "--photos", type=Path, metavar="DIR", action="append", default=[],
        help="folder of photos that surfaces are cut out of, for household, parts; household learns them, too, and "
        "needs instances.json of COCO with them; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--frames", type=Path, metavar="DIR", action="append", default=[],
        help="folder of your frames with expressions and masks, for lessons; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--scenes", type=int, help="simulated scenes of each sort, a multiple of 64 (default: the configuration's)"
    )
    parser.add_argument("--workers", type=int, default=2, help="processes that render, or make batches (default: 2)")
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument("--start", type=Path, help="finished weights to begin with, such as those of a model that ships")
    begin.add_argument(
        "--backbone", type=Path, action="append", default=[],
        help="weights of a backbone to begin with, .safetensors or .pth; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--imagenet-share", type=float, default=0.0, metavar="S",
        help="how much of the backbone of --start is ImageNet's weights again, 0 to 1 (default: 0)",
    )  # fmt: skip
    parser.add_argument("--steps", type=int, help="of each phase of training (default: the configuration's)")
    add_budget(parser)
    options = parser.parse_args(arguments)
    with joined(options.device) as (ranks, device):
        config = shortened(fitted(configs.load(options.config), options, ranks), options.steps)
        if config.scenes is not None:
            refuse_without_effect(parser, options, ("images", "tokenizer", "dilated_truth"), "on simulated scenes")
        if not 0 <= options.imagenet_share <= 1:
            raise ValueError(f"--imagenet-share is {options.imagenet_share}; it must be between 0 and 1")
        if options.start is None:
            refuse_without_effect(parser, options, ("imagenet_share",), "without --start")
        if not config.imagenet:
            others = f"with {config.name}, which did not begin with ImageNet's weights"
            refuse_without_effect(parser, options, ("imagenet_share",), others)
        config = replace(config, dilated_truth=options.dilated_truth)
        if options.variant:
            config = variants.varied(config, options.variant)
        name = options.config + (f"-{options.variant}" if options.variant else "")
        out = options.out or Path("runs") / name
        if options.scenes is not None:
            config = with_scenes(config, options.scenes)
        files = {name: getattr(options, name) for name in ("objects", "photos", "frames", "tokenizer", "start")}
        source = source_of(config, options.data, options.workers, out / CACHE, options.images, ranks, **files)

        given = [f"--{name}" for name in ("start", "backbone") if getattr(options, name)]
        if given and (out / LAST).exists() and ranks.first:
            print(f"{out / LAST}: of a run that has begun already; {given[0]} changes nothing in it", file=sys.stderr)

        def begin_with(state: Training) -> None:
            for report in begun(state, options.start, options.backbone, options.imagenet_share):
                if ranks.first:
                    print(report)

        finished = run(source, out, device, begin_with, ranks)
    if ranks.first:
        print(f"wrote {finished}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
