"""What a training run is made of."""

from __future__ import annotations

from dataclasses import dataclass

from model_training.configs.head_weights import HeadWeights
from model_training.datasets.rendering import SceneSet
from model_training.datasets.sample import STILL, ClipFrames
from model_training.networks.config import NetworkConfig
from model_training.networks.lastc.config import LastcConfig
from model_training.networks.vlide.config import VlideConfig
from refseg_ros.simulation.tabletop import CLASSES

SystemConfig = NetworkConfig | LastcConfig | VlideConfig
"""What a network is made of, of any kind."""


@dataclass(frozen=True)
class Phase:
    """A stretch of training with a schedule of the learning rate of its own."""

    name: str
    steps: int
    frames: int
    """Frames (clips) in a batch, of all processes together."""
    expressions: int
    """Expressions on each; 0 trains the encoder alone, on dense labels."""
    learning_rate: float
    encoder_factor: float = 1.0
    """Factor on the learning rate of the image encoder. Below 1 its batch norm statistics are frozen; at 0 all of it
    is."""
    frozen_norm: bool = False
    """Whether batch norm keeps its statistics everywhere, as with data that show less than those that came before."""
    warm_up: int = 100
    schedule: str = "cosine"
    """One of schedules.SCHEDULES."""


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms of the loss; that of the mask's cross-entropy is 1."""

    dice: float
    presence: float
    heads: HeadWeights | None = None
    """For systems with several mask heads; replaces the cross-entropy and `dice` of the one mask."""
    # Terms with labels that only the simulator has
    reference: float = 0.0
    """Of candidates, anchors and target in the rounds of CMSA."""
    motion: float = 0.0
    """Of what moves, and where to, after CFSA."""
    dense: float = 0.0
    """Of classes and colours in the encoder."""

    @property
    def of_labels(self) -> bool:
        """Whether any term needs the labels of simulated scenes."""
        return max(self.reference, self.motion, self.dense) > 0


@dataclass(frozen=True)
class Mix:
    """How often a frame comes from each source. A source without a folder drops out, but one must be given."""

    tables: float
    """Simulated scenes of the simulator's own things."""
    scans: float
    """Simulated scenes of the things of a folder of meshes."""
    photos: float
    """Photos with instances."""
    scan_scenes: SceneSet
    """The scenes of scans; their clips must be as long as those of the tables."""
    frames: float = 0.0
    """Frames with expressions and masks, as a person corrects them."""


@dataclass(frozen=True)
class Config:
    """One training run."""

    name: str
    network: SystemConfig
    """Its `vocabulary` is that of the data where a folder is learned."""
    phases: tuple[Phase, ...]
    losses: LossWeights
    scenes: SceneSet | None = None
    """The simulated scenes that are learned; None: the folder of a data set."""
    mix: Mix | None = None
    """What is learned beside them; None: nothing."""
    nouns: tuple[str, ...] = CLASSES
    """Classes of the dense labels; those of the data where scans or photos are mixed in."""
    contrasts: tuple[str, ...] = ()
    """Kinds of expressions ("order", "motion", "event") that get contrasting ones, see phrase_choice.contrasted."""
    goes_on: bool = False
    """Whether it is too short to begin with anything but finished weights."""
    imagenet: bool = False
    """Whether the backbone begins with ImageNet's weights, from the package that has them."""
    dataset: str = ""
    """Reader's name of the data set to learn if a folder holds several; all if it is not there."""
    split: str = "train"
    """Of the data set."""
    clip: ClipFrames = STILL
    """Which frames of a video a sample of a data set has."""
    dilated_truth: bool = False
    """Whether a pixel of the input belongs to each thing that touches it [code: CSTM, LBDT], and not by the share that
    the thing covers."""
    clip_interval: float = 0.0
    """Seconds between the frames of a clip, on the robot."""
    moving_share: float = 0.0
    """Share of batches of simulated scenes that are clips."""
    optimiser: str = "adamw"
    """One of optimisers.OPTIMISERS."""
    weight_decay: float = 0.02
    gradient_norm: float = 5.0
    """Longer gradients are shortened to it."""
    average: float = 0.998
    """Decay of the moving average of the weights, which is what gets exported; 0: the last weights are."""
    precision: str = "auto"
    """What multiplications are done in, one of precision.PRECISIONS; weights and sums are float32."""
    accumulate: int = 1
    """Parts that a batch goes through in, one after the other, to need less memory."""
    unseen_scenes: int = 192
    """Scenes of the held-out split that validation looks at."""
    seed: int = 0
