"""The command that compares the systems: a whole comparison in small, its table, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from model_training import compare, configs, export
from model_training.configs import compared
from model_training.configs.schema import Config, Phase
from model_training.learning.warm_start import vocabulary_of
from model_training.networks.kinds import system_of
from model_training.side_by_side import OVERALL
from tests.model_training.networks.systems import COMMON, SIDE, TINY

SYSTEMS = ["lastc_compared", "vlide_without_lmdf"]


def small(config: Config) -> Config:
    """A configuration of the comparison that a test can afford, with all its switches."""
    fields = {"height": SIDE, "width": SIDE}
    if config.name.startswith(("lastc", "vlide")):
        tiny = COMMON | TINY[f"{config.name[:5]}_small"]
        fields = {name: value for name, value in tiny.items() if name not in ("vocabulary", "max_words")}
    if config.name == "vlide_without_lmdf":
        fields["refs"] = 0
    return replace(
        config,
        network=replace(config.network, **fields),
        scenes=replace(config.scenes, scenes=6, height=SIDE, width=SIDE, clip=3, moving_share=0.6),
        phases=(Phase("joint", steps=4, frames=2, expressions=3, learning_rate=1e-3, warm_up=1),),
        unseen_scenes=2,
    )


@pytest.fixture(scope="module", autouse=True)
def in_small() -> object:
    """On a CPU on which all but LASTC would be learned in bfloat16, were it alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
        patch.setattr(compared, "CONFIGS", tuple(small(config) for config in compared.CONFIGS))
        yield


def run(out: Path, data: Path, *more: str) -> int:
    arguments = ["--seeds", "2", "--budget", "0.5", "--scenes", "4", "--workers", "1", "--device", "cpu"]
    return compare.main([*arguments, "--out", str(out), "--data", str(data), *more])


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("comparison")
    assert run(out, out / "data", *SYSTEMS) == 0
    return out


def test_each_is_trained_and_asked_the_same(finished: Path) -> None:
    asked = set()
    for name in SYSTEMS:
        scores = [json.loads((finished / f"{name}-seed{seed}" / "score.json").read_text()) for seed in (0, 1)]
        asked |= {score["expressions"] for score in scores}
        assert all(0 <= score[OVERALL] <= 1 and "absent told" in score for score in scores)
        assert scores[0] != scores[1]
    assert asked == {4 * 8}


def test_the_table_has_what_is_through_and_gaps_for_the_rest(finished: Path) -> None:
    text = (finished / "comparison.md").read_text()
    rows = {row.split("|")[1].strip(): row for row in text.splitlines() if row.startswith("|")}
    assert {config.name for config in compared.CONFIGS} < rows.keys()
    assert "2 steps of 2 frames with 3 expressions, 64x64, float32" in text and "4 scenes of the held-out split" in text
    parts = [json.loads((finished / f"{SYSTEMS[0]}-seed{seed}" / "score.json").read_text()) for seed in (0, 1)]
    assert f" {50 * sum(part[OVERALL] for part in parts):.2f} ± " in rows[SYSTEMS[0]] and "(2)" in rows[SYSTEMS[0]]
    assert "–" in rows["cmsa_compared"] and "(" not in rows["cmsa_compared"]


def test_what_was_compared_can_be_exported_with_the_words_of_events(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for config in compared.CONFIGS:
        monkeypatch.setitem(configs.CONFIGS, config.name, config)
    for name in SYSTEMS:
        _, config, facts = export.load_model(finished / f"{name}-seed0" / "model.safetensors")
        assert config.name == name and "stopped" in vocabulary_of(facts)


def test_what_is_done_is_not_done_again(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (finished / "comparison.md").read_text()
    assert run(finished, finished / "data", SYSTEMS[0]) == 0
    assert "seed" not in capsys.readouterr().out and (finished / "comparison.md").read_text() == before


def test_without_its_module_a_system_has_fewer_parameters() -> None:
    sizes = {config.name: sum(p.numel() for p in system_of(config.network).parameters()) for config in compared.CONFIGS}
    for name, size in sizes.items():
        whole = f"{name.split('_')[0]}_compared"
        assert name == whole or size < sizes[whole], name


def test_a_diverged_run_is_called_that() -> None:
    configs = {config.name: config for config in compared.CONFIGS[:1]}
    text = compare.table(configs, {"cmsa_compared": [{OVERALL: float("nan")}, {OVERALL: 0.5, "motion": 0.4}]})
    assert text.count("diverged (1 of 2)") == len(compare.COLUMNS)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [(["clipseg"], "no system is called 'clipseg'; choose of cmsa_"), (["--scenes", "0"], "--scenes is 0; it must be")],
)
def test_nonsense_is_refused(
    wrong: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare.main([*wrong, "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err and not (tmp_path / "out").exists()
