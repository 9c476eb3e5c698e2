"""A bundle of CLIPSeg says what `transformers` says, and encodes no frame twice; other folders are refused in a line.

Small, and with weights at random: the published ones cannot be downloaded here.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from model_training import hub
from refseg_ros import Segmenter
from refseg_ros.engines.bundle import Bundle
from refseg_ros.engines.network import Network
from refseg_ros.engines.onnx import OnnxEngine
from tests.model_training.clipseg import DEVIATION, MEAN, tokenizer, write_clipseg

SIDE = 48
TEXTS = ["the red mug", "a bowl", "The  MUG, please!", "the red bowl extraordinarily long"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[torch.nn.Module, Path, Path]:
    """The network of `transformers`, the folder of its files, and the bundle that the command makes of it."""
    folder = tmp_path_factory.mktemp("hub")
    model = write_clipseg(folder / "files", SIDE)
    assert hub.main([str(folder / "files"), str(folder / "bundle")]) == 0
    return model, folder / "files", folder / "bundle"


def by_transformers(model: torch.nn.Module, image: np.ndarray, text: str) -> np.ndarray:
    by_colour = (3, 1, 1)
    pixels = torch.as_tensor(image).permute(2, 0, 1) / 255
    pixels = (pixels - torch.tensor(MEAN).view(by_colour)) / torch.tensor(DEVIATION).view(by_colour)
    length = model.config.text_config.max_position_embeddings
    words = tokenizer()([text], return_tensors="pt", truncation=True, max_length=length)
    with torch.no_grad():
        return model(pixel_values=pixels[None].float(), **words).logits.reshape(SIDE, SIDE).numpy()


def test_logits_are_those_of_transformers(made: tuple[torch.nn.Module, Path, Path]) -> None:
    model, _, bundle = made
    stream = Segmenter(bundle, threads=1).stream()
    for number, image in enumerate(np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3), np.uint8)):
        stream.observe(image, float(number))
        for text, outcome in zip(TEXTS, stream.outcomes(TEXTS), strict=True):
            expected = by_transformers(model, image, text)
            assert np.ptp(expected) > 0.1 and np.abs(outcome.logits - expected).max() < 1e-4
            assert outcome.presence == outcome.logits.max() and outcome.word_attention.shape[0] == 0


def test_no_word_is_unknown_and_what_is_cut_off_is_told(made: tuple[torch.nn.Module, Path, Path]) -> None:
    answer = Segmenter(made[2], threads=1).segment(np.zeros((60, 80, 3), np.uint8), TEXTS[-1])
    assert not answer.unknown_words and answer.mask.shape == (60, 80)
    assert answer.words + answer.truncated_words == tuple(TEXTS[-1].split()) and answer.truncated_words


def test_a_second_expression_encodes_no_frame(made: tuple[torch.nn.Module, Path, Path]) -> None:
    bundle, runs = Bundle.load(made[2]), []
    engines = {name: OnnxEngine(bundle.contents[name], name, 1) for name in bundle.manifest.graphs}
    network = Network(engines, bundle.manifest, len(bundle.tokenizer()))
    for name, engine in engines.items():
        engine.run = lambda arrays, name=name, run=engine.run: runs.append(name) or run(arrays)
    (frame,) = network.encode(np.zeros((1, SIDE, SIDE, 3), np.uint8))
    assert runs == ["encoder.onnx"]
    network.answer(frame, network.read(np.ones((1, 12), np.int64)))
    assert runs == ["encoder.onnx", "text.onnx", "decoder.onnx"]


def other_kind(folder: Path) -> str:
    (folder / "config.json").write_text(json.dumps({"model_type": "bert"}))
    return "holds a network of kind 'bert'; only 'clipseg' can be made a bundle of"


def other_shape(folder: Path) -> str:
    tensors = load_file(folder / "model.safetensors")
    tensors["decoder.film_mul.weight"] = torch.zeros(3, 3)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return "its weights have decoder.film_mul.weight of (3, 3), and its config.json wants (16, 24)"


def without_a_tensor(folder: Path) -> str:
    tensors = load_file(folder / "model.safetensors")
    del tensors["decoder.film_mul.weight"]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return "its weights lack decoder.film_mul.weight"


def without_weights(folder: Path) -> str:
    (folder / "model.safetensors").unlink()
    return "model.safetensors"


def without_processor(folder: Path) -> str:
    (folder / "preprocessor_config.json").unlink()
    return "preprocessor_config.json"


@pytest.mark.parametrize("damage", [other_kind, other_shape, without_a_tensor, without_weights, without_processor])
def test_a_folder_of_something_else_is_refused_in_a_line(
    made: tuple[torch.nn.Module, Path, Path],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    damage: Callable[[Path], str],
) -> None:
    folder = Path(shutil.copytree(made[1], tmp_path / "files"))
    reason = damage(folder)
    capfd.readouterr()
    assert hub.main([str(folder), str(tmp_path / "bundle")]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"error: {folder}: ") and reason in line
    assert not (tmp_path / "bundle").exists()


def test_a_bundle_has_what_its_manifest_says(made: tuple[torch.nn.Module, Path, Path]) -> None:
    manifest = Bundle.load(made[2]).manifest
    assert manifest.graphs == ("encoder.onnx", "text.onnx", "decoder.onnx")
    assert (manifest.text.tokenizer, manifest.text.length) == ("file", 12)
    assert (manifest.input.height, manifest.input.width, manifest.clip.length) == (SIDE, SIDE, 1)
