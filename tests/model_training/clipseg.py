"""Folders of CLIPSeg as `transformers` writes them, with weights at random and a small vocabulary of pieces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import transformers

PIECES = ("re", "red", "mu", "mug", "th", "the", "bo", "bow", "bowl")
MERGES = (("r", "e"), ("re", "d</w>"), ("m", "u"), ("mu", "g</w>"), ("t", "h"), ("th", "e</w>"))
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789'.,!?-"
SMALL: dict[str, Any] = {
    "text_config": {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": 12,
    },
    "vision_config": {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 4,
        "num_attention_heads": 2,
        "image_size": 32,
        "patch_size": 8,
    },
    "projection_dim": 24,
    "reduce_dim": 16,
    "extract_layers": [1, 2, 3],
    "decoder_num_attention_heads": 2,
    "decoder_intermediate_size": 32,
}
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def tokenizer() -> Any:
    """CLIP's tokenizer with few pieces."""
    pieces = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS), *("".join(merge) for merge in MERGES)]
    vocabulary = {piece: index for index, piece in enumerate([*pieces, "<|startoftext|>", "<|endoftext|>"])}
    return transformers.CLIPTokenizer(vocab=vocabulary, merges=list(MERGES))


def write_clipseg(folder: Path, side: int = 48, **fields: Any) -> Any:
    """Write such a folder; returns the network."""
    words = tokenizer()
    torch.manual_seed(0)
    config = transformers.CLIPSegConfig(**(SMALL | fields))
    config.text_config.vocab_size = len(words)
    config.text_config.bos_token_id, config.text_config.eos_token_id = len(words) - 2, len(words) - 1
    config.text_config.pad_token_id = len(words) - 1
    model = transformers.CLIPSegForImageSegmentation(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn(parameter.shape)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    settings = {"image_mean": MEAN, "image_std": DEVIATION, "size": side, "do_resize": True, "do_normalize": True}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return model
