"""LASTC and VLIDE so small that a test can afford them, and what a test asks of any system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from model_training.configs import systems as configurations
from model_training.configs.head_weights import LBDT, HeadWeights
from model_training.configs.schema import Config, Phase
from model_training.datasets.sample import ClipFrames
from model_training.learning.head_losses import head_loss
from model_training.networks.base import Answer, System
from model_training.networks.lastc.config import lastc_config
from model_training.networks.lastc.system import Lastc
from model_training.networks.vlide.config import vlide_config
from model_training.networks.vlide.system import Vlide
from refseg_ros.engines.reach import IMAGE, PAST, WORDS

COMMON = {"vocabulary": 12, "height": 64, "width": 64, "max_words": 4, "widths": (8, 8, 12, 16, 16)}
LASTC = {"text_channels": 16, "word_channels": 8, "decoder_channels": 16, "lasp_channels": 8, "lasp_maps": 4}
LASTC |= {"before": 2, "after": 1}
VLIDE = {"text_channels": 16, "text_heads": 2, "groups": (1, 2, 3), "positions": 8, "refs": 1}
VLIDE |= {"guided_channels": 16, "pooled_channels": 8, "reduced_channels": 16, "kgroups": 4}


def lastc(preset: str = "lastc", seed: int = 0, **fields: Any) -> Lastc:
    torch.manual_seed(seed)
    return Lastc(lastc_config(preset, "small", **(COMMON | LASTC | fields)))


def vlide(seed: int = 0, **fields: Any) -> Vlide:
    torch.manual_seed(seed)
    return Vlide(vlide_config("small", **(COMMON | VLIDE | fields)))


def stirred(module: nn.Module, seed: int = 0, spread: float = 0.1) -> Any:
    """The module in evaluation mode, with no parameter and no average left at its start, in float64."""
    generator = torch.Generator().manual_seed(seed)

    def noise(like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=generator, dtype=torch.float64)

    module.double().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += spread * noise(parameter)
        for name, buffer in module.named_buffers():
            if name.endswith("running_mean"):
                buffer += 0.1 * noise(buffer)
            elif name.endswith("running_var"):
                buffer.copy_(1 + 0.3 * noise(buffer).tanh())
    return module


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def real(*lengths: int, size: int | None = None) -> Tensor:
    """(len(lengths), N) bool masks of so many words."""
    return torch.arange(size or max(lengths))[None] < torch.tensor(lengths)[:, None]


def clips(batch: int, frames: int, seed: int = 0, height: int = 64, width: int = 64) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (batch, frames, height, width, 3), generator=generator, dtype=torch.uint8)


def squares() -> tuple[Tensor, Tensor, Tensor]:
    """Two clips of one frame and two expressions each, which ask for the red and for the green square; the masks."""
    clip = torch.full((2, 1, 64, 64, 3), 90, dtype=torch.uint8)
    masks = torch.zeros(2, 2, 64, 64)
    for frame, corners in enumerate([((8, 8), (36, 30)), ((34, 4), (6, 36))]):
        for colour, (top, left) in enumerate(corners):
            clip[frame, 0, top : top + 20, left : left + 20] = torch.tensor(
                [200, 40, 40] if not colour else [40, 200, 40]
            )
            masks[frame, colour, top : top + 20, left : left + 20] = 1
    words = torch.tensor([[2, 3, 4, 0], [2, 5, 0, 0]]).expand(2, -1, -1)
    return clip, words, masks


def overfitted(system: System, most: int = 250, rate: float = 4e-3, weights: HeadWeights = LBDT) -> float:
    """The worst IoU of the four masks after so many steps at most; batch norm goes by the batch itself."""
    clip, words, masks = squares()
    optimiser = torch.optim.Adam(system.parameters(), lr=rate, fused=True)
    system.train()
    worst = 0.0
    for _ in range(most):
        answer = system(clip, words)
        found = answer.logits > 0
        overlap = (found & (masks > 0)).sum((-2, -1)) / (found | (masks > 0)).sum((-2, -1))
        worst = float(overlap.min())
        if worst >= 0.9:
            break
        optimiser.zero_grad()
        head_loss(answer, masks, torch.ones(()), weights).backward()
        nn.utils.clip_grad_norm_(system.parameters(), 5.0)
        optimiser.step()
    return worst


def every_head(answer: Answer) -> Tensor:
    """One number that hangs on all that an answer has."""
    parts = [answer.logits, answer.presence, *answer.coarse, *answer.edges]
    return sum((part - 0.3).square().mean() for part in parts)


def without_gradient(system: System) -> list[str]:
    """Parameters that two steps of training have not reached.

    The steps are so small that the network stays what it is: what rounding leaves of a gradient that is zero by
    construction grows with the weights.
    """
    clip, words, _ = squares()
    optimiser = torch.optim.SGD(system.parameters(), lr=1e-4)
    system.train()
    for _ in range(3):
        optimiser.zero_grad()
        every_head(system(clip, words)).backward()
        optimiser.step()
    return [name for name, p in system.named_parameters() if p.grad is None or not p.grad.abs().max() > 1e-12]


class Streaming:
    """The graphs of a system as torch modules, fed as a robot does, frame by frame."""

    def __init__(self, system: System) -> None:
        self.graphs, self.kept = system.graphs(), []
        self.before = system.window.before

    def frame(self, image: Tensor, words: Tensor) -> tuple[Tensor, ...]:
        """(H, W, 3) and (Q, N) -> the last graph's outputs."""
        known = {IMAGE: image[None], WORDS: words}
        for graph in self.graphs:
            for name in graph.inputs:
                if name.startswith(PAST):
                    array = name.removeprefix(PAST)
                    known[name] = torch.cat([known[array][:0], *(old[array] for old in self.kept)])
            outputs = graph.module(*(known[name] for name in graph.inputs))
            known |= dict(zip(graph.outputs, outputs, strict=True))
        self.kept = [*self.kept, known][-self.before :] if self.before else []
        return outputs


