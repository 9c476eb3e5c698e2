"""Bundles: ONNX Runtime makes of them what torch makes, and TensorRT's compiler takes them; the shipped one too."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model_training import export
from model_training.datasets.scene_batches import tabletop_vocabulary
from model_training.learning import checkpoint
from model_training.networks.cmsa.graphs import PARTS
from model_training.networks.refseg import ReferringSegmentation
from model_training.scoring.certainty import UNCALIBRATED
from refseg_ros import Segmenter
from refseg_ros.engines import build
from refseg_ros.engines.bundle import TABLETOP, Bundle
from refseg_ros.engines.frame_buffer import FrameBuffer
from refseg_ros.engines.manifest import ATTENTION, VOCABULARY, WORDS, Input, Manifest, Text
from refseg_ros.engines.manifest import Clip as ManifestClip
from refseg_ros.engines.network import OUTPUTS, Network
from refseg_ros.engines.onnx import OnnxEngine
from refseg_ros.expression import tokenise
from refseg_ros.simulation.wording import all_texts
from tests.model_training import tiny

ENCODER, TEXT, FUSION = "encoder.onnx", "text.onnx", "fusion.onnx"
CLIPS, LEVELS = (tuple(f"{name}_{level}.onnx" for level in (1, 2, 3)) for name in ("clip", "level"))
CLIP = tiny.NETWORK.clip
TOLERANCE = 1e-4


def images(count: int) -> np.ndarray:
    shape = (count, tiny.NETWORK.height, tiny.NETWORK.width, 3)
    return np.random.default_rng(count).integers(0, 256, shape, dtype=np.uint8)


def some_words(queries: int, length: int) -> np.ndarray:
    """(Q, N) ids; each row but the first ends in more padding."""
    rng = np.random.default_rng([queries, length])
    words = rng.integers(1, tiny.NETWORK.vocabulary, (queries, length))
    for row in range(queries):
        words[row, max(1, length - row) :] = 0
    return words


def check_close(ours: Mapping[str, np.ndarray], theirs: Mapping[str, torch.Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert ours[name].dtype == np.float32 and ours[name].shape == tuple(tensor.shape), name
        assert np.abs(ours[name] - tensor.numpy()).max() < TOLERANCE, name


def exported(model: ReferringSegmentation, folder: Path) -> Network:
    """A variant of the tiny network, as a robot runs it."""
    manifest = Manifest(
        name="variant",
        input=Input(tiny.NETWORK.height, tiny.NETWORK.width, tiny.NETWORK.padding),
        steps=(),
        text=Text(WORDS, VOCABULARY, tiny.NETWORK.max_words),
        clip=ManifestClip(CLIP, 0.2, ATTENTION),
        thresholds=UNCALIBRATED,
    )
    export.export(model, folder, manifest, tabletop_vocabulary().dump())
    return Segmenter(folder, threads=1).network


@torch.no_grad()
def check_answers(network: Network, model: ReferringSegmentation, past: int, words: np.ndarray) -> None:
    """A robot's network says of a frame after `past` others what torch does."""
    image = images(past + 1)
    memory = network.memory(FrameBuffer(CLIP, 0.0, 1.0))
    for stamp, encoding in enumerate(network.encode(image)):
        frame = network.look_back(encoding, memory, stamp / 10)
    fused = model(torch.as_tensor(image)[None], torch.as_tensor(words)[None])
    expected = dict(zip(OUTPUTS, (part[0] for part in fused[:3]), strict=True))
    length = words.shape[1]
    padded = np.pad(words, ((0, 0), (0, tiny.NETWORK.max_words - length)))
    answers = network.answer(frame, network.read(padded))
    outcomes = [answer._replace(word_attention=answer.word_attention[:, :length]) for answer in answers]
    check_close({name: np.array([getattr(o, name) for o in outcomes], np.float32) for name in OUTPUTS}, expected)


@torch.no_grad()
def encodings(model: ReferringSegmentation, image: np.ndarray) -> dict[str, torch.Tensor]:
    features, ring, _ = model.encoder(torch.as_tensor(image))
    named = {f"feature_{i + 1}": part for i, part in enumerate(features)}
    parts = zip(("query", "key", "value"), zip(*ring, strict=True), strict=True)
    return named | {f"ring_{i + 1}_{name}": part for name, levels in parts for i, part in enumerate(levels)}


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_encoder_says_the_same_in_both_runtimes(
    tiny_network: ReferringSegmentation, tiny_bundle: Path, count: int
) -> None:
    image = images(count)
    encoder = OnnxEngine(Bundle.load(tiny_bundle).contents[ENCODER], ENCODER, 1)
    check_close(encoder.run({"image": image}), encodings(tiny_network, image))


