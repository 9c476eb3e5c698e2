"""Make a model bundle of trained weights: `python -m model_training.export runs/tabletop/model.safetensors BUNDLE`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from model_training import checkpoint, configs
from model_training.configs.schema import Config
from model_training.networks.cfsa import Past
from model_training.networks.refseg import Encoder, Fusion, ReferringSegmentation
from model_training.starting import vocabulary_of
from refseg_ros.engines import bundle
from refseg_ros.engines.manifest import CLIP, ENCODER, FUSION, VOCABULARY, Clip, InputSize, Manifest, Thresholds
from refseg_ros.engines.network import LOGITS, PRESENCE, WORD_ATTENTION, WORDS, pair_names

OPSET = 18
"""At 20 and below attention becomes MatMul and Softmax, which every runtime has."""

THRESHOLDS = Thresholds(mask=0.4, presence=0.5, uncertain=0.15)
"""Of a bundle before `calibrate` chooses the presence. A mask of probability 0.4 and above agrees better with the truth
than one of 0.5 or of 0.3 (overall IoU 0.778 against 0.775 and 0.774 on the tabletop): thin parts are missed less.
"""

PARTS = ("query", "key", "value")


class EncoderGraph(nn.Module):
    """The encoder with the flat list of outputs that a bundle's encoder has."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """(B, H, W, 3) uint8 RGB -> features, then query, key and value per level."""
        features, ring = self.encoder(image)
        return (*features, *(part for level in ring for part in level))


