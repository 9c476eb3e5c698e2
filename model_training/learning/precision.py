"""The precision of multiplications in training. Weights, averages and the optimiser's state are always float32."""

from __future__ import annotations

import torch
from torch import nn

from model_training.networks.config import chosen

AUTO = "auto"
"""What is fast on the machine."""

_TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}

PRECISIONS = (AUTO, *_TYPES)


def of_machine(precision: str, device: torch.device, over_time: bool = False) -> str:
    """The precision that a name means on a device: "float32" or "bfloat16".

    AUTO means bfloat16 where the device multiplies it natively: a CPU with avx512_bf16 or AMX, a GPU from Ampere on.
    Elsewhere it is emulated, and slower than float32.

    Args:
        precision: one of PRECISIONS.
        device: where the network is trained.
        over_time: whether it convolves over time. On a CPU such convolutions of torch sometimes give NaN gradients in
            bfloat16 (torch 2.13).

    Raises:
        ValueError: there is no precision of that name, or the network cannot learn in it on this device.
    """
    wrong = over_time and device.type == "cpu"
    if precision != AUTO:
        chosen("precision", precision, _TYPES)
        if wrong and precision != "float32":
            raise ValueError(f"on a CPU a network that convolves over time learns nothing in {precision}; take float32")
        return precision
    if wrong:
        return "float32"
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        features = torch.cpu.get_capabilities()
        native = bool(features.get("avx512_bf16") or features.get("amx_bf16"))
    return "bfloat16" if native else "float32"


def convolves_over_time(network: nn.Module) -> bool:
    """Whether a network has convolutions over frames, beside those over rows and columns."""
    return any(isinstance(layer, nn.Conv3d) for layer in network.modules())


def multiplied_in(precision: str, device: torch.device) -> torch.autocast:
    """A context in which networks multiply in "float32" or "bfloat16"."""
    return torch.autocast(device.type, torch.bfloat16, enabled=_TYPES[precision] is torch.bfloat16)
