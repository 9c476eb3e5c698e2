"""What `--variant` makes of a configuration: the systems of the paper of CMSA, LASTC's presets, VLIDE's decoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from model_training.configs.head_weights import EFN, HeadWeights
from model_training.configs.schema import Config
from model_training.networks.config import NetworkConfig
from model_training.networks.lastc.config import PRESETS, LastcConfig
from model_training.networks.vlide.config import VlideConfig
from model_training.paper.systems import VARIANTS


class Variant(NamedTuple):
    """Changes of a configuration."""

    network: Mapping[str, Any]
    heads: HeadWeights | None = None
    """What the heads weigh; None: as in the configuration."""


OFFERED: dict[type, dict[str, Variant]] = {
    NetworkConfig: {name: Variant(changes) for name, changes in VARIANTS.items()},
    LastcConfig: {name: Variant(preset) for name, preset in PRESETS.items()},
    VlideConfig: {"efn": Variant({"dec": "efn"}, EFN)},
}
"""Of each kind of network by their names."""

NAMES = tuple(name for variants in OFFERED.values() for name in variants)


def varied(config: Config, name: str) -> Config:
    """A configuration with the changes of a variant.

    Raises:
        ValueError: its kind of network has no such variant.
    """
    offered = OFFERED[type(config.network)]
    if name not in offered:
        raise ValueError(f"{config.name} has no variant {name!r}; choose one of {', '.join(offered)}")
    variant = offered[name]
    losses = replace(config.losses, heads=variant.heads) if variant.heads else config.losses
    return replace(config, network=replace(config.network, **variant.network), losses=losses)
