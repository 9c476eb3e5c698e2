"""Named configurations: `load("tabletop")`."""

from __future__ import annotations

from model_training.configs import ablation, compared, household, lessons, paper, parts, shipped, small, systems
from model_training.configs.schema import Config

CONFIGS = {
    config.name: config
    for config in (
        *(shipped.CONFIG, household.CONFIG, parts.CONFIG, lessons.CONFIG, small.CONFIG, ablation.CONFIG),
        *paper.CONFIGS,
        *systems.CONFIGS,
        *compared.CONFIGS,
    )
}
"""By the name that `--config` takes."""


def load(name: str) -> Config:
    """A configuration by its name.

    Raises:
        ValueError: there is none of that name.
    """
    if name not in CONFIGS:
        raise ValueError(f"no configuration is called {name!r}; choose one of {', '.join(CONFIGS)}")
    return CONFIGS[name]
