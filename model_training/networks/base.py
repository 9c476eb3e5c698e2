"""The interface of every system for training and export: clip and words in, masks out, and graphs for the robot."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor, nn

from refseg_ros.engines.manifest import ARRAYS
from refseg_ros.engines.reach import PAST


class Window(NamedTuple):
    """The frames that a system looks at."""

    before: int
    """Frames before the target."""
    after: int = 0
    """Frames after it. A robot has none, and repeats the target in their place."""

    step: int = 1
    """Step from one of these frames to the next, in frames of the clip that is given."""

    @property
    def frames(self) -> int:
        """Frames of a whole clip."""
        return self.before + 1 + self.after


class Answer(NamedTuple):
    """What a system says of E expressions on each of B clips."""

    logits: Tensor
    """(B, E, h, w) mask logits over the letterboxed input."""
    presence: Tensor
    """(B, E) logit of "there is such a thing"."""
    word_attention: Tensor
    """(B, E, L, N), L places at which the system weighs the words; rows sum to one, padding has 0."""
    coarse: tuple[Tensor, ...] = ()
    """Mask logits of further heads, (B, E, h_i, w_i) each; for training alone."""
    edges: tuple[Tensor, ...] = ()
    """Logits of the mask's outline, (B, E, h_i, w_i) each; for training alone."""
    frame_weights: tuple[Tensor, ...] = ()
    """Weights of the clip's frames at each level, (B, T) each, the target's last; rows sum to one. For figures."""


class Graph(NamedTuple):
    """A part of a system as it is exported, for one frame and Q expressions."""

    name: str
    module: nn.Module
    """Takes the inputs in order, and returns a tuple of the outputs."""
    inputs: Mapping[str, Mapping[int, str]]
    """Name of an array -> its dynamic axes: "queries", "past", and "batch" of `image` if the graph takes nothing else.
    `past_X` has array X of 0 or more earlier frames along its first axis; if `memory` is ARRAYS, the oldest first."""
    outputs: tuple[str, ...]


class ParameterGroup(NamedTuple):
    """Parameters that learn at one rate."""

    name: str
    parameters: list[nn.Parameter]
    factor: float = 1.0
    """On the learning rate."""
    encoder: bool = False
    """Whether they see the image alone, so that a phase's `encoder_factor` holds for them."""


class System(nn.Module, ABC):
    """A network for referring segmentation. `config` is a frozen dataclass with `height`, `width`, `padding`,
    `vocabulary` and `max_words` at least.

    Attributes:
        window: the frames that it looks at.
        memory: what a robot keeps of earlier frames for it, one of manifest.MEMORIES.
        words_table: name of the parameter that has a row for each word.
        of_clips: prefixes of the names of parameters that a still-image network does not have.
    """

    window: Window
    memory: str = ARRAYS
    words_table: str
    of_clips: tuple[str, ...] = ()

    @abstractmethod
    def forward(self, clip: Tensor, words: Tensor) -> Answer:
        """(B, T, H, W, 3) uint8 RGB and (B, E, N) int64 ids, PADDING at the end.

        The target is the last frame of a clip. All other frames, even those after it in the video, come before it in
        the order of time, as `ClipFrames` puts them.
        """

    @abstractmethod
    def graphs(self) -> list[Graph]:
        """In the order in which they run."""

    @abstractmethod
    def parameter_groups(self) -> list[ParameterGroup]:
        """Each parameter in one of them."""

    def earlier(self, name: str, known: Mapping[str, Tensor], frames: int) -> Tensor:
        """An example of the array `name` (`past_X`) for so many frames; `known` has X."""
        array = known[name.removeprefix(PAST)]
        return array[:1].expand(frames, *array.shape[1:]).clone()
