"""What the tests of training share: one thread, which is fastest for tensors as small as theirs; scenes; a bundle."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from torch.onnx._internal.exporter._registration import ONNXRegistry

from model_training import configs, export
from model_training.datasets.rendering import RenderedScene, load_shards, render_shards
from model_training.learning import checkpoint
from model_training.networks.refseg import ReferringSegmentation
from tests.model_training import folder, tiny

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the scenes of the tiny configuration."""
    rendered = tmp_path_factory.mktemp("data")
    render_shards(tiny.CONFIG.scenes, rendered, workers=1)
    return rendered


@pytest.fixture(scope="session")
def scenes(data: Path) -> list[RenderedScene]:
    """Those scenes."""
    return list(load_shards(render_shards(tiny.CONFIG.scenes, data, workers=1)))


@pytest.fixture(scope="session", autouse=True)
def tiny_configurations() -> Iterator[None]:
    """Let the commands know the configurations of the tests: `tiny`, `tiny_small` and `tiny_paper`."""
    with pytest.MonkeyPatch.context() as patch:
        for config in (tiny.CONFIG, folder.SMALL, folder.PAPER):
            patch.setitem(configs.CONFIGS, config.name, config)
        yield


@pytest.fixture(scope="session", autouse=True)
def one_registry() -> Iterator[None]:
    """Let torch make its registry of ONNX operators once, and not anew for each graph that a test exports."""
    with pytest.MonkeyPatch.context() as patch:
        made_once = functools.cache(ONNXRegistry.from_torchlib)
        patch.setattr(ONNXRegistry, "from_torchlib", staticmethod(made_once))
        yield


@pytest.fixture(scope="session")
def tiny_network() -> ReferringSegmentation:
    """The network of `tiny_bundle`; not to be changed."""
    return tiny.network()


@pytest.fixture(scope="session")
def tiny_bundle(tiny_network: ReferringSegmentation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the tiny network's bundle, made by the command, once for all processes of a run; not to be changed."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    with FileLock(shared / "tiny-bundle.lock"):
        if not (shared / "tiny-bundle").exists():
            weights = shared / "tiny.safetensors"
            facts: dict[str, object] = {"config": "tiny", "network": asdict(tiny.NETWORK), "steps": {"joint": 6}}
            checkpoint.save(weights, tiny_network.state_dict(), facts)
            assert export.main([str(weights), str(shared / "tiny-bundle")]) == 0
    return shared / "tiny-bundle"
