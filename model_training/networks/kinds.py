"""The kinds of systems by name."""

from __future__ import annotations

from typing import Any, NamedTuple

from model_training.networks.auxiliary import AuxiliaryHeads
from model_training.networks.base import System
from model_training.networks.config import NetworkConfig
from model_training.networks.lastc.config import LastcConfig
from model_training.networks.lastc.system import Lastc
from model_training.networks.refseg import ReferringSegmentation
from model_training.networks.vlide.config import VlideConfig
from model_training.networks.vlide.system import Vlide


class Kind(NamedTuple):
    """A kind of system."""

    config: type
    """A frozen dataclass: what such a network is made of."""
    system: type[System]
    """Takes one of these."""
    heads: type[AuxiliaryHeads] | None = None
    """What can be learned beside it on simulated scenes."""


KINDS: dict[str, Kind] = {
    "cmsa": Kind(NetworkConfig, ReferringSegmentation, AuxiliaryHeads),
    "lastc": Kind(LastcConfig, Lastc),
    "vlide": Kind(VlideConfig, Vlide),
}


def kind_of(config: Any) -> Kind:
    """The kind that a configuration is of."""
    return next(kind for kind in KINDS.values() if isinstance(config, kind.config))


def system_of(config: Any) -> System:
    """A new system, as its configuration says.

    Raises:
        ValueError: the configuration names something unknown, or its fields do not go together.
    """
    return kind_of(config).system(config)
