"""LASTC and VLIDE, tiny, go the way of every system: training, bundle, segmenter, node, lower precision, pictures."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from model_training import configs, export, quantize, recording, train, visualize
from model_training.configs import systems
from model_training.datasets.formats import open_folder
from model_training.learning import checkpoint
from model_training.learning.training import Training
from model_training.scoring.benchmark import Benchmark, Judge
from refseg_ros import Segmenter, segment
from refseg_ros.engines import build
from refseg_ros.engines.bundle import Bundle
from refseg_ros.engines.manifest import ARRAYS
from refseg_ros.engines.network import Outcome
from refseg_ros.geometry import Letterbox
from refseg_ros.segmenter import Stream
from tests.model_training.networks.systems import SIDE, TINY, stirred, tiny_config
from tests.model_training.scoring.test_benchmark import write_videos
from tests.model_training.test_train import check_same, interrupt_at
from tests.ros.conftest import bench, start

__all__ = ["bench", "start"]

TEXTS = ["the red mug", "the ball that is left of the blue bowl"]


@pytest.fixture(scope="module", params=TINY)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run: `model.safetensors`; `stirred.safetensors`, nothing of it at zero, and that one's `bundle`."""
    config, out = tiny_config(request.param), tmp_path_factory.mktemp(request.param)
    configs.CONFIGS[config.name] = config
    arguments = ["--config", config.name, "--out", str(out), "--data", str(out / "data"), "--device", "cpu"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "LOG_EVERY", 1)
        assert train.main([*arguments, "--workers", "1"]) == 0
    model, _, facts = export.load_model(out / "model.safetensors")
    checkpoint.save(out / "stirred.safetensors", stirred(model).float().state_dict(), facts)
    assert export.main([str(out / "stirred.safetensors"), str(out / "bundle")]) == 0
    return out


def film(count: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)


def test_a_stream_of_the_bundle_says_what_the_network_says_of_the_clip(trained: Path) -> None:
    model, _, _ = export.load_model(trained / "stirred.safetensors")
    segmenter = Segmenter(trained / "bundle", threads=1)
    manifest = segmenter.manifest
    assert (manifest.clip.length, manifest.clip.interval, manifest.clip.memory) == (3, 0.2, ARRAYS)
    stream, frames = segmenter.stream(), film(6)
    ids = np.stack([segmenter.tokenizer.encode(text, manifest.text.length).ids for text in TEXTS])
    for number, frame in enumerate(frames):
        stream.observe(frame, 0.2 * number)
        clip = torch.as_tensor(frames[None, max(0, number - 2) : number + 1])
        with torch.no_grad():
            expected = model(clip, torch.as_tensor(ids)[None])
        for index, outcome in enumerate(stream.outcomes(TEXTS)):
            assert np.abs(outcome.logits - expected.logits[0, index].numpy()).max() < 1e-4
            assert abs(outcome.presence - float(expected.presence[0, index])) < 1e-4
            assert np.abs(outcome.word_attention - expected.word_attention[0, index].numpy()).max() < 1e-4


def test_the_node_says_over_dds_what_the_library_says(start, bench, trained: Path) -> None:  # noqa: ANN001
    """The image stays, so that its past says the same, however long it is."""
    pytest.importorskip("refseg_ros.msg", reason="the messages are not built")
    from tests.ros.bench import picture

    start("segment_node", model=str(trained / "bundle"), threads=1, query=TEXTS[0])
    expected = Segmenter(trained / "bundle", threads=1).segment(picture(), TEXTS[0])
    for _ in range(3):
        result = bench.answer(picture(), TEXTS[0])
        assert result.score == pytest.approx(expected.score, abs=1e-5)
        assert list(result.words) == TEXTS[0].split() and result.levels == len(expected.word_attention)
        assert list(result.word_attention) == pytest.approx(expected.word_attention.ravel().tolist(), abs=1e-5)


