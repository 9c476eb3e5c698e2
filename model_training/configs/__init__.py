"""Named configurations: `load("tabletop")`."""

from __future__ import annotations

from importlib import import_module

from model_training.configs.schema import Config

NAMES = (
    *("tabletop", "small", "ablation"),
    *("paper", "paper_unc", "paper_unc_plus", "paper_gref", "paper_referit", "paper_a2d"),
)


def load(name: str) -> Config:
    """A configuration by its name.

    Raises:
        ValueError: there is none of that name.
    """
    if name not in NAMES:
        raise ValueError(f"no configuration is called {name!r}; choose one of {', '.join(NAMES)}")
    config: Config = import_module(f"model_training.configs.{name}").CONFIG
    return config
