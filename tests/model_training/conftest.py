"""What the tests of training share: one thread, which is fastest for tensors as small as theirs; scenes; a bundle."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from model_training import checkpoint, configs, export
from model_training.datasets.rendering import Scene, load_shards, render_shards
from model_training.networks.refseg import ReferringSegmentation
from tests.model_training import tiny

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the scenes of the tiny configuration."""
    folder = tmp_path_factory.mktemp("data")
    render_shards(tiny.CONFIG.scenes, folder, workers=1)
    return folder


@pytest.fixture(scope="session")
def scenes(data: Path) -> list[Scene]:
    """Those scenes."""
    return list(load_shards(render_shards(tiny.CONFIG.scenes, data, workers=1)))


@pytest.fixture(scope="session")
def tiny_has_a_name() -> Iterator[None]:
    """Lets the commands know the tiny configuration as `tiny`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(configs, "NAMES", (*configs.NAMES, "tiny"))
        patch.setitem(sys.modules, "model_training.configs.tiny", tiny)
        yield


@pytest.fixture(scope="session")
def tiny_network() -> ReferringSegmentation:
    """The network of `tiny_bundle`; not to be changed."""
    return tiny.network()


@pytest.fixture(scope="session")
def tiny_bundle(
    tiny_network: ReferringSegmentation, tiny_has_a_name: None, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Folder of the tiny network's bundle, made by the command; not to be changed."""
    folder = tmp_path_factory.mktemp("tiny")
    weights = folder / "model.safetensors"
    facts: dict[str, object] = {"config": "tiny", "network": asdict(tiny.NETWORK), "steps": {"joint": 6}}
    checkpoint.save(weights, tiny_network.state_dict(), facts)
    assert export.main([str(weights), str(folder / "bundle")]) == 0
    return folder / "bundle"