@pytest.mark.parametrize("past", [0, 1, 2])
@pytest.mark.parametrize(("queries", "length"), [(1, 1), (1, 16), (2, 1), (3, 7), (8, 16)])
def test_clip_and_fusion_say_the_same_in_both_runtimes(
    tiny_network: ReferringSegmentation, tiny_bundle: Path, past: int, queries: int, length: int
) -> None:
    """After `past` earlier frames."""
    check_answers(Segmenter(tiny_bundle, threads=1).network, tiny_network, past, some_words(queries, length))


def test_skip_heads_and_sums_say_the_same_in_both_runtimes(tmp_path: Path) -> None:
    """The fusion takes the skip of the newest frame of a stream, for one expression and for several."""
    beyond = replace(tiny.NETWORK, skip_channels=6, attention_heads=2, counting_channels=4)
    model = tiny.network(network=beyond)
    network = exported(model, tmp_path)
    for past, queries in ((0, 1), (2, 3)):
        check_answers(network, model, past, some_words(queries, 7))


def test_a_long_stream_stays_what_the_whole_clip_says(tiny_network: ReferringSegmentation, tiny_bundle: Path) -> None:
    """500 frames, some of them dropped, with a clock that jumps now and then; the full computation in float64."""
    rng = np.random.default_rng(0)
    network = Segmenter(tiny_bundle, threads=1).network
    attention = copy.deepcopy(tiny_network.fusion.clip).double()
    frames = FrameBuffer(CLIP, 0.2, 2.0)
    memory, seen, stamp = network.memory(frames), {}, 0.0
    for _ in range(500):
        stamp += rng.choice([0.03, 0.1, 0.25, 0.7, 5.0, -3.0], p=[0.5, 0.2, 0.2, 0.08, 0.01, 0.01])
        (encoding,) = network.encode(rng.integers(0, 256, images(1).shape, dtype=np.uint8))
        frame = network.look_back(encoding, memory, stamp)
        seen[stamp] = encoding
        clip = [seen[kept] for kept in frames.stamps]
        for index, module in enumerate(attention):
            parts = [
                torch.as_tensor(np.concatenate([ring[f"ring_{index + 1}_{part}"] for ring in clip])[None]).double()
                for part in PARTS
            ]
            feature = torch.as_tensor(encoding[f"feature_{index + 1}"]).double()
            with torch.no_grad():
                valid = torch.ones(1, len(clip), dtype=torch.bool)
                whole, _ = module(feature.flatten(2).transpose(1, 2), *parts, valid)
            updated = frame[f"clip_feature_{index + 1}"].reshape(feature.shape[1], -1)
            assert np.abs(updated - whole[0].T.numpy()).max() < 1e-5


@torch.no_grad()
def test_raw_values_of_plain_attention_say_the_same_in_both_runtimes(tmp_path: Path) -> None:
    """The form of the paper's Eq. 9, in a stream from its first frame on."""
    model = tiny.network(network=replace(tiny.NETWORK, **tiny.NOTHING_BEYOND, attention="none", fusion="none"))
    for projection in model.encoder.clip:  # logits of hundreds, as drawn, multiply the rounding of float32
        projection.project.weight *= 0.1
    network = exported(model, tmp_path)
    memory, image = network.memory(FrameBuffer(CLIP, 0.2, 2.0)), images(CLIP + 2)
    for number, encoding in enumerate(network.encode(image)):
        frame = network.look_back(encoding, memory, 0.2 * number)
        clip = torch.as_tensor(image[None, max(0, number + 1 - CLIP) : number + 1])
        _, fused = model.encode_and_fuse(clip, torch.as_tensor(some_words(1, 3))[None])
        expected = fused.clip.features
        for level, feature in enumerate(expected, start=1):
            ours = frame[f"clip_feature_{level}"]
            assert ours.shape == feature.shape and np.abs(ours - feature.numpy()).max() < TOLERANCE


def test_an_expression_without_words_is_finite(tiny_bundle: Path) -> None:
    network = Segmenter(tiny_bundle, threads=1).network
    nothing = np.zeros((1, tiny.NETWORK.max_words), np.int64)
    (encoding,) = network.encode(images(1))
    frame = network.look_back(encoding, network.memory(FrameBuffer(CLIP, 0.2, 2.0)), 0.0)
    outcome = network.answer(frame, network.read(nothing))[0]
    assert np.isfinite(outcome.logits).all() and np.isfinite(outcome.presence)


def test_levels_run_side_by_side_and_say_the_same(tiny_bundle: Path) -> None:
    manifest = Bundle.load(tiny_bundle).manifest
    assert manifest.steps == ((ENCODER,), CLIPS, (TEXT,), LEVELS, (FUSION,))
    streams = [Segmenter(tiny_bundle, threads=threads).stream() for threads in (1, 2, 3)]
    for number, image in enumerate(np.random.default_rng(1).integers(0, 256, (4, 60, 80, 3), dtype=np.uint8)):
        for stream in streams:
            stream.observe(image, 0.2 * number)
        alone, *others = ([outcome for outcome in stream.outcomes(["the red mug", "the bowl"])] for stream in streams)
        for ours, theirs in ((one, other) for outcomes in others for one, other in zip(outcomes, alone, strict=True)):
            assert np.allclose(ours.logits, theirs.logits, atol=1e-5)
            assert ours.presence == pytest.approx(theirs.presence, abs=1e-5)


