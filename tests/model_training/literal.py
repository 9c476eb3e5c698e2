"""The paper's equations as they are written, with every matrix materialised: what the package's networks must equal.

No batches and no padding: one clip, one expression of N real words. Parameters are read from the modules under test.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_training.networks.ablations.attention import ATTENTIONS
from model_training.networks.ablations.map_fusion import (
    ChannelGatedFusion,
    ConvolutionalLSTM,
    Deconvolution,
    PyramidPooling,
    SelfGated,
)
from model_training.networks.ablations.pairwise import PairwiseSelfAttention
from model_training.networks.ablations.recurrent import MultimodalLSTM
from model_training.networks.cmsa.attention import CrossModalSelfAttention
from model_training.networks.cmsa.cfsa import ClipProjection, CrossFrameSelfAttention
from model_training.networks.cmsa.gmlf import GatedMultiLevelFusion
from model_training.networks.layers.cosine import MAX_SCALE


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
    return vectors / (vectors.pow(2).sum(-1, keepdim=True) + 1e-8).sqrt()


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


def cross_modal(module: CrossModalSelfAttention, x: Tensor, e: Tensor, pooling: str = "word") -> Attended:
    """Eq. 2-5 on the whole f_pn, with the inner products that the module keeps, and any pooling in Eq. 4-5."""
    f = multimodal(x, e)
    weight = torch.cat([module.from_spatial.weight, module.from_words.weight], 1)
    w_q, w_k, w_v = weight.chunk(3)
    b_q, b_k, b_v = module.from_spatial.bias.chunk(3)
    spatial, kept = x.shape[-1], getattr(module, "kept", ATTENTIONS["cross-modal"])
    queries, keys = (
        [f[..., :spatial] @ w[:, :spatial].T + b, f[..., spatial:] @ w[:, spatial:].T]
        for w, b in ((w_q, b_q), (w_k, b_k))
    )
    if module.scale is not None:  # the parts that x_p and e_n contribute are of unit length each
        queries, keys = [unit(part) for part in queries], [unit(part) for part in keys]
        keys = [module.scale.clamp(max=MAX_SCALE) * part for part in keys]
    v = f @ w_v.T + b_v
    positions, words = f.shape[:2]
    logits = torch.zeros(positions, words, positions, words, dtype=f.dtype)
    of_pixel, of_word = keys
    to_pixel, to_word = queries
    for there, key, query in (
        (kept.pixel_to_pixel, of_pixel, to_pixel),
        (kept.word_to_pixel, of_word, to_pixel),
        (kept.pixel_to_word, of_pixel, to_word),
        (kept.word_to_word, of_word, to_word),
    ):
        if there:
            logits = logits + torch.einsum("qmd,pnd->pnqm", query, key)
    scores = logits.flatten(2).softmax(-1).unflatten(-1, (positions, words))  # Eq. 3
    attended = torch.einsum("pnqm,qmd->pnd", scores, v)  # Eq. 2
    f_hat = attended @ module.output.weight.T + module.output.bias + f
    received = scores.sum((0, 1, 2)) / positions
    return Attended(scores, *pool(pooling, f_hat, received, module.gain))


def pool(pooling: str, f_hat: Tensor, received: Tensor, gain: float) -> tuple[Tensor, Tensor]:
    """a_n and f^_p of f^_pn (P, N, C): Eq. 4-5, or the mean over the words, or the greatest of each channel."""
    equal = torch.full((f_hat.shape[1],), 1 / f_hat.shape[1], dtype=f_hat.dtype)
    if pooling == "max":
        return equal, torch.stack([f_hat[:, n] for n in range(f_hat.shape[1])]).amax(0)
    a = (gain * received).softmax(0) if pooling == "word" else equal
    return a, torch.einsum("n,pnc->pc", a, f_hat)


def pairwise(module: PairwiseSelfAttention, x: Tensor, e: Tensor, pooling: str) -> tuple[Tensor, Tensor]:
    """a_n and f^_p of the CVPR form: a ReLU after each projection; the greatest of each window are attended to."""
    f = multimodal(x, e)
    weight = torch.cat([module.from_spatial.weight, module.from_words.weight], 1)
    projected = f @ weight.T + module.from_spatial.bias
    q, k, v = (projected.clamp(min=0) if module.rectified else projected).chunk(3, -1)
    if module.scale is not None:
        q, k = unit(q), module.scale.clamp(max=MAX_SCALE) * unit(k)
    words, (height, width) = len(e), module.size
    whole = [range(words), range(height), range(width)]
    starts = itertools.product(*(along[::step] for along, step in zip(whole, module.key_pooling, strict=True)))
    seen_q, seen_v, first_words = [], [], []
    for start in starts:
        ends = [
            range(i, min(i + step, len(along))) for i, step, along in zip(start, module.key_pooling, whole, strict=True)
        ]
        window = [(y * width + x, n) for n, y, x in itertools.product(*ends)]
        seen_q.append(torch.stack([q[place] for place in window]).amax(0))
        seen_v.append(torch.stack([v[place] for place in window]).amax(0))
        first_words.append(start[0])
    scores = torch.einsum("kd,pnd->pnk", torch.stack(seen_q), k).softmax(-1)
    f_hat = torch.einsum("pnk,kd->pnd", scores, torch.stack(seen_v)) @ module.output.weight.T + module.output.bias
    f_hat = (f_hat.clamp(min=0) if module.rectified else f_hat) + f
    received = [scores[..., [i for i, first in enumerate(first_words) if first == n]].sum() for n in range(words)]
    return pool(pooling, f_hat, torch.stack(received) / len(f), module.gain)


def lstm_step(gates: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
    """Gates (..., 4 C) before their activations, the memory (..., C) -> the new state and memory."""
    take, keep, new, show = gates.chunk(4, -1)
    memory = 1 / (1 + (-keep).exp()) * memory + 1 / (1 + (-take).exp()) * new.tanh()
    return 1 / (1 + (-show).exp()) * memory.tanh(), memory


def lstm(module: nn.LSTM, words: Tensor) -> Tensor:
    """(N, C) -> the state after each word (N, H)."""
    state = memory = torch.zeros(module.hidden_size, dtype=words.dtype)
    states = []
    for word in words:
        gates = module.weight_ih_l0 @ word + module.bias_ih_l0 + module.weight_hh_l0 @ state + module.bias_hh_l0
        state, memory = lstm_step(gates, memory)
        states.append(state)
    return torch.stack(states)


def multimodal_lstm(module: MultimodalLSTM, x: Tensor, e: Tensor) -> tuple[Tensor, Tensor]:
    """f^_p (P, C) and the sentence (C_l,), a position and a word at a time."""
    states = lstm(module.language, e)
    weight = torch.cat([module.from_words.weight, module.from_spatial.weight], 1)
    rows = []
    for x_p in x:
        state = memory = torch.zeros(module.channels, dtype=x.dtype)
        for h_n, e_n in zip(states, e, strict=True):
            gates = weight @ torch.cat([h_n, e_n, x_p]) + module.from_spatial.bias + module.recurrent.weight @ state
            state, memory = lstm_step(gates, memory)
        rows.append(state)
    return torch.stack(rows), states[-1]


def pyramid_pooling(module: PyramidPooling, x: Tensor) -> Tensor:
    """(C, H, W) -> (C, H, W)."""
    _, height, width = x.shape
    parts = [x]
    for count, project in zip(module.BINS, module.bins, strict=True):
        means = torch.stack(
            [
                x[
                    :,
                    i * height // count : -(-(i + 1) * height // count),
                    j * width // count : -(-(j + 1) * width // count),
                ]
                .flatten(1)
                .mean(1)
                for i, j in itertools.product(range(count), range(count))
            ],
            -1,
        )
        coarse = (project.weight[:, :, 0, 0] @ means + project.bias[:, None]).clamp(min=0).unflatten(-1, (count, count))
        parts.append(F.interpolate(coarse[None], (height, width), mode="bilinear", align_corners=False)[0])
    return convolution_3x3(module.merge, torch.cat(parts)).clamp(min=0)


def deconvolution(module: Deconvolution, x: Tensor) -> Tensor:
    """(C, H, W) -> (C / 2, 4 H, 4 W): each number spreads over 4x4 of the larger map, at steps of 2."""
    for layer in (module.first, module.second):
        _, height, width = x.shape
        larger = torch.zeros(layer.out_channels, 2 * height + 2, 2 * width + 2, dtype=x.dtype)
        for y, x_ in itertools.product(range(height), range(width)):
            spread = torch.einsum("c,coij->oij", x[:, y, x_], layer.weight)
            around = torch.zeros_like(larger)
            around[:, 2 * y : 2 * y + 4, 2 * x_ : 2 * x_ + 4] = spread
            larger = larger + around
        x = (larger[:, 1:-1, 1:-1] + layer.bias[:, None, None]).clamp(min=0)
    return x


def convolutional_lstm(module: ConvolutionalLSTM, levels: list[Tensor]) -> Tensor:
    """(C, H, W) each, the deepest last -> (C, H, W)."""
    columns = [level.flatten(1).T for level in levels]  # (P, C)
    state = memory = torch.zeros_like(columns[0])
    for x in columns[::-1]:
        gates = torch.cat([x, state], 1) @ module.gates.weight[:, :, 0, 0].T + module.gates.bias
        state, memory = lstm_step(gates, memory)
    return state.T.unflatten(-1, levels[0].shape[1:])


def self_gated(module: SelfGated, levels: list[Tensor]) -> Tensor:
    """(C, H, W) each -> the sum of m^i X^i."""
    total = torch.zeros_like(levels[0])
    for gate, x in zip(module.gates, levels, strict=True):
        linear = torch.einsum("c,chw->hw", gate.weight[0, :, 0, 0], x) + gate.bias
        total = total + x / (1 + (-linear).exp())
    return total


def channel_gated(module: ChannelGatedFusion, levels: list[Tensor]) -> Tensor:
    """(C, H, W) each, of three levels -> (C, H, W)."""
    total = torch.zeros_like(levels[0])
    for i, (deeper, shallower) in enumerate([(2, 1), (2, 0), (1, 0)]):
        u, f, r = convolution_3x3(module.gates[i], levels[i]).chunk(3)
        f, r = 1 / (1 + (-f - 1).exp()), 1 / (1 + (-r - 1).exp())
        alpha = module.alpha[i]
        controller = alpha * f * levels[deeper] + (1 - alpha) * f * levels[shallower] + (1 - f) * u
        total = total + r * controller.tanh() + (1 - r) * levels[i]
    return total


def cross_frame(
    project: ClipProjection,
    module: CrossFrameSelfAttention,
    target: Tensor,
    frames: Tensor,
    cells: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Eq. 9-11: `target` (P, C_v) updated from its clip's features (T, P, C), and the weights (T,) of the frames.

    What is attended to are the features `cells` (T, G, C) of a coarser grid, where there is one.
    """
    cells = frames if cells is None else cells
    projected = isinstance(module.output, nn.Linear)
    w_q, w_k, *w_v = project.project.weight.chunk(3 if projected else 2)
    b_q, b_k, *b_v = project.project.bias.chunk(3 if projected else 2)
    q, k = cells @ w_q.T + b_q, frames @ w_k.T + b_k
    v = cells @ w_v[0].T + b_v[0] if projected else cells[..., : target.shape[-1]]  # V_t of Eq. 9 is what V is
    if project.scale is not None:
        q, k = unit(q), project.scale.clamp(max=MAX_SCALE) * unit(k)
    logits = torch.einsum("umd,tpd->tpum", q, k)
    scores = logits.flatten(2).softmax(-1).unflatten(-1, cells.shape[:2])  # Eq. 10
    attended = torch.einsum("tpum,umd->tpd", scores, v)  # Eq. 9
    weights = (scores.sum((0, 1, 3)) / frames.shape[1]).softmax(0)
    pooled = torch.einsum("t,tpd->pd", weights, attended)  # Eq. 11
    if projected:
        pooled = pooled @ module.output.weight.T + module.output.bias
    return target + pooled, weights


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