@torch.no_grad()
def streaming_error(system: System, counts: Sequence[int] = (1, 2, 3)) -> float:
    """Largest difference of the graphs from the network over a stream, with as many expressions as `counts` says."""
    generator, streaming = torch.Generator().manual_seed(3), Streaming(system)
    frames = clips(1, len(counts), seed=4)
    worst = 0.0
    for index, count in enumerate(counts):
        words = torch.randint(1, 12, (count, 4), generator=generator)
        words[0, 2:] = 0
        found = streaming.frame(frames[0, index], words)
        # One frame more than a window has of the past would be a window with a future.
        wanted = system(frames[:, max(0, index - system.window.before) : index + 1], words[None])[:3]
        worst = max(worst, *(float((ours - theirs[0]).abs().max()) for ours, theirs in zip(found, wanted, strict=True)))
    return worst


SIDE = 64
TINY = {"lastc_small": LASTC | {"before": 2, "after": 0}, "vlide_small": VLIDE | {"refs": 2, "positions": 18}}


def tiny_config(name: str) -> Config:
    config = next(one for one in configurations.CONFIGS if one.name == name)
    fields = {key: value for key, value in (COMMON | TINY[name]).items() if key not in ("vocabulary", "max_words")}
    return replace(
        config,
        name=f"tiny_{name}",
        network=replace(config.network, **fields),
        scenes=replace(config.scenes, scenes=6, height=SIDE, width=SIDE, clip=3, moving_share=0.5),
        clip=ClipFrames(past=2, stride=2),  # which only a folder of videos has a use for
        phases=(Phase("joint", steps=3, frames=2, expressions=2, learning_rate=1e-3, warm_up=1),),
        moving_share=0.5,
        unseen_scenes=2,
    )
