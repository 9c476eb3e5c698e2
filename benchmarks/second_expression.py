"""A second expression on a frame, with CLIPSeg in its published size: `python -m benchmarks.second_expression`.

The weights are random, which changes no time. The sizes are those of CIDAS/clipseg-rd64-refined: CLIP ViT-B/16 on
352x352, three of its layers, a decoder of 64 channels.
"""

from __future__ import annotations

import sys
import tempfile
from itertools import cycle
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers

from benchmarks.alternatives import clipseg
from benchmarks.measuring import CORES, Effort, in_turn, milliseconds, ratio
from model_training import hub
from refseg_ros import Segmenter

PIXELS = hub.Pixels(352, 352, 1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
WORDS = 49408
"""Ids of CLIP's tokenizer."""


def published() -> hub.Source:
    """The network, and a tokenizer with as many ids as CLIP's."""
    torch.manual_seed(0)
    model = clipseg()
    tokenizer = Tokenizer(models.WordLevel({f"w{number}": number for number in range(WORDS)}, "w0"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.enable_padding(pad_id=1, pad_token="w1", length=model.config.text_config.max_position_embeddings)
    return hub.Source(model, tokenizer, PIXELS)


def main() -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        hub.export(published(), Path(folder), "clipseg")
        segmenter = Segmenter(folder, threads=CORES, device="cpu")
    stream, image = segmenter.stream(), np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    texts = cycle((["w5 w6 w7"], ["w8 w9"]))

    def first() -> None:
        stream.observe(image, 0.0)
        stream.outcomes(next(texts))

    times = in_turn({"first": first, "second": lambda: stream.outcomes(next(texts))}, Effort())
    first_ms, second_ms = (milliseconds(times[name]) for name in ("first", "second"))
    print(f"{CORES} cores: a frame with its first expression {first_ms} ms, a second expression {second_ms} ms")
    print(f"the second takes {1 / ratio(times['first'], times['second']):.2f} of the first")
    return 0


if __name__ == "__main__":
    sys.exit(main())
