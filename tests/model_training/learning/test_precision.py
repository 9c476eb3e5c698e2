"""Precision of multiplications: what a machine gets, and that a run keeps it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from model_training.learning import precision
from model_training.learning.precision import multiplied_in, of_machine
from model_training.learning.training import Training
from tests.model_training import tiny
from tests.model_training.networks.systems import tiny_config

CPU = torch.device("cpu")
AUTO, FLOAT, BRAIN = (replace(tiny.CONFIG, precision=name) for name in ("auto", "float32", "bfloat16"))


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ({"avx512_f": True, "avx512_bf16": False}, "float32"),
        ({"avx512_f": True, "avx512_bf16": True}, "bfloat16"),
        ({"amx_bf16": True}, "bfloat16"),
        ({"architecture": "aarch64"}, "float32"),
    ],
)
def test_bfloat16_is_for_cpus_that_have_it(
    features: dict[str, object], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: features)
    assert of_machine("auto", CPU) == expected
    assert [of_machine(name, CPU) for name in ("float32", "bfloat16")] == ["float32", "bfloat16"]


def test_this_machine_is_known_by_its_flags() -> None:
    path = Path("/proc/cpuinfo")
    if not path.exists() or "flags" not in path.read_text():
        pytest.skip("no flags of an x86 CPU are listed here")
    flags = next(line for line in path.read_text().splitlines() if line.startswith("flags")).split()
    assert (of_machine("auto", CPU) == "bfloat16") is bool({"avx512_bf16", "amx_bf16"} & set(flags))


@pytest.mark.parametrize(("name", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_networks_multiply_in_it(name: str, dtype: torch.dtype) -> None:
    with multiplied_in(name, CPU):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is dtype


def test_what_convolves_over_time_is_not_learned_in_bfloat16_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch's weight gradients of such convolutions are NaN there now and then."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    config = replace(tiny_config("lastc_small"), precision="auto")
    assert Training(config, CPU).precision == "float32"
    assert Training(tiny_config("vlide_small"), CPU).precision == "bfloat16"
    with pytest.raises(ValueError, match="take float32"):
        Training(replace(config, precision="bfloat16"), CPU)


def test_what_a_gpu_began_in_bfloat16_is_not_gone_on_with_over_time_on_a_cpu(tmp_path: Path) -> None:
    config = replace(tiny_config("lastc_small"), precision="auto")
    on_gpu = Training(config, CPU)
    on_gpu.precision = "bfloat16"
    on_gpu.save(tmp_path / "last.safetensors")
    with pytest.raises(ValueError, match="^on a CPU a network that convolves over time .*; take float32$"):
        Training(config, CPU).restore(tmp_path / "last.safetensors")
    Training(replace(config, precision="float32"), CPU).restore(tmp_path / "last.safetensors")


def test_an_unknown_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"precision 'half' is unknown; choose one of float32, bfloat16"):
        of_machine("half", CPU)


def test_a_run_that_goes_on_keeps_its_precision_unless_another_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.safetensors"
    for begun, elsewhere in ((FLOAT, True), (BRAIN, False)):
        state = Training(begun, CPU)
        state.save(path)
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda native=elsewhere: {"avx512_bf16": native})
        on = Training(AUTO, CPU)
        assert on.precision != begun.precision
        on.restore(path)
        assert on.precision == begun.precision
        other = Training(FLOAT if begun is BRAIN else BRAIN, CPU)
        other.restore(path)
        assert other.precision == other.config.precision
        assert all(tensor.dtype is not torch.bfloat16 for tensor in other.learner.state_dict().values())
    assert precision.PRECISIONS[0] == tiny.CONFIG.precision