def test_a_run_that_was_stopped_gives_what_the_whole_one_gives(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"tiny_{trained.name.rstrip('0123456789')}"
    state = Training(configs.CONFIGS[name], torch.device("cpu"), {"scenes": None})
    with pytest.raises(ValueError, match="last.safetensors: of a run with another scenes"):
        state.restore(trained / "last.safetensors")
    monkeypatch.setattr(train, "SAVE_EVERY", 1)
    monkeypatch.setattr(train, "LOG_EVERY", 1)
    arguments = ["--config", name, "--out", str(tmp_path), "--data", str(trained / "data"), "--device", "cpu"]
    with monkeypatch.context() as patch:
        interrupt_at(patch, phase=0, step=2)
        with pytest.raises(KeyboardInterrupt):
            train.train(configs.CONFIGS[name], tmp_path, trained / "data", workers=1, device=torch.device("cpu"))
    assert checkpoint.load(tmp_path / "last.safetensors")[1]["step"] == 2
    assert train.main([*arguments, "--workers", "1"]) == 0
    check_same(tmp_path, trained)


def test_the_command_line_segments_with_it(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo = tmp_path / "photo.png"
    cv2.imwrite(str(photo), film(1)[0])
    model = ["--model", str(trained / "bundle"), "--threads", "1", "--profile"]
    assert segment.main([str(photo), TEXTS[0], *model]) in (0, 1)
    steps = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert {"encode", "clip", "text", "fuse", "total"} <= set(steps)


@pytest.mark.parametrize(("stride", "frames"), [(None, [0, 1, 3]), (1, [1, 2, 3])])
def test_a_benchmark_shows_it_the_frames_that_it_learned_with(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stride: int | None, frames: list[int]
) -> None:
    """All before the target, in the order of time and as far apart, and the mask is what the network makes of them."""
    (reader,) = open_folder(write_videos(tmp_path))
    record = reader.of_split("train")[3]
    seen: list[np.ndarray] = []
    outcomes: list[list[Outcome | None]] = []
    observe, answer = Stream.observe, Stream.outcomes
    monkeypatch.setattr(Stream, "observe", lambda stream, *frame: (seen.append(frame[0]), observe(stream, *frame))[1])
    monkeypatch.setattr(Stream, "outcomes", lambda *asked: (outcomes.append(answer(*asked)), outcomes[-1])[1])
    judge = Judge(Benchmark(trained / "bundle", tmp_path, stride=stride), reader)
    judge.of_chunk("train", range(3, 4))
    assert all(np.array_equal(*pair) for pair in zip(seen, record.frames.read(frames), strict=True))
    model, _, _ = export.load_model(trained / "stirred.safetensors")
    fit, grey = Letterbox.fit(*seen[0].shape[:2], SIDE, SIDE), judge.segmenter.manifest.input.padding
    clip = torch.as_tensor(np.stack([fit.apply(frame, grey) for frame in seen]))
    words = judge.segmenter.tokenizer.encode(record.expressions[0].text, model.config.max_words).ids
    with torch.no_grad():
        expected = model(clip[None], torch.as_tensor(words)[None, None]).logits[0, 0]
    assert np.abs(outcomes[0][0].logits - expected.numpy()).max() < 1e-4


def test_convolutions_are_quantised(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "CALIBRATION_SCENES", 2)
    monkeypatch.setattr(quantize, "NARROW", 4)
    bundle = Bundle.load(shutil.copytree(trained / "bundle", tmp_path / "bundle"))
    examples = recording.calibration(bundle, bundle.manifest.graphs)
    made = quantize.lowered(bundle, "gpu-int8", examples)
    assert set(made) == set(bundle.manifest.graphs)
    assert b"QuantizeLinear" not in made["answer.onnx"]
    # Of LASTC, what sees an image before words do goes over time, and stays as it is.
    only_over_time = "lastc" in bundle.manifest.name
    assert (b"QuantizeLinear" in made["stem.onnx"]) != only_over_time
    for_cpu = quantize.lowered(bundle, "cpu-int8", examples)
    assert b"QuantizeLinear" in for_cpu["answer.onnx"] and ("stem.onnx" in for_cpu) != only_over_time
    before = {name: bundle.contents[name] for name in for_cpu}
    assert quantize.times_faster(before, for_cpu, {name: given[0] for name, given in examples.items()}) > 0


def test_tensorrt_compiles_it(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tensorrt_rtx", reason="tensorrt_rtx is not installed (pip install tensorrt-rtx)")
    assert build.main([str(trained / "bundle"), "--check"]) == 0
    assert capsys.readouterr().out.count("TensorRT-RTX builds it") == 3


def test_its_attention_is_drawn(trained: Path, tmp_path: Path) -> None:
    for number, frame in enumerate(film(3)):
        (tmp_path / "frames").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / "frames" / f"{number}.png"), frame)
    weights, out = str(trained / "model.safetensors"), tmp_path / "out"
    assert visualize.main([str(tmp_path / "frames"), TEXTS[0], "--weights", weights, "-o", str(out)]) == 0
    assert visualize.main([str(tmp_path / "frames" / "0.png"), TEXTS[0], "--weights", weights, "-o", str(out)]) == 0
    assert {path.name for path in out.iterdir()} == {"frames.video.png", "0.expressions.png", "0.heat.png"}


@pytest.mark.parametrize("name", [config.name for config in systems.CONFIGS])
def test_every_configuration_names_a_network_and_its_clip(name: str) -> None:
    config = configs.load(name)
    frames = config.scenes.clip if config.scenes else config.clip.length
    before = config.network.before if hasattr(config.network, "before") else config.network.refs
    assert frames == before + 1
    assert config.scenes or config.clip.stride == 2
