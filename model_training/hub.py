"""Make a model bundle from a network of a hub: `python -m model_training.hub CIDAS/clipseg-rd64-refined BUNDLE`.

The source is the name of a repository of Hugging Face's hub, which is downloaded, or a local folder of files of
`transformers`. It must be CLIPSeg (Lüddecke and Ecker, "Image Segmentation Using Text and Image Prompts", CVPR 2022):
an open vocabulary and a mask for each expression, no clip and no word attention.
Nothing else here downloads, except `train --data https://...`, which streams shards.

An image gets grey bars to fit the input, as for every bundle; CLIPSeg's own processor would stretch it.
The published weights could not be downloaded here, so nobody has looked at the masks yet.
"""

from __future__ import annotations

import argparse
import copy
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
import transformers
from torch import Tensor, nn
from transformers.utils import cached_file

from model_training.graphs import example_inputs, onnx_files
from model_training.networks.base import Graph
from model_training.scoring.certainty import UNCALIBRATED
from refseg_ros.command import command, program
from refseg_ros.engines import bundle
from refseg_ros.engines.manifest import ARRAYS, FILE, Clip, Input, Manifest, Text
from refseg_ros.engines.network import LOGITS
from refseg_ros.engines.reach import IMAGE, WORDS
from refseg_ros.files import check_folder
from refseg_ros.text import one_line

KIND = "clipseg"
TOKENIZER, PROCESSOR = "tokenizer.json", "preprocessor_config.json"


class Pixels(NamedTuple):
    """How CLIPSeg's processor scales and normalises an image."""

    height: int
    width: int
    factor: float
    """Factor on bytes."""
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    """Of R, G, B after `factor`."""

    @classmethod
    def of(cls, settings: dict[str, Any]) -> Pixels:
        """From the content of a `preprocessor_config.json`.

        Raises:
            LookupError: it lacks something.
        """
        size = settings["size"]
        height, width = (size["height"], size["width"]) if isinstance(size, dict) else (size, size)
        factor = settings.get("rescale_factor", 1 / 255)
        return cls(height, width, factor, tuple(settings["image_mean"]), tuple(settings["image_std"]))

    @property
    def grey(self) -> int:
        """The grey level that is closest to zero once normalised."""
        return round(sum(self.mean) / len(self.mean) / self.factor)


class Source(NamedTuple):
    """A network of a hub and what goes with it."""

    model: nn.Module
    tokenizer: Any
    """A `tokenizers.Tokenizer`."""
    pixels: Pixels


