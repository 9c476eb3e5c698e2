"""The paper's equations as they are written, with every matrix materialised: what the package's networks must equal.

No batches and no padding: one clip, one expression of N real words. Parameters are read from the modules under test.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import torch
from torch import Tensor, nn

from model_training.networks.cfsa import ClipProjection, CrossFrameSelfAttention
from model_training.networks.cmsa import MAX_SCALE, CrossModalSelfAttention
from model_training.networks.gmlf import GatedMultiLevelFusion


def coordinates(height: int, width: int) -> Tensor:
    """s_p (H*W, 8): three horizontal positions, three vertical ones, and the cell's size; the image spans -1..1."""
    rows = []
    for y, x in itertools.product(range(height), range(width)):
        left, right = -1 + 2 * x / width, -1 + 2 * (x + 1) / width
        top, bottom = -1 + 2 * y / height, -1 + 2 * (y + 1) / height
        middle = (left + right) / 2, (top + bottom) / 2
        rows.append([left, middle[0], right, top, middle[1], bottom, 1 / width, 1 / height])
    return torch.tensor(rows, dtype=torch.float64)


def unit(vectors: Tensor) -> Tensor:
    """V / ||v||_2 of each vector in the last axis."""
    return vectors / vectors.pow(2).sum(-1, keepdim=True).sqrt()


def multimodal(x: Tensor, e: Tensor) -> Tensor:
    """Eq. 1: f_pn (P, N, C) of x_p = [v_p ; s_p] and e_n, by concatenation."""
    return torch.stack([torch.stack([torch.cat([x_p, e_n]) for e_n in e]) for x_p in x])


class Attended(NamedTuple):
    """What Eq. 2-5 give."""

    scores: Tensor
    """a (P, N, P', N') of Eq. 3."""
    words: Tensor
    """a_n (N,) of Eq. 4, read as attention received."""
    pooled: Tensor
    """f^_p (P, C) of Eq. 5."""


def cross_modal(module: CrossModalSelfAttention, x: Tensor, e: Tensor) -> Attended:
    """Eq. 2-5 on the whole f_pn."""
    f = multimodal(x, e)
    weight = torch.cat([module.from_spatial.weight, module.from_words.weight], 1)
    w_q, w_k, w_v = weight.chunk(3)
    b_q, b_k, b_v = module.from_spatial.bias.chunk(3)
    if module.scale is None:
        q, k = f @ w_q.T + b_q, f @ w_k.T + b_k
    else:  # the parts that x_p and e_n contribute are of unit length each
        spatial, scale = x.shape[-1], module.scale.clamp(max=MAX_SCALE)
        q, k = (
            unit(f[..., :spatial] @ w[:, :spatial].T + b) + unit(f[..., spatial:] @ w[:, spatial:].T)
            for w, b in ((w_q, b_q), (w_k, b_k))
        )
        k = scale * k
    v = f @ w_v.T + b_v
    positions, words = f.shape[:2]
    logits = torch.einsum("qmd,pnd->pnqm", q, k)
    scores = logits.flatten(2).softmax(-1).unflatten(-1, (positions, words))  # Eq. 3
    attended = torch.einsum("pnqm,qmd->pnd", scores, v)  # Eq. 2
    f_hat = attended @ module.output.weight.T + module.output.bias + f
    received = scores.sum((0, 1, 2)) / positions
    a = (module.gain * received).softmax(0)  # Eq. 4
    return Attended(scores, a, torch.einsum("n,pnc->pc", a, f_hat))  # Eq. 5


def cross_frame(
    project: ClipProjection, module: CrossFrameSelfAttention, target: Tensor, frames: Tensor
) -> tuple[Tensor, Tensor]:
    """Eq. 9-11: `target` (P, C_v) updated from its clip's features (T, P, C), and the weights (T,) of the frames."""
    w_q, w_k, w_v = project.project.weight.chunk(3)
    b_q, b_k, b_v = project.project.bias.chunk(3)
    q, k, v = frames @ w_q.T + b_q, frames @ w_k.T + b_k, frames @ w_v.T + b_v
    if project.scale is not None:
        q, k = unit(q), project.scale.clamp(max=MAX_SCALE) * unit(k)
    count, positions = frames.shape[:2]
    logits = torch.einsum("umd,tpd->tpum", q, k)
    scores = logits.flatten(2).softmax(-1).unflatten(-1, (count, positions))  # Eq. 10
    attended = torch.einsum("tpum,umd->tpd", scores, v)  # Eq. 9
    weights = (scores.sum((0, 1, 3)) / positions).softmax(0)
    pooled = torch.einsum("t,tpd->pd", weights, attended)  # Eq. 11
    return target + pooled @ module.output.weight.T + module.output.bias, weights


def gated_fusion(module: GatedMultiLevelFusion, levels: list[Tensor]) -> Tensor:
    """Eq. 6, and the sum of Eq. 7: X^i (C, H, W) each -> (C, H, W)."""
    memory, reset = [], []
    for gate, x in zip(module.gates, levels, strict=True):
        linear = torch.einsum("gc,chw->ghw", gate.weight[:, :, 0, 0], x) + gate.bias[:, None, None]
        memory.append(1 / (1 + (-linear[:1]).exp()))
        reset.append(1 / (1 + (-linear[1:]).exp()))
    total = torch.zeros_like(levels[0])
    for i, x in enumerate(levels):
        controller = (1 - memory[i]) * x
        for j, other in enumerate(levels):
            if j != i:
                controller = controller + module.gamma[j] * memory[j] * other
        total = total + reset[i] * controller.tanh() + (1 - reset[i]) * x
    return total


def convolution_3x3(module: nn.Conv2d, image: Tensor) -> Tensor:
    """(C, H, W) -> (outputs, H, W): zeros around the image, nine taps."""
    _, height, width = image.shape
    around = torch.zeros(image.shape[0], height + 2, width + 2, dtype=image.dtype)
    around[:, 1:-1, 1:-1] = image
    taps = [
        torch.einsum("oc,chw->ohw", module.weight[:, :, i, j], around[:, i : i + height, j : j + width])
        for i, j in itertools.product(range(3), range(3))
    ]
    return torch.stack(taps).sum(0) + module.bias[:, None, None]


def cross_entropy(probability: Tensor, truth: Tensor) -> Tensor:
    """Eq. 8."""
    terms = truth * probability.log() + (1 - truth) * (1 - probability).log()
    return -terms.sum() / truth.numel()
