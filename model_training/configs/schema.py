"""What a training run is made of."""

from __future__ import annotations

from dataclasses import dataclass

from model_training.datasets.rendering import SceneSet
from model_training.networks.config import NetworkConfig


@dataclass(frozen=True)
class Phase:
    """A stretch of training with one learning-rate schedule: warm-up, then a cosine down to a hundredth."""

    name: str
    steps: int
    frames: int
    """Frames (clips) in a batch."""
    expressions: int
    """Expressions on each; 0 trains the encoder alone, on dense labels."""
    learning_rate: float
    encoder_factor: float = 1.0
    """Factor on the learning rate of the encoder. Below 1 its batch norm statistics are frozen too."""
    warm_up: int = 100


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms of the loss; that of the mask's cross-entropy is 1."""

    dice: float
    presence: float
    reference: float
    """Of candidates, anchors and target in the rounds of CMSA."""
    motion: float
    """Of what moves, and where to, after CFSA."""
    dense: float
    """Of classes and colours in the encoder."""


@dataclass(frozen=True)
class Config:
    """One training run."""

    name: str
    network: NetworkConfig
    scenes: SceneSet
    phases: tuple[Phase, ...]
    losses: LossWeights
    clip_interval: float
    """Seconds between the frames of a clip, on the robot."""
    moving_share: float
    """Share of batches that are clips."""
    weight_decay: float = 0.02
    gradient_norm: float = 5.0
    average: float = 0.998
    """Decay of the moving average of the weights, which is what gets exported."""
    unseen_scenes: int = 192
    """Scenes of the held-out split that validation looks at."""
    seed: int = 0
