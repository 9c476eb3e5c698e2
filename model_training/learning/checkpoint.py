"""Training state on disk: safetensors only, written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from refseg_ros.files import replacing


def save(path: Path, tensors: dict[str, Tensor], facts: dict[str, object]) -> None:
    """Write tensors and JSON-able facts under the final name only once they are complete.

    Raises:
        OSError: they cannot be written there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}
    try:
        with replacing(path) as temporary:
            save_file(whole, temporary, metadata={"facts": json.dumps(facts)})
    except SafetensorError as error:
        raise OSError(f"{path}: cannot be written ({error})") from None


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, object]]:
    """What `save` wrote.

    Raises:
        ValueError: it is missing, or not a checkpoint; the message names it and says why.
    """
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {}).get("facts", "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except FileNotFoundError:
        raise ValueError(f"{path}: no such checkpoint; train one with python -m model_training.train") from None
    except Exception as error:  # safetensors raises its own type for every malformed file
        raise ValueError(f"{path}: not a checkpoint of this project ({error})") from None
    if not isinstance(facts, dict):
        raise ValueError(f"{path}: not a checkpoint of this project, which notes its configuration in the file")
    return tensors, facts


def flatten_optimiser(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """An optimiser's moments as named tensors."""
    states = optimiser.state_dict()["state"]
    return {
        f"optimiser.{i}.{key}": torch.as_tensor(value) for i, state in states.items() for key, value in state.items()
    }


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put the moments back that `flatten_optimiser` named."""
    whole = optimiser.state_dict()
    states: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimiser."):
            _, index, key = name.split(".")
            states.setdefault(int(index), {})[key] = tensor
    optimiser.load_state_dict({**whole, "state": states})
