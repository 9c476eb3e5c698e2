"""Every variant of every kind of network can be trained by its name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model_training import configs, train
from model_training.configs.head_weights import EFN, LBDT
from model_training.configs.schema import Config
from model_training.configs.variants import OFFERED, varied
from model_training.networks.lastc.config import PRESETS


class Enough(ValueError):
    """What a run is to learn is known."""


def configuration(monkeypatch: pytest.MonkeyPatch, *options: str) -> Config:
    """What the command makes of its options."""
    found: list[Config] = []

    def source_of(config: Config, *_: object, **__: object) -> None:
        found.append(config)
        raise Enough

    monkeypatch.setattr(train, "source_of", source_of)
    assert train.main([*options, "--device", "cpu"]) == 2
    return found[0]


@pytest.mark.parametrize("size", ["lastc", "lastc_small", "lastc_compared"])
@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_of_lastc_is_reached(size: str, preset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    config, plain = configuration(monkeypatch, "--config", size, "--variant", preset), configs.load(size)
    assert config.network == replace(plain.network, **PRESETS[preset])
    assert replace(config, network=plain.network) == plain


def test_presets_are_whole() -> None:
    """Each names the fields that the others do: it is the same whatever the configuration had before."""
    assert len({frozenset(preset) for preset in PRESETS.values()}) == 1
    for name in ("lastc", "lastc_small"):
        assert PRESETS["lastc"].items() <= vars(configs.load(name).network).items()


@pytest.mark.parametrize("size", ["vlide", "vlide_small"])
def test_efn_comes_with_its_weights(size: str, monkeypatch: pytest.MonkeyPatch) -> None:
    config, plain = configuration(monkeypatch, "--config", size, "--variant", "efn"), configs.load(size)
    assert (config.network.dec, config.losses.heads, plain.losses.heads) == ("efn", EFN, LBDT)
    assert EFN.edges == EFN.coarse == EFN.final == 1


def test_each_kind_has_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert set(OFFERED) == {type(config.network) for config in configs.CONFIGS.values()}
    assert varied(configs.load("tabletop"), "no-cfsa").network.clip == 1
    assert train.main(["--config", "vlide", "--variant", "cstm_code"]) == 2
    assert "error: vlide has no variant 'cstm_code'; choose one of efn" in capsys.readouterr().err