def load(source: str) -> Source:
    """Read a network, from a folder or from the hub.

    Raises:
        ValueError: it is of another kind, has other weights than its configuration says, or cannot be read; one line.
    """
    local = Path(source).is_dir()
    try:
        config = transformers.AutoConfig.from_pretrained(source, local_files_only=local)
        if config.model_type != KIND:
            raise ValueError(f"holds a network of kind {config.model_type!r}; only {KIND!r} can be made a bundle of")
        model, report = transformers.CLIPSegForImageSegmentation.from_pretrained(
            source,
            config=config,
            local_files_only=local,
            dtype=torch.float32,
            attn_implementation="eager",
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
        for name, theirs, ours in sorted(report["mismatched_keys"]):
            raise ValueError(f"its weights have {name} of {tuple(theirs)}, and its config.json wants {tuple(ours)}")
        if missing := sorted(report["missing_keys"]):
            raise ValueError(f"its weights lack {missing[0]} and {len(missing) - 1} more")
        tokenizer = transformers.AutoTokenizer.from_pretrained(source, local_files_only=local)
        backend = copy.deepcopy(tokenizer.backend_tokenizer)
        backend.no_truncation()
        backend.enable_padding(pad_id=tokenizer.pad_token_id, pad_token=tokenizer.pad_token)
        settings = json.loads(Path(cached_file(source, PROCESSOR, local_files_only=local)).read_text())
        return Source(model.eval(), backend, Pixels.of(settings))
    except Exception as error:  # transformers, its hub client and safetensors each raise what they like
        raise ValueError(
            f"{source}: {one_line(error)}; give a folder or a name like CIDAS/clipseg-rd64-refined"
        ) from None


class Encoder(nn.Module):
    """An image -> the activations that the decoder reads. The table of positions is interpolated once, here."""

    def __init__(self, model: nn.Module, pixels: Pixels) -> None:
        super().__init__()
        self.vision, self.layers = copy.deepcopy(model.clip.vision_model), tuple(model.extract_layers)
        places = self.vision.embeddings
        count = (pixels.height // places.patch_size) * (pixels.width // places.patch_size)
        patches = torch.zeros(1, 1 + count, places.embed_dim)
        with torch.no_grad():
            table = places.interpolate_pos_encoding(patches, pixels.height, pixels.width)[0]
        places.position_embedding = nn.Embedding.from_pretrained(table.clone())
        places.position_ids = torch.arange(len(table))[None]
        by_colour = (3, 1, 1)
        self.factor = pixels.factor
        self.register_buffer("mean", torch.tensor(pixels.mean).view(by_colour), persistent=False)
        self.register_buffer("deviation", torch.tensor(pixels.deviation).view(by_colour), persistent=False)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """(B, H, W, 3) uint8 RGB -> (B, P, C) each."""
        pixels = (image.to(self.mean.dtype).permute(0, 3, 1, 2) * self.factor - self.mean) / self.deviation
        x = self.vision.pre_layrnorm(self._embedded(pixels))
        activations = {}
        for index, layer in enumerate(self.vision.encoder.layers[: max(self.layers) + 1]):
            x = layer(x, None)
            x = x[0] if isinstance(x, tuple) else x
            activations[index] = x
        return tuple(activations[index] for index in self.layers)

    def _embedded(self, pixels: Tensor) -> Tensor:
        places = self.vision.embeddings
        patches = places.patch_embedding(pixels).flatten(2).transpose(1, 2)
        whole = places.class_embedding.expand(pixels.shape[0], 1, -1)
        return torch.cat([whole, patches], 1) + places.position_embedding.weight


class TextEncoder(nn.Module):
    """Ids -> what the decoder is conditioned on."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.clip = model.clip

    def forward(self, words: Tensor) -> tuple[Tensor]:
        """(Q, N) int64 -> (Q, C)."""
        return (self.clip.get_text_features(words).pooler_output,)


class Decoder(nn.Module):
    """Activations of one frame and Q conditions -> masks."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.decoder = model.decoder

    def forward(self, *inputs: Tensor) -> tuple[Tensor]:
        """(1, P, C) each, and (Q, C) -> (Q, H, W) logits."""
        *activations, condition = inputs
        count = condition.shape[0]
        each = tuple(one.expand(count, *one.shape[1:]) for one in activations)
        return (self.decoder(each, condition).logits,)


def graphs(source: Source) -> list[Graph]:
    """`encoder` once a frame, `text` once a query, `decoder` for each pair of them."""
    names = tuple(f"activation_{layer}" for layer in source.model.extract_layers)
    return [
        Graph("encoder", Encoder(source.model, source.pixels), {IMAGE: {0: "batch"}}, names),
        Graph("text", TextEncoder(source.model), {WORDS: {0: "queries"}}, ("condition",)),
        Graph(
            "decoder", Decoder(source.model), {**{name: {} for name in names}, "condition": {0: "queries"}}, (LOGITS,)
        ),
    ]


@torch.no_grad()
def export(source: Source, folder: Path, name: str) -> Manifest:
    """Write the bundle of a network from a hub.

    Raises:
        OSError: a file cannot be written.
    """
    pixels, length = source.pixels, source.model.config.text_config.max_position_embeddings
    known = example_inputs(pixels.height, pixels.width, source.tokenizer.get_vocab_size(), length)
    files = {f"{graph}.onnx": data for graph, data in onnx_files(graphs(source), known).items()}
    manifest = Manifest(
        name=name,
        input=Input(pixels.height, pixels.width, pixels.grey),
        steps=tuple((file,) for file in files),
        text=Text(FILE, TOKENIZER, length),
        clip=Clip(1, 0.0, ARRAYS),
        thresholds=UNCALIBRATED,
        network={"kind": KIND},
        training={"source": name},
    )
    return bundle.write(folder, manifest, {TOKENIZER: source.tokenizer.to_str().encode(), **files})


@command()
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog=program(), description=__doc__.splitlines()[0])
    parser.add_argument("source", help="a repository of the hub, which is downloaded, or a folder of its files")
    parser.add_argument("bundle", type=Path, help="folder to write")
    options = parser.parse_args(arguments)
    check_folder(options.bundle)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    logging.getLogger("transformers").setLevel(logging.ERROR)
    source = load(options.source)
    written = export(source, options.bundle, Path(options.source).name)
    for name in written.files:
        print(f"{options.bundle / name}  {(options.bundle / name).stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