def test_a_bundle_answers_through_the_front_door(tiny_bundle: Path) -> None:
    segmenter = Segmenter(tiny_bundle, threads=1)
    manifest = segmenter.manifest
    assert (manifest.name, manifest.text.length, manifest.clip.length) == ("tiny", tiny.NETWORK.max_words, CLIP)
    assert (manifest.input.height, manifest.input.width) == (tiny.NETWORK.height, tiny.NETWORK.width)
    assert manifest.network["stem_channels"] == 8 and manifest.training["steps"] == {"joint": 6}
    stream = segmenter.stream()
    for number, image in enumerate(np.random.default_rng(0).integers(0, 256, (5, 90, 160, 3), dtype=np.uint8)):
        stream.observe(image, 0.2 * number)
        answers = stream.answer(["the red mug left of the bowl", "the banana", "zyzzyva"])
        for answer, words in zip(answers[:2], (7, 2), strict=True):
            assert answer.mask.shape == (90, 160) and 0 <= answer.score <= 1
            assert answer.word_attention.shape == (3, words)
            assert np.allclose(answer.word_attention.sum(-1), 1, atol=1e-5)
        assert answers[2].unknown_words == ("zyzzyva",)


def test_the_command_refuses_what_is_no_finished_network(
    tiny_network: ReferringSegmentation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, folder = tmp_path / "weights.safetensors", tmp_path / "bundle"
    tensors = tiny_network.state_dict()
    for facts, reason in (
        ({"phase": 1, "step": 2, "config": "tiny"}, "a checkpoint in the middle of training"),
        ({"config": "tabletop", "network": {}}, "of another network than tabletop"),
        ({"config": "unheard-of", "network": {}}, "weights.safetensors: no configuration is called 'unheard-of'"),
        ({"network": {}}, "weights.safetensors: no configuration is called ''"),
        (5, "weights.safetensors: not a checkpoint of this project"),
    ):
        checkpoint.save(weights, tensors, facts)  # type: ignore[arg-type]  # facts of another program
        assert export.main([str(weights), str(folder)]) == 2
        message = capsys.readouterr().err
        assert message.startswith("error: ") and reason in message and message.count("\n") == 1
    assert export.main([str(tmp_path / "missing.safetensors"), str(folder)]) == 2
    assert "missing.safetensors: no such checkpoint" in capsys.readouterr().err
    broken = tensors | {
        "fusion.language.table.weight": torch.full_like(tensors["fusion.language.table.weight"], torch.nan)
    }
    checkpoint.save(weights, broken, {"config": "tabletop", "network": {}})
    assert export.main([str(weights), str(folder)]) == 2
    assert "fusion.language.table.weight holds values that are no numbers" in capsys.readouterr().err
    assert export.main([str(tmp_path / "missing.safetensors"), str(weights / "bundle")]) == 2
    assert f"wants to be a folder, but {weights} is a file" in capsys.readouterr().err
    assert not folder.exists()


@pytest.mark.parametrize("model", ["trained here", "shipped"])
def test_tensorrt_compiles_every_graph(tiny_bundle: Path, capsys: pytest.CaptureFixture[str], model: str) -> None:
    """For the RTX 30 and RTX 40 series; this needs no GPU."""
    pytest.importorskip("tensorrt_rtx", reason="tensorrt_rtx is not installed (pip install tensorrt-rtx)")
    folder = TABLETOP if model == "shipped" else tiny_bundle
    assert build.main([str(folder), "--check"]) == 0
    built = [line.split(": TensorRT-RTX builds it")[0] for line in capsys.readouterr().out.splitlines()]
    assert sorted(built) == sorted((ENCODER, *CLIPS, TEXT, *LEVELS, FUSION))


def test_the_shipped_bundle_is_small_and_knows_every_word_of_the_simulator() -> None:
    files = [path for path in TABLETOP.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"manifest.json", "vocabulary.txt", ENCODER, *CLIPS, TEXT, *LEVELS, FUSION}
    assert sum(path.stat().st_size for path in files) <= 25e6
    segmenter = Segmenter(threads=1)
    unknown = {word for text in all_texts() for word in tokenise(text) if word not in segmenter.tokenizer}
    assert not unknown
    answer = segmenter.segment(np.full((480, 640, 3), 128, np.uint8), "the red mug left of the blue bowl")
    assert answer.mask.shape == (480, 640) and not answer.unknown_words and not answer.truncated_words
