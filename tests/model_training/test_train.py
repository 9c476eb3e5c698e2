"""A whole training run in small: killed and gone on, begun with finished weights, and what ends it."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import step_time
from model_training import ablate, compare, train
from model_training.configs.schema import Config, Phase
from model_training.datasets.batch import Batch
from model_training.datasets.pool import Pool
from model_training.datasets.rendering import RenderedScene
from model_training.datasets.scene_batches import SceneBatches, tabletop_vocabulary
from model_training.learning import checkpoint
from model_training.learning.fitting import shortened
from model_training.learning.training import Training
from model_training.sources.choice import source_of
from tests.model_training import tiny

CPU = torch.device("cpu")
JOINT = 1
"""Number of the phase with expressions."""


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save and log so often that a short run does it several times."""
    monkeypatch.setattr(train, "SAVE_EVERY", 2)
    monkeypatch.setattr(train, "LOG_EVERY", 1)


def run(out: Path, data: Path, config: Config = tiny.CONFIG, start: Path | None = None) -> Path:
    return train.train(config, out, data, workers=1, device=CPU, start=start)


@pytest.fixture(scope="module")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run that nothing interrupted."""
    out = tmp_path_factory.mktemp("runs") / "through"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "LOG_EVERY", 1)
        run(out, data)
    return out


def interrupt_at(monkeypatch: pytest.MonkeyPatch, phase: int, step: int) -> None:
    """The run ends like one that is stopped from the keyboard, in the middle of the given step."""
    update = Training.update

    def stopped(state: Training, batch: Batch) -> dict[str, float]:
        if (state.phase, state.step) == (phase, step):
            raise KeyboardInterrupt
        return update(state, batch)

    monkeypatch.setattr(Training, "update", stopped)


def tear_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run ends while its next checkpoint is being written."""

    def torn(tensors: dict, target: Path, metadata: dict) -> None:
        Path(target).write_bytes(b"the first half")
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "save_file", torn)


def check_same(ours: Path, theirs: Path) -> None:
    weights, expected = checkpoint.load(ours / "model.safetensors"), checkpoint.load(theirs / "model.safetensors")
    assert weights[1] == expected[1] and weights[0].keys() == expected[0].keys()
    for name, tensor in expected[0].items():
        assert (weights[0][name] - tensor).abs().max() < 1e-6, name
    assert (ours / "log.csv").read_text() == (theirs / "log.csv").read_text()


