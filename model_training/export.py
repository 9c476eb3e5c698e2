"""Make a bundle from trained weights: `python -m model_training.export runs/tabletop/model.safetensors BUNDLE`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch

from model_training import configs
from model_training.configs.schema import Config
from model_training.datasets.sample import STILL
from model_training.datasets.word_pieces import TOKENIZER
from model_training.graphs import example_inputs, onnx_files
from model_training.learning import checkpoint
from model_training.learning.warm_start import vocabulary_of
from model_training.networks.base import System
from model_training.networks.kinds import system_of
from model_training.scoring.certainty import UNCALIBRATED
from model_training.words import synonyms_for
from refseg_ros.command import command, program
from refseg_ros.engines import bundle
from refseg_ros.engines.manifest import FILE, SYNONYMS, VOCABULARY, WORDS, Clip, Input, Manifest, Text
from refseg_ros.engines.reach import side_by_side
from refseg_ros.expression import Vocabulary, dump_synonyms
from refseg_ros.files import check_folder


def export(system: System, folder: Path, manifest: Manifest, text: str) -> Manifest:
    """Write a bundle of a system.

    Args:
        system: in evaluation mode, on the CPU.
        folder: of the bundle.
        manifest: all but its steps and its file list.
        text: of its word list or of its tokenizer's file.
    """
    graphs, config = system.graphs(), system.config
    known = example_inputs(config.height, config.width, config.vocabulary, config.max_words)
    files = {f"{name}.onnx": data for name, data in onnx_files(graphs, known, system.earlier).items()}
    steps = side_by_side({f"{graph.name}.onnx": graph for graph in graphs})
    contents = {manifest.text.file: text.encode(), **files}
    is_list = manifest.text.tokenizer == WORDS
    if is_list and (synonyms := synonyms_for(frozenset(text.split()))):
        contents[SYNONYMS] = dump_synonyms(synonyms).encode()
    return bundle.write(folder, replace(manifest, steps=steps), contents)


def bundle_of(model: System, config: Config, facts: Mapping[str, object], folder: Path) -> Manifest:
    """Write the bundle of a system, with the configuration of its run and the facts saved with its weights."""
    network, window = config.network, model.window
    training = {key: value for key, value in facts.items() if key not in ("network", "vocabulary", "tokenizer")}
    words = vocabulary_of(facts)
    if isinstance(words, Vocabulary):
        kind, file, text = WORDS, VOCABULARY, words.dump()
    else:
        kind, file, text = FILE, TOKENIZER, str(facts["tokenizer"])
    if config.clip != STILL:
        training["stride"] = config.clip.stride * window.step
    manifest = Manifest(
        name=config.name,
        input=Input(network.height, network.width, network.padding),
        steps=(),
        text=Text(kind, file, network.max_words),
        clip=Clip(window.before + 1, window.step * config.clip_interval if window.before else 0.0, model.memory),
        thresholds=UNCALIBRATED,
        network=asdict(network),
        training=training,
    )
    return export(model, folder, manifest, text)


def load_model(path: Path) -> tuple[System, Config, dict[str, object]]:
    """Load trained weights: the system in evaluation mode, its configuration and its facts.

    Raises:
        ValueError: the file has no finished weights of this project; the message names it.
    """
    tensors, facts = checkpoint.load(path)
    if "network" not in facts:
        raise ValueError(f"{path}: a checkpoint in the middle of training; take model.safetensors beside it")
    try:
        config = configs.load(str(facts.get("config", "")))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    broken = [name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise ValueError(f"{path}: {broken[0]} holds values that are no numbers; train it again")
    network = facts["network"] if isinstance(facts["network"], dict) else {}
    switches = {name: tuple(value) if isinstance(value, list) else value for name, value in network.items()}
    try:
        config = replace(config, network=replace(config.network, **switches))
        model = system_of(config.network)
        model.load_state_dict(tensors)
    except (RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: of another network than {config.name} ({str(error).splitlines()[0]})") from None
    brought = len(vocabulary_of(facts))
    if brought != config.network.vocabulary:
        raise ValueError(f"{path}: of {config.network.vocabulary} words, but it brings {brought}; train it again")
    return model.eval(), config, facts


@command()
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog=program(), description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path, help="model.safetensors of a finished training run")
    parser.add_argument("bundle", type=Path, help="folder to write")
    options = parser.parse_args(arguments)
    check_folder(options.bundle)
    model, config, facts = load_model(options.weights)
    written = bundle_of(model, config, facts, options.bundle)
    for name in written.files:
        print(f"{options.bundle / name}  {(options.bundle / name).stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
