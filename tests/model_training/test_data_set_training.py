"""Learning a folder of frames and shards: the whole way to a bundle, parts of a batch, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from model_training import configs, export, train
from model_training.configs.head_weights import LBDT
from model_training.configs.schema import Config
from model_training.datasets import shards
from model_training.learning import checkpoint
from model_training.learning.training import Training
from model_training.learning.warm_start import vocabulary_of
from model_training.sources.data_set import DataSet
from tests.model_training import folder, tiny

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder.write_folder(tmp_path_factory.mktemp("frames"))


@pytest.fixture(scope="module", autouse=True)
def often() -> Iterator[None]:
    """Save and log so often that a short run does it several times."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "SAVE_EVERY", 2)
        patch.setattr(train, "LOG_EVERY", 1)
        yield


def command(out: Path, data: Path | str, *more: str, config: str = "tiny_small") -> int:
    arguments = ["--config", config, "--out", str(out), "--data", str(data), "--workers", "0", "--device", "cpu"]
    return train.main([*arguments, *more])


def source_of(config: Config, data: Path, cache: Path) -> DataSet:
    return DataSet(config, str(data), 0, cache)


@pytest.fixture(scope="module")
def finished(frames: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "small"
    assert command(out, frames) == 0
    return out


def rows(out: Path) -> list[list[str]]:
    return [line.split(",") for line in (out / "log.csv").read_text().splitlines()]


def test_a_configuration_that_renders_scenes_takes_no_data_set_for_their_folder(
    frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for config, data in (("tabletop", frames), ("lastc_small", frames), ("vlide_small", "gs://a/shards")):
        before = sorted(tmp_path.rglob("*")), sorted(frames.rglob("*"))
        assert command(tmp_path / "out", data, config=config) == 2
        told = capsys.readouterr().err
        assert "is a data set" in told and f"the configuration {config} learns scenes" in told
        assert (sorted(tmp_path.rglob("*")), sorted(frames.rglob("*"))) == before


def test_a_run_on_a_folder_learns_its_words(finished: Path) -> None:
    weights, facts = checkpoint.load(finished / "model.safetensors")
    assert (facts["data"], facts["split"], facts["steps"]) == ("own frames of frames0", "train", {"joint": 6})
    words = ["blue", "box", "green", "red", "the", "yellow"]
    assert facts["vocabulary"] == words and list(vocabulary_of(facts).words[2:]) == words
    assert weights["fusion.language.table.weight"].shape[0] == len(words) + 2
    assert [[cell.split("=")[0] for cell in row] for row in rows(finished)] == [
        ["0", str(step), "mask", "dice", "presence"] for step in range(1, 7)
    ]
    assert any((finished / "tensorboard").iterdir())


def test_an_interrupted_run_gives_the_same(
    frames: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = Training.update

    def stopped(state: Training, batch: object) -> dict[str, float]:
        if state.step == 3:
            raise KeyboardInterrupt
        return update(state, batch)

    with monkeypatch.context() as patch:
        patch.setattr(Training, "update", stopped)
        assert command(tmp_path, frames) == 130
    assert command(tmp_path, frames) == 0
    ours, theirs = (checkpoint.load(out / "model.safetensors") for out in (tmp_path, finished))
    assert ours[1] == theirs[1] and rows(tmp_path) == rows(finished)
    assert all((ours[0][name] - value).abs().max() < 1e-6 for name, value in theirs[0].items())


def test_other_words_are_another_run(frames: Path, finished: Path, tmp_path: Path, capsys) -> None:
    other = folder.write_folder(tmp_path / frames.name)
    table = other / "expressions.csv"
    table.write_text(table.read_text().replace("yellow", "purple"))  # as many words, other ones
    assert command(finished, other) == 2
    assert "last.safetensors: of a run with another vocabulary; use another --out" in capsys.readouterr().err


def other_masks(frames: Path) -> None:
    """Two expressions of a frame are of each other's masks."""
    table = frames / "expressions.csv"
    swapped = table.read_text().replace("0-red", "0-?").replace("0-blue", "0-red").replace("0-?", "0-blue")
    table.write_text(swapped)


def other_pixels(frames: Path) -> None:
    cv2.imwrite(str(frames / "images" / "0.png"), np.zeros((folder.HEIGHT, folder.WIDTH, 3), np.uint8))


def fewer_frames(frames: Path) -> None:
    table = frames / "expressions.csv"
    table.write_text("\n".join(line for line in table.read_text().splitlines() if not line.startswith("1.png")))


def test_other_data_with_the_same_words_is_another_run(
    frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = shutil.copytree(frames, tmp_path / "frames"), tmp_path / "run"
    assert command(out, data, "--steps", "1") == 0
    moved = shutil.copytree(data, tmp_path / "elsewhere" / "kitchen", copy_function=shutil.copyfile)
    assert command(out, moved, "--steps", "1") == 0, "a copy is the same data"
    capsys.readouterr()
    told = f"error: {out}/last.safetensors: of a run with another version of the data; use another --out\n"
    for change in (other_masks, other_pixels, fewer_frames):
        shutil.rmtree(data)
        shutil.copytree(frames, data)
        change(data)
        assert command(out, data, "--steps", "1") == 2, change
        said = capsys.readouterr()
        assert said.err == told and "wrote" not in said.out, change


def test_a_run_on_other_shards_is_another_run(frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own, data, out = shutil.copytree(frames, tmp_path / "own"), tmp_path / "shards", tmp_path / "run"
    assert shards.main([str(own), str(data)]) == 0 and command(out, data, "--steps", "1") == 0
    table = (own / "expressions.csv").read_text()
    corrected = table.replace("0-red", "0-?").replace("0-green", "0-red").replace("0-?", "0-green")
    (own / "expressions.csv").write_text(corrected)
    assert shards.main([str(own), str(data)]) == 0 and corrected != table
    assert command(out, data, "--steps", "1") == 2
    assert "of a run with another version of the data; use another --out" in capsys.readouterr().err


def test_a_missing_image_is_named_before_anything_is_learned(
    frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = shutil.copytree(frames, tmp_path / "frames")
    (data / "masks" / "2-red.png").unlink()
    assert command(tmp_path / "run", data) == 2
    assert "2-red.png: expected, but not there" in capsys.readouterr().err and not (tmp_path / "run").exists()


def test_weights_to_begin_with_change_nothing_in_a_run_that_goes_on(
    frames: Path, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same command goes on, and says so once there is something to go on from."""
    start = ["--start", str(finished / "model.safetensors"), "--steps", "2"]
    said = []
    for _ in range(2):
        assert command(tmp_path, frames, *start) == 0
        said.append([line for line in capsys.readouterr().err.splitlines() if "--start" in line])
    assert said == [
        [],
        [f"{tmp_path / 'last.safetensors'}: of a run that has begun already; --start changes nothing in it"],
    ]


def test_a_variant_of_the_network_is_kept_with_its_weights(frames: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert command(out, frames, "--steps", "1", "--variant", "max-pooling") == 0
    _, config, facts = export.load_model(out / "model.safetensors")
    assert (config.network.pooling, config.network.fusion, config.network.vocabulary) == ("max", "none", 8)
    assert command(out, frames, "--steps", "1") == 2  # not gone on with by another network


def test_dilated_truth_is_learned_where_it_is_asked_for(
    frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = replace(configs.load("tiny_small"), network=replace(tiny.NETWORK, height=64, width=80))
    plain, dilated = (
        source_of(replace(config, dilated_truth=how), frames, tmp_path / "cache").drawn(0)[0].masks
        for how in (False, True)
    )
    assert ((plain > 0) & (plain < 1)).any() and (dilated == np.ceil(plain)).all()
    out = tmp_path / "run"
    assert command(out, frames, "--steps", "1", "--dilated-truth") == 0
    assert command(out, frames, "--steps", "1") == 2
    assert "of a run with another truth; use another --out" in capsys.readouterr().err


def test_shards_are_learned_like_the_folder(frames: Path, tmp_path: Path) -> None:
    assert shards.main([str(frames), str(tmp_path / "shards"), "--split", "train"]) == 0
    assert command(tmp_path / "run", tmp_path / "shards", "--steps", "2") == 0
    facts = checkpoint.load(tmp_path / "run" / "model.safetensors")[1]
    assert facts["vocabulary"] == ["blue", "box", "green", "red", "the", "yellow"]
    (tmp_path / "shards" / "vocabulary.txt").write_text("no words of shards\n")
    with pytest.raises(ValueError, match=r"vocabulary\.txt: a vocabulary begins with the lines <pad> and"):
        source_of(folder.SMALL, tmp_path / "shards", tmp_path)


def test_shards_of_another_split_are_not_learned(frames: Path, tmp_path: Path, capsys) -> None:
    assert shards.main([str(frames), str(tmp_path / "shards"), "--split", "val"]) == 0
    assert command(tmp_path / "run", tmp_path / "shards", "--steps", "2") == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("error: ") and "(they are of the split val, train is wanted)" in told


@pytest.mark.parametrize(
    "config",
    [
        folder.PAPER,
        replace(folder.PAPER, losses=folder.SMALL.losses),
        replace(folder.PAPER, losses=replace(folder.SMALL.losses, dice=0.0, heads=LBDT)),
    ],
)
def test_parts_of_a_batch_add_up_to_the_whole(config: Config, frames: Path, tmp_path: Path) -> None:
    phase = replace(config.phases[0], frames=6, expressions=2)
    source = source_of(replace(config, phases=(phase,)), frames, tmp_path)
    (batch,) = source.batches(0, range(1))
    states = [Training(replace(source.config, accumulate=count), CPU) for count in (1, 3)]
    terms = [state.update(batch) for state in states]
    assert terms[0] == pytest.approx(terms[1], abs=1e-6)
    gradients = [{name: p.grad for name, p in state.learner.named_parameters()} for state in states]
    for name, gradient in gradients[0].items():
        frozen = name.startswith("model.encoder.backbone.")
        assert (gradient is None) is frozen, name
        if gradient is not None:
            assert torch.allclose(gradient, gradients[1][name], atol=1e-6), name


def test_the_paper_s_recipe_is_what_it_says(frames: Path, tmp_path: Path) -> None:
    """Plain Adam by hand on a step: half the squared norm in the loss, but not of words, biases and the backbone."""
    source = source_of(folder.PAPER, frames, tmp_path)
    (batch,) = source.batches(0, range(1))
    state = Training(source.config, CPU)
    before = {name: p.detach().clone() for name, p in state.learner.named_parameters()}
    running = {name: b.clone() for name, b in state.learner.named_buffers()}
    state.update(batch)
    for name, parameter in state.learner.named_parameters():
        if name.startswith("model.encoder.backbone."):
            assert torch.equal(parameter, before[name])
            continue
        decayed = parameter.ndim > 1 and "table" not in name
        gradient = parameter.grad + (5e-4 * before[name] if decayed else 0)
        expected = before[name] - 2.5e-4 * gradient / (gradient.abs() + 1e-8)
        assert torch.allclose(parameter, expected, atol=1e-6), name
        assert torch.equal(state.average[name.removeprefix("model.")], parameter)
    assert all(torch.equal(value, running[name]) for name, value in state.learner.named_buffers())


@pytest.mark.parametrize("name", configs.CONFIGS)
def test_every_named_configuration_is_whole(name: str) -> None:
    config = configs.load(name)
    assert config.name == name
    if name.startswith("paper"):
        (phase,) = config.phases
        assert (phase.learning_rate, phase.schedule, config.weight_decay) == (2.5e-4, "poly", 5e-4)
        assert (phase.frames, phase.expressions, phase.steps) == (1, 1, 800_000)
        assert config.network.clip == config.clip.length == (11 if name in ("paper", "paper_a2d") else 1)


def test_the_shipped_words_keep_their_vectors(frames: Path, tmp_path: Path) -> None:
    """The network of the tabletop, with a clip and words of its own, begins a run on a folder."""
    theirs = tiny.network(3, replace(tiny.NETWORK, rounds=folder.SMALL.network.rounds))
    checkpoint.save(tmp_path / "start.safetensors", theirs.state_dict(), {"config": "tiny"})
    source = source_of(folder.SMALL, frames, tmp_path)
    state = Training(source.config, CPU, source.facts)
    drawn = state.model.state_dict()["fusion.language.table.weight"].clone()
    state.start_from(tmp_path / "start.safetensors")
    ours = state.model.state_dict()
    shipped = vocabulary_of({})
    for index, word in enumerate(source.vocabulary.words):
        known = word in shipped.words and word != "<unknown>"
        row = theirs.state_dict()["fusion.language.table.weight"][shipped.words.index(word)] if known else drawn[index]
        assert torch.equal(ours["fusion.language.table.weight"][index], row), word
    assert torch.equal(ours["fusion.mask.weight"], theirs.state_dict()["fusion.mask.weight"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--batch", "3", "--accumulate", "2"],
            "3 frames in a batch do not share out to 1 processes with 2 parts each; change --batch",
        ),
        (["--steps", "0"], "--steps is 0; it must be at least 1"),
        (["--backbone", "nothing.pth"], "nothing.pth: there is no such file"),
        (["--data", "nowhere"], "nowhere: there is no such folder"),
    ],
)
def test_nonsense_is_refused(options: list[str], message: str, frames: Path, tmp_path: Path, capsys) -> None:
    assert command(tmp_path / "out", frames, *options) == 2
    assert f"error: {message}" in capsys.readouterr().err


def test_several_lists_of_the_same_images_are_not_mixed(tmp_path: Path, capsys) -> None:
    image = {"id": 1, "file_name": "1.png", "height": 48, "width": 64}
    box = {"id": 5, "image_id": 1, "segmentation": [[0, 0, 9, 0, 9, 9, 0, 9]], "bbox": [0, 0, 9, 9]}
    ref = {"ref_id": 1, "ann_id": 5, "image_id": 1, "split": "train", "sentences": [{"sent": "box", "sent_id": 1}]}
    frames = folder.write_folder(tmp_path / "frames", images=2)
    (frames / "images" / "1.png").rename(tmp_path / "1.png")
    both = tmp_path / "refcocog"
    (both / "images").mkdir(parents=True)
    (tmp_path / "1.png").rename(both / "images" / "1.png")
    (both / "instances.json").write_text(json.dumps({"images": [image], "annotations": [box], "categories": []}))
    for maker in ("google", "umd"):
        (both / f"refs({maker}).json").write_text(json.dumps([ref]))
    assert command(tmp_path / "out", both) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: {both}: holds several lists of the same images") and told.count("\n") == 1
    assert all(f"'{both}/refs({maker}).json' (G-Ref ({maker}))" in told for maker in ("google", "umd"))
    assert source_of(folder.SMALL, both / "refs(umd).json", tmp_path).facts["data"] == "G-Ref (umd)"
    named = replace(folder.SMALL, dataset="G-Ref (google)")
    assert source_of(named, both, tmp_path).facts["data"] == "G-Ref (google)"