class ClipGraph(nn.Module):
    """The newest frame of a stream looks back at the frames before it, with the flat lists of a bundle's clip."""

    def __init__(self, fusion: Fusion) -> None:
        super().__init__()
        self.attention, self.bounded = fusion.clip, fusion.config.bounded
        self.sizes = [level.size for level in fusion.levels]

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Per level: feature (1, C, H, W), query (1, G, d), key (1, P, d), value (1, G, d), the fields of `Past` -> per
        level: the updated feature, and the fields of the frame's row and column of `Blocks`.
        """
        outputs: list[Tensor] = []
        count = len(inputs) // len(self.sizes)
        for index, (attention, size) in enumerate(zip(self.attention, self.sizes, strict=True)):
            feature, query, key, value, *past = inputs[index * count : (index + 1) * count]
            target = feature.flatten(2).transpose(1, 2)
            updated, row, column = attention.step(target, query, key, value, Past(*past), self.bounded)
            outputs += [updated.transpose(1, 2).unflatten(-1, size), *row, *column]
        return tuple(outputs)


class FusionGraph(nn.Module):
    """The fusion of one frame with Q expressions, with the flat list of inputs that a bundle's fusion has."""

    def __init__(self, fusion: Fusion) -> None:
        super().__init__()
        self.fusion = fusion

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features (1, C, H, W) per level, after the clip, and `words` (Q, N)."""
        fused = self.fusion.answer(inputs[:-1], inputs[-1][None])
        return fused.logits[0], fused.presence[0], fused.word_attention[0]


def export(model: ReferringSegmentation, folder: Path, manifest: Manifest, vocabulary: str) -> Manifest:
    """Write a bundle of a network.

    Args:
        model: in evaluation mode, on the CPU.
        folder: of the bundle.
        manifest: all but its file list.
        vocabulary: the text of vocabulary.txt.
    """
    config = model.config
    levels = [str(index + 1) for index in range(len(model.encoder.channels))]
    features = [f"feature_{level}" for level in levels]
    ring = [f"ring_{level}_{part}" for level in levels for part in PARTS] if config.clip > 1 else []
    image = torch.randint(0, 256, (2, config.height, config.width, 3), dtype=torch.uint8)
    contents = {VOCABULARY: vocabulary.encode()}
    batch, past = torch.export.Dim("batch", min=1), torch.export.Dim("past", min=0)
    contents[ENCODER] = _onnx(
        EncoderGraph(model.encoder), (image,), ["image"], [*features, *ring], {"image": {0: batch}}
    )
    with torch.no_grad():
        encoded = model.encoder(image[:1])
    if ring:
        inputs, names, outputs, dynamic = [], [], [], []
        for level, feature, parts in zip(levels, encoded.features, encoded.ring, strict=True):
            earlier = _some_past(parts)
            inputs += [feature, *parts, *earlier]
            names += [f"feature_{level}", *(f"ring_{level}_{part}" for part in PARTS)]
            names += [f"past_{level}_{part}" for part in Past._fields]
            dynamic += [{}, {}, {}, {}, *({0: past} for _ in earlier[:-1]), {0: past, 1: past}]
            outputs += [f"clip_feature_{level}", *pair_names(level)]
        contents[CLIP] = _onnx(ClipGraph(model.fusion), tuple(inputs), names, outputs, {"inputs": tuple(dynamic)})
        features = [f"clip_feature_{level}" for level in levels]
    contents[FUSION] = export_fusion(model.fusion, encoded.features, features)
    return bundle.write(folder, manifest, contents)


def export_fusion(fusion: Fusion, features: tuple[Tensor, ...], names: list[str]) -> bytes:
    """The ONNX file of a fusion, which takes any number of expressions and of words.

    Args:
        fusion: in evaluation mode, on the CPU.
        features: per level (1, C, H, W).
        names: of these inputs.
    """
    words = torch.randint(1, fusion.config.vocabulary, (3, fusion.config.max_words - 1))
    queries, length = (torch.export.Dim(name, min=1) for name in ("queries", "length"))
    return _onnx(
        FusionGraph(fusion),
        (*features, words),
        [*names, WORDS],
        [LOGITS, PRESENCE, WORD_ATTENTION],
        {"inputs": (*({} for _ in features), {0: queries, 1: length})},
    )


def _some_past(parts: tuple[Tensor, Tensor, Tensor], frames: int = 3) -> Past:
    """A past of the right shapes; each tensor is its own, the exporter takes two of one storage for one input."""
    query, key, value = (torch.rand(frames, *part.shape[1:]) for part in parts)
    positions = key.shape[1]
    return Past(
        query, key, value, torch.rand(frames, positions), torch.rand(key.shape), torch.rand(frames, frames, positions)
    )


@torch.no_grad()  # a loop over words would bring its gradient
def _onnx(
    graph: nn.Module, inputs: tuple[Tensor, ...], names: list[str], outputs: list[str], dynamic: dict[str, object]
) -> bytes:
    program = torch.onnx.export(
        graph.eval(),
        inputs,
        input_names=names,
        output_names=outputs,
        opset_version=OPSET,
        dynamic_shapes=dynamic,
        dynamo=True,
        verbose=False,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.onnx"
        program.save(str(path), external_data=False)
        return without_traces(path.read_bytes())


def without_traces(graph: bytes) -> bytes:
    """An ONNX file without the exporter's notes on where in which source file each node was made."""
    model = onnx.load_from_string(graph)
    for part in (model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        del part.metadata_props[:]
    return model.SerializeToString()


def load_model(path: Path) -> tuple[ReferringSegmentation, Config, dict[str, object]]:
    """Trained weights with their configuration and what is noted with them.

    Raises:
        ValueError: no finished weights of this project; the message names the file.
    """
    tensors, facts = checkpoint.load(path)
    if "network" not in facts:
        raise ValueError(f"{path}: a checkpoint in the middle of training; take model.safetensors beside it")
    config = configs.load(str(facts["config"]))
    network = facts["network"] if isinstance(facts["network"], dict) else {}
    switches = {name: tuple(value) if isinstance(value, list) else value for name, value in network.items()}
    try:
        config = replace(config, network=replace(config.network, **switches))
        model = ReferringSegmentation(config.network)
        model.load_state_dict(tensors)
    except (RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: of another network than {config.name} ({str(error).splitlines()[0]})") from None
    return model.eval(), config, facts


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m model_training.export", description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path, help="model.safetensors of a finished training run")
    parser.add_argument("bundle", type=Path, help="folder to write")
    options = parser.parse_args(arguments)
    try:
        model, config, facts = load_model(options.weights)
        network = config.network
        size = InputSize(network.height, network.width)
        manifest = Manifest(
            name=config.name,
            input=size,
            max_words=network.max_words,
            clip=Clip(network.clip, network.clip_stride * config.clip_interval if network.clip > 1 else 0.0),
            thresholds=THRESHOLDS,
            network=asdict(network),
            training={key: value for key, value in facts.items() if key not in ("network", "vocabulary")},
        )
        written = export(model, options.bundle, manifest, vocabulary_of(facts).dump())
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for name in written.files:
        print(f"{options.bundle / name}  {(options.bundle / name).stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
