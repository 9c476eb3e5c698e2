"""The command that compares variants: a whole comparison in small, its tables, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from model_training import ablate, configs
from model_training.learning import checkpoint
from model_training.networks.ablations.choice import multimodal
from model_training.paper import comparison, systems
from tests.model_training import tiny

OTHERS = ["household", "parts", "small", "paper", "vlide", "lastc_compared"]
"""Configurations of a mixture, of a data set and of other networks."""

VARIED = ["no-attention", "no-cfsa"]


def run(out: Path, data: Path, *more: str) -> int:
    arguments = [*VARIED, "--config", "tiny", "--seeds", "1", "--budget", "0.5", "--scenes", "3", "--workers", "1"]
    return ablate.main([*arguments, "--device", "cpu", "--out", str(out), "--data", str(data), *more])


@pytest.fixture(scope="module")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("ablation")
    assert run(out, data) == 0
    return out


def test_every_variant_is_trained_from_the_same_encoder_and_scored(finished: Path) -> None:
    starts = []
    for name in VARIED:
        scored = json.loads((finished / f"{name}-seed0" / "score.json").read_text())
        assert 0 <= scored["overall IoU"] <= 1 and scored["expressions"] > 3
        weights, facts = checkpoint.load(finished / f"{name}-seed0" / "model.safetensors")
        assert facts["steps"] == {"encoder": 2, "joint": 3}
        assert any(".clip." in key for key in weights) is (name != "no-cfsa")
        starts.append(checkpoint.load(finished / f"{name}-seed0" / "start.safetensors")[0])
    shared = [key for key in starts[0] if key.startswith("encoder.") and key in starts[1]]
    trained = checkpoint.load(finished / "encoder-seed0" / "model.safetensors")[0]
    assert len(shared) > 100
    for key in shared:
        assert (starts[0][key] == starts[1][key]).all() and (starts[0][key] == trained[key]).all()


def test_the_report_has_what_is_through_and_gaps_for_the_rest(finished: Path) -> None:
    text = (finished / "ablation.md").read_text()
    share = json.loads((finished / "no-attention-seed0" / "score.json").read_text())["overall IoU"]
    assert f"| No attention | 45.63 | {100 * share:.2f} (1) |" in text
    assert "| CMSA+GMLF | 58.92 | – |" in text and "| no-cfsa: clip 1 |" in text
    picture = cv2.imread(str(finished / "ablation.png"))
    assert picture is not None and picture.std() > 5


def test_what_is_done_is_not_done_again(finished: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (finished / "ablation.md").unlink()
    lost = finished / "no-cfsa-seed0" / "score.json"
    before = lost.read_text()
    lost.unlink()  # as if killed between training and scoring
    weights = finished / "no-cfsa-seed0" / "model.safetensors"
    assert run(finished, data) == 0
    assert lost.read_text() == before and (finished / "ablation.md").exists() and weights.exists()
    assert capsys.readouterr().out.count("seed 0") == 1


def test_a_folder_of_other_settings_is_refused(finished: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(finished, data, "--budget", "1") == 2
    assert "of runs with other settings; use another --out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["nothing"], "error: no variant is called 'nothing'; choose of max-pooling, "),
        (["--seeds", "0"], "error: --seeds is 0; it must be more than 0"),
        (["--budget", "-1"], "error: --budget is -1.0; it must be more than 0"),
        *((["--config", name], f"error: {name} cannot be ablated: ") for name in OTHERS),
        (["--config", "nothing"], "error: no configuration is called 'nothing'; choose one of tabletop, "),
    ],
)
def test_nonsense_is_refused(
    wrong: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ablate.main([*wrong, "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_only_what_can_be_ablated_is_offered(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        ablate.main(["--help"])
    offered = " ".join(capsys.readouterr().out.rpartition("--config CONFIG")[2].split())
    offered = offered.removeprefix("of the network, one of ").partition(" (")[0]
    assert offered == "tabletop, ablation, cmsa_compared, cmsa_without_cfsa, tiny"
    assert ablate.main(["--config", "parts", "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.endswith(f"choose one of {offered}\n")


def test_a_run_that_diverges_is_reported_and_the_others_go_on(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wild = replace(tiny.CONFIG, phases=(replace(tiny.CONFIG.phases[1], learning_rate=1e30, steps=4, warm_up=1),))
    monkeypatch.setitem(configs.CONFIGS, "tiny", wild)
    assert run(tmp_path, data, "--budget", "1") == 0
    scores = [json.loads((tmp_path / f"{name}-seed0" / "score.json").read_text()) for name in VARIED]
    assert [score["overall IoU"] for score in scores] == [None, None]
    assert "diverged (1 of 1)" in (tmp_path / "ablation.md").read_text()


def test_the_tables_have_the_paper_s_layout_and_mean_and_spread_of_ours() -> None:
    text = comparison.markdown({"max-pooling": [0.5, 0.6, 0.7], "cmsa": [0.8]}, "As it was set.")
    assert "As it was set." in text
    assert "|  | UNC val | UNC testA |" in text
    assert "| max pooling | 49.90 | 50.91 | 46.34 | 31.85 | 34.66 | 29.07 | 32.96 | 57.92 | 60.00 ± 10.00 (3) |" in text
    assert text.count("80.00 (1)") == 3  # in Table 1, and twice in Table 2
    assert "Further switches" not in text


def test_every_variant_is_a_network_that_there_is() -> None:
    base = configs.load("tabletop").network
    for name in systems.VARIANTS:
        assert multimodal(replace(base, **systems.VARIANTS[name]), 16, (2, 2)) is not None
    assert len(systems.OF_THE_TABLES) == 15 and np.all([name in systems.VARIANTS for name in systems.OF_THE_TABLES])
