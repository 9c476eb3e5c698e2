"""Checkpoints: whole or not there, and errors that name the file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from model_training.learning import checkpoint
from tests.model_training.full_disk import full_disk


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "state.safetensors"
    tensors = {"a": torch.arange(6.0).reshape(2, 3).T, "b": torch.tensor(3), "c": torch.zeros(0)}
    checkpoint.save(path, tensors, {"step": 7, "name": "tiny", "nested": {"x": [1, 2.5]}})
    loaded, facts = checkpoint.load(path)
    assert facts == {"step": 7, "name": "tiny", "nested": {"x": [1, 2.5]}}
    assert set(loaded) == set(tensors) and all(torch.equal(loaded[name], tensors[name]) for name in tensors)
    assert os.listdir(path.parent) == [path.name]


def test_a_half_written_checkpoint_never_has_the_final_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.safetensors"
    checkpoint.save(path, {"a": torch.zeros(3)}, {"step": 1})

    def killed(tensors: dict, target: Path, metadata: dict) -> None:
        Path(target).write_bytes(b"the first half")
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "save_file", killed)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(path, {"a": torch.ones(3)}, {"step": 2})
    tensors, facts = checkpoint.load(path)
    assert facts == {"step": 1} and torch.equal(tensors["a"], torch.zeros(3))
    monkeypatch.undo()
    checkpoint.save(path, {"a": torch.ones(3)}, {"step": 3})
    assert checkpoint.load(path)[1] == {"step": 3} and os.listdir(tmp_path) == [path.name]


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with full_disk(1000), pytest.raises(OSError, match=r"state\.safetensors: cannot be written"):
        checkpoint.save(tmp_path / "state.safetensors", {"a": torch.zeros(1000)}, {})
    assert not os.listdir(tmp_path)
    (tmp_path / "state.safetensors").mkdir()
    with pytest.raises(OSError, match=r"Is a directory: '.*/state\.safetensors'"):
        checkpoint.save(tmp_path / "state.safetensors", {"a": torch.zeros(1)}, {})


def test_errors_name_the_file(tmp_path: Path) -> None:
    missing = tmp_path / "missing.safetensors"
    with pytest.raises(ValueError, match=r"missing\.safetensors: no such checkpoint; train one"):
        checkpoint.load(missing)
    foreign = tmp_path / "foreign.safetensors"
    save_file({"a": torch.zeros(1)}, foreign)
    with pytest.raises(ValueError, match=r"foreign\.safetensors: not a checkpoint of this project"):
        checkpoint.load(foreign)
    whole = tmp_path / "whole.safetensors"
    checkpoint.save(whole, {"a": torch.zeros(100)}, {})
    for name, content in (
        ("cut", whole.read_bytes()[:-50]),
        ("empty", b""),
        ("text", b"hello, world, this is no tensor"),
    ):
        broken = tmp_path / f"{name}.safetensors"
        broken.write_bytes(content)
        with pytest.raises(ValueError, match=rf"{name}\.safetensors: not a checkpoint of this project"):
            checkpoint.load(broken)


def test_an_optimiser_goes_on_where_it_was() -> None:
    def start() -> tuple[torch.nn.Linear, torch.optim.AdamW]:
        torch.manual_seed(0)
        layer = torch.nn.Linear(3, 2)
        return layer, torch.optim.AdamW(layer.parameters(), lr=0.1)

    def step(layer: torch.nn.Linear, optimiser: torch.optim.AdamW, count: int) -> None:
        for _ in range(count):
            optimiser.zero_grad()
            layer(torch.ones(1, 3)).pow(2).sum().backward()
            optimiser.step()

    through, optimiser = start()
    step(through, optimiser, 4)
    first, first_optimiser = start()
    step(first, first_optimiser, 2)
    second, second_optimiser = start()
    second.load_state_dict(first.state_dict())
    checkpoint.restore_optimiser(second_optimiser, checkpoint.flatten_optimiser(first_optimiser))
    step(second, second_optimiser, 2)
    assert torch.equal(through.weight, second.weight) and torch.equal(through.bias, second.bias)
