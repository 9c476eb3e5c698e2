"""One training step of the paper's network on the CPU, on an image and 20 words: seconds and the peak of memory.

python -m benchmarks.paper_step 320                  # the paper's size
python -m benchmarks.paper_step 160 --materialised   # Eq. 2-3 as they are written, with their (P * N)^2 matrix
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace

import torch
from torch import Tensor

from benchmarks.step_time import again_and_again, drawn_batch, peak_memory, timed
from model_training import configs
from model_training.learning.training import Training
from model_training.networks.cmsa.attention import CrossModalSelfAttention, PlainSoftmax
from model_training.networks.cmsa.multimodal import Pooled
from refseg_ros.command import program


def materialised(self: CrossModalSelfAttention, x: Tensor, e: Tensor, mask: Tensor, read: tuple[Tensor, ...]) -> Pooled:
    """Computes `CrossModalSelfAttention.forward` of the paper's network with a matrix of all pairs with all pairs."""
    parts = zip(self.from_spatial(x).chunk(3, -1), self.from_words(e).chunk(3, -1), strict=True)
    (query, b), (key, _), (value, _) = (
        ((spatial[..., :, None, :] + word[..., None, :, :]).flatten(-3, -2), word) for spatial, word in parts
    )
    positions, words = x.shape[-2], e.shape[-2]
    to_words = PlainSoftmax((key @ b.transpose(-1, -2)).unflatten(-2, (positions, words)).softmax(-1))
    weights = self.weigh(to_words.pooled(mask.to(x.dtype)).mean(-2), mask)
    attended = ((key @ query.transpose(-1, -2)).softmax(-1) @ value).unflatten(-2, (positions, words))
    pooled = torch.einsum("...n,...pnd->...pd", weights, attended)
    sentence = weights[..., None, :] @ e
    residual = [x.expand(*pooled.shape[:-2], -1, -1), sentence.expand(*pooled.shape[:-2], positions, -1)]
    return Pooled(self.output(pooled) + torch.cat(residual, -1), weights, sentence.squeeze(-2))


def step(size: int, steps: int) -> dict[str, float]:
    """Seconds of the first step and of a later one, and GB at the peak, with images of size x size pixels."""
    config = configs.load("paper_unc")
    config = replace(config, network=replace(config.network, height=size, width=size))
    torch.manual_seed(0)
    state = Training(config, torch.device("cpu"))
    times = timed(state, again_and_again(drawn_batch(state)), steps)
    return {"size": size, "first": times[0], "last": times[-1], "peak GB": peak_memory(state.device)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog=program(), description=__doc__.splitlines()[0])
    parser.add_argument("size", type=int, help="of the image, a multiple of 16")
    parser.add_argument("--steps", type=int, default=2, help="(default: 2)")
    parser.add_argument("--materialised", action="store_true", help="Eq. 2-3 with their matrix")
    options = parser.parse_args()
    if options.materialised:
        CrossModalSelfAttention.forward = materialised
    print(json.dumps(step(options.size, options.steps)))