def test_an_interrupted_run_gives_what_an_uninterrupted_one_gives(
    data: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    for phase, step in ((0, 3), (JOINT, 0), (JOINT, 3)):
        with monkeypatch.context() as patch:
            interrupt_at(patch, phase, step)
            with pytest.raises(KeyboardInterrupt):
                run(out, data)
    before = checkpoint.load(out / "last.safetensors")
    with monkeypatch.context() as patch:
        tear_checkpoint(patch)
        with pytest.raises(KeyboardInterrupt):
            run(out, data)
    after = checkpoint.load(out / "last.safetensors")
    assert before[1] == after[1]
    assert (after[1]["phase"], after[1]["step"], after[1]["config"]) == (JOINT, 2, "tiny")
    assert all(torch.equal(tensor, after[0][name]) for name, tensor in before[0].items())
    assert not (out / "model.safetensors").exists()
    run(out, data)
    check_same(out, finished)
    run(out, data)  # once more, after its end
    check_same(out, finished)
    assert sorted(os.listdir(out)) == ["last.safetensors", "log.csv", "model.safetensors", "tensorboard"]


def test_a_run_that_goes_on_removes_what_a_killed_one_left(data: Path, finished: Path, tmp_path: Path) -> None:
    shutil.copy(finished / train.LAST, tmp_path)
    killed = subprocess.Popen(["true"])
    killed.wait()
    (tmp_path / f".last.{killed.pid}.partial.safetensors").write_bytes(b"the first half")
    run(tmp_path, data)
    assert not list(tmp_path.glob(".*"))


def test_the_log_has_every_step_with_its_terms(finished: Path) -> None:
    rows = [line.split(",") for line in (finished / "log.csv").read_text().splitlines()]
    steps = [(number, step) for number, phase in enumerate(tiny.CONFIG.phases) for step in range(1, phase.steps + 1)]
    assert [(int(row[0]), int(row[1])) for row in rows] == steps
    names = {0: ["dense"], JOINT: ["mask", "dice", "presence", "reference", "motion", "dense"]}
    for row in rows:
        assert [cell.split("=")[0] for cell in row[2:]] == names[int(row[0])]
        assert all(np.isfinite(float(cell.split("=")[1])) for cell in row[2:])


def test_finished_weights_begin_with_the_joint_phase(data: Path, finished: Path, tmp_path: Path) -> None:
    config = replace(tiny.CONFIG, phases=(tiny.CONFIG.phases[0], replace(tiny.CONFIG.phases[1], steps=2)))
    out = tmp_path / "run"
    result = run(out, data, config, start=finished / "model.safetensors")
    rows = [line.split(",")[:2] for line in (out / "log.csv").read_text().splitlines()]
    assert rows == [["1", "1"], ["1", "2"]]
    assert result == out / "model.safetensors"
    state = Training(config, CPU)
    state.start_from(finished / "model.safetensors")
    assert (state.phase, state.step) == (JOINT, 0)
    for name, tensor in checkpoint.load(finished / "model.safetensors")[0].items():
        assert torch.equal(state.model.state_dict()[name], tensor) and torch.equal(state.average[name], tensor)


def other_network() -> Config:
    return replace(tiny.CONFIG, name="other", network=replace(tiny.NETWORK, fusion_channels=20))


def test_a_checkpoint_of_another_network_is_refused(data: Path, finished: Path, tmp_path: Path) -> None:
    other = Training(other_network(), CPU, source_of(tiny.CONFIG, data, 1, tmp_path).facts)
    other.save(tmp_path / "last.safetensors")
    with pytest.raises(ValueError, match=r"last\.safetensors: of a run with another network; use another --out"):
        run(tmp_path, tmp_path / "scenes")
    assert not (tmp_path / "scenes").exists(), "refused before anything is rendered"
    with pytest.raises(ValueError, match=r"model\.safetensors: no weights of the network other") as e:
        other.start_from(finished / "model.safetensors")
    assert "\n" not in str(e.value)


def test_the_command_says_what_is_wrong(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--config", "tiny", "--out", str(tmp_path), "--data", str(data), "--device", "cpu"]
    assert train.main([*options, "--images", str(tmp_path)]) == 2
    assert "--images has no effect on simulated scenes" in capsys.readouterr().err.splitlines()[-1]
    assert train.main([*options, "--dilated-truth"]) == 2
    assert "--dilated-truth has no effect on simulated scenes" in capsys.readouterr().err.splitlines()[-1]
    assert train.main([*options, "--start", str(tmp_path / "missing.safetensors")]) == 2
    assert "missing.safetensors: no such checkpoint" in capsys.readouterr().err.splitlines()[-1]
    (tmp_path / "log.csv").write_text("this,is,a,shopping list\n")
    assert train.main(options) == 2
    assert "log.csv: not a log of this program" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("gpu", "'gpu' is none of cpu, cuda, cuda:0, cuda:1, ..."),
        ("meta", "'meta' is none of cpu, cuda, cuda:0, cuda:1, ..."),
        ("cuda:99", f"there is no cuda:99 here: torch sees {torch.cuda.device_count()} GPUs"),
    ],
)
def test_a_device_that_is_not_there_is_refused(device: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (train, ablate, compare, step_time):
        with pytest.raises(SystemExit) as ended:
            command.main(["--device", device])
        assert ended.value.code == 2
        assert capsys.readouterr().err.endswith(f"error: argument --device: {message}\n")


def first_batch(scenes: list[RenderedScene], frames: int, expressions: int) -> Batch:
    words = tiny.NETWORK.max_words
    return SceneBatches([Pool(scenes)], tabletop_vocabulary(), words, frames, expressions, moving_share=0.0, seed=0)[0]


@pytest.mark.parametrize("frozen", [True, False])
def test_batch_norm_keeps_its_statistics_where_a_phase_wants_it(scenes: list[RenderedScene], frozen: bool) -> None:
    joint = replace(tiny.CONFIG.phases[JOINT], encoder_factor=1.0, frozen_norm=frozen)
    state = Training(replace(tiny.CONFIG, phases=(joint,)), CPU)
    before = {name: value.clone() for name, value in state.model.state_dict().items()}
    state.update(first_batch(scenes, 2, 2))
    after = state.model.state_dict()
    moved = {name for name in before if "running_" in name and (before[name] != after[name]).any()}
    assert {name.partition(".")[0] for name in moved} == (set() if frozen else {"encoder", "fusion"})
    assert (before["fusion.mask.weight"] != after["fusion.mask.weight"]).any()


def test_other_scenes_are_another_run(finished: Path) -> None:
    scenes = replace(tiny.CONFIG.scenes, first_seed=100)
    other = Training(tiny.CONFIG, CPU, {"scenes": asdict(scenes)})
    with pytest.raises(ValueError, match=r"last\.safetensors: of a run with another scenes; use another --out"):
        other.restore(finished / "last.safetensors")


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        (shortened(tiny.CONFIG, 5), "number of steps"),
        (shortened(tiny.CONFIG, 600), "number of steps"),
        (replace(tiny.CONFIG, phases=tuple(replace(one, frames=4) for one in tiny.CONFIG.phases)), "size of batches"),
        (replace(tiny.CONFIG, losses=replace(tiny.CONFIG.losses, dice=9.0)), "recipe"),
        (replace(tiny.CONFIG, phases=tuple(replace(one, schedule="poly") for one in tiny.CONFIG.phases)), "recipe"),
        (replace(tiny.CONFIG, seed=1), "recipe"),
    ],
)
def test_what_decides_how_a_run_learns_stays_while_it_goes_on(changed: Config, what: str, tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"
    Training(tiny.CONFIG, CPU).save(path)
    with pytest.raises(ValueError, match=rf"last\.safetensors: of a run with another {what}; use another --out"):
        Training(changed, CPU).restore(path)
    Training(replace(tiny.CONFIG, precision="float32", accumulate=2), CPU).restore(path)  # of the machine


def test_a_run_of_a_version_that_did_not_keep_how_it_learns_is_refused(tmp_path: Path) -> None:
    state, path = Training(tiny.CONFIG, CPU), tmp_path / "last.safetensors"
    state.save(path)
    tensors, facts = checkpoint.load(path)
    checkpoint.save(path, tensors, {name: facts[name] for name in ("phase", "step", "config", "precision", "network")})
    with pytest.raises(ValueError, match=r"last\.safetensors: of an earlier version, .*; begin again"):
        state.restore(path)


@pytest.mark.parametrize("moving_share", [0.0, 1.0])
def test_parts_of_a_batch_of_scenes_add_up_to_the_whole(scenes: list[RenderedScene], moving_share: float) -> None:
    """But for batch norm, which sees the parts: here it stands still."""
    words = tiny.NETWORK.max_words
    batch = SceneBatches([Pool(scenes)], tabletop_vocabulary(), words, 6, 3, moving_share, seed=2)[0]
    states = [Training(replace(tiny.CONFIG, precision="float32", accumulate=count), CPU) for count in (1, 3)]
    for state in states:
        state.next_phase()
        for norm in state.learner.modules():
            if isinstance(norm, torch.nn.BatchNorm2d):
                norm.eval().train = lambda mode=True: None
    terms = [state.update(batch) for state in states]
    assert terms[0] == pytest.approx(terms[1], abs=1e-5) and len(terms[0]) == 6
    gradients = [{name: p.grad for name, p in state.learner.named_parameters()} for state in states]
    for name, gradient in gradients[0].items():
        if gradient is not None:
            assert torch.allclose(gradient, gradients[1][name], atol=1e-5), name


def test_a_loss_that_is_not_finite_ends_the_run_and_spares_the_weights(scenes: list[RenderedScene]) -> None:
    state = Training(tiny.CONFIG, CPU)
    state.next_phase()
    batch = first_batch(scenes, 2, 2)
    state.update(batch)
    with torch.no_grad():
        state.model.fusion.presence[0].weight[0, 0] = float("nan")
    before = {name: tensor.clone() for name, tensor in state.model.state_dict().items()}
    message = r"^phase joint, step 1: the gradient is nan \(mask .*presence nan.*\)$"
    with pytest.raises(FloatingPointError, match=message):
        state.update(batch)
    after = state.model.state_dict()
    same = {name for name, tensor in before.items() if torch.allclose(tensor, after[name], equal_nan=True)}
    assert {name for name, _ in state.model.named_parameters()} <= same


def test_a_single_batch_is_learned_by_heart(scenes: list[RenderedScene]) -> None:
    """The labels are made of whole 2x2 cells, so that masks of half the size can be exact."""
    coarse = [replace(scene, labels=scene.labels[::2, ::2].repeat(2, 0).repeat(2, 1)) for scene in scenes]
    network = replace(tiny.NETWORK, stem_channels=16, word_channels=32, fusion_channels=32, rounds=(1, 1, 1))
    phase = Phase("joint", steps=200, frames=2, expressions=3, learning_rate=1e-2, warm_up=10)
    state = Training(replace(tiny.CONFIG, network=network, phases=(phase,), average=0.9), CPU)
    batch = first_batch(coarse, phase.frames, phase.expressions)
    for _ in range(120):
        state.update(batch)
    with torch.no_grad():
        fused = state.averaged()(torch.as_tensor(batch.clips), torch.as_tensor(batch.words))
    there = batch.present > 0
    masks, truths = fused.logits.numpy()[there] > 0, batch.masks[there] > 0.5
    assert there.sum() >= 3
    assert (masks & truths).sum() / (masks | truths).sum() > 0.9
    assert ((fused.presence.numpy() > 0) == there).all()
