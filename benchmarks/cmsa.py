"""CMSA in its two factorised forms against the materialised one: time and peak memory over P, N and d."""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor

from benchmarks.measuring import CORES, Effort, Table, in_turn, megabytes, milliseconds, peak_of, ratio
from model_training.networks.cmsa.attention import FactoredSoftmax, paired_attention, pooled_attention

SIZES = [(100, 20, 512), (432, 5, 64), (432, 16, 64), (400, 20, 128), (400, 20, 512), (1600, 20, 512)]
"""P, N, d; the last one is the paper's, the second and third those of a `tabletop` of 192x144."""

SHARE = 0.5
"""The materialised form is run if its matrix and the softmax of it take at most this share of the free memory."""
QUICK = 1e9
"""The same limit in a quick run, in bytes."""

Parts = dict[str, Tensor]


def draw(positions: int, words: int, channels: int) -> Parts:
    """The parts of queries, keys and values, with logits as small as bounded ones are."""
    torch.manual_seed(0)
    sides = {**dict.fromkeys("ace", positions), **dict.fromkeys("bdf", words)}
    return {name: torch.randn(count, channels) / math.sqrt(channels) for name, count in sides.items()} | {
        "weights": torch.full((words,), 1 / words)
    }


@torch.inference_mode()
def materialised(x: Parts) -> Tensor:
    """Eq. 2-5 as written: every pair (p, n) to every pair (p', n')."""
    query, key, value = (
        (spatial[:, None] + word).flatten(0, 1)
        for spatial, word in ((x["a"], x["b"]), (x["c"], x["d"]), (x["e"], x["f"]))
    )
    attended = (key @ query.T).softmax(-1) @ value
    return torch.einsum("n,pnd->pd", x["weights"], attended.unflatten(0, (len(x["a"]), -1)))


@torch.no_grad()  # `benchmarks.gpu` compiles it, and torch cannot compile in inference mode
def factorised(x: Parts, pooled: bool) -> Tensor:
    """The result of `materialised` by the pooled or the paired form."""
    attend = pooled_attention if pooled else paired_attention
    mask = torch.ones(len(x["b"]), dtype=torch.bool, device=x["b"].device)
    to_words = FactoredSoftmax.of(x["c"] @ x["b"].T, x["d"] @ x["b"].T, mask)
    return attend(x["a"], x["c"], x["d"], x["e"], x["weights"]) + to_words.pooled(x["weights"]) @ x["f"]


def matrix_bytes(positions: int, words: int) -> int:
    """Bytes of the (P * N)^2 matrix and its softmax, float32."""
    return 2 * 4 * (positions * words) ** 2


def free_memory() -> int:
    """Bytes that the kernel calls available."""
    with open("/proc/meminfo") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith("MemAvailable"))


def measure(effort: Effort) -> list[Table]:
    """The table of CMSA."""
    torch.set_num_threads(1)  # a process that has run threads cannot be forked
    most = SHARE * free_memory() if effort.whole else QUICK
    fits = {size: matrix_bytes(*size[:2]) <= most for size in SIZES}
    forms = {"materialised": materialised, "paired": partial(factorised, pooled=False)}
    forms["pooled"] = partial(factorised, pooled=True)
    peaks = {
        (size, name): peak_of(partial(form, draw(*size)))
        for size in SIZES
        for name, form in forms.items()
        if name != "materialised" or fits[size]
    }
    torch.set_num_threads(CORES)
    table = Table(
        "CMSA, one level: pooled and paired form against the materialised one",
        ["P, N, d", "materialised ms", "paired ms", "pooled ms", "paired is", "pooled is"]
        + ["materialised MB", "paired MB", "pooled MB", "pooled needs"],
        labels=("P (N = 20, d = 512)", "ms"),
    )
    scaled = None
    for size in SIZES:
        positions, words, channels = size
        x = draw(*size)
        steps = {name: partial(form, x) for name, form in forms.items() if name != "materialised" or fits[size]}
        times = in_turn(steps, effort, warm_up=1)
        mark = ""
        if fits[size]:
            whole, memory = times["materialised"], float(peaks[size, "materialised"])
            if (words, channels) == (20, 512):
                scaled = (positions, whole)
        else:
            mark = "*"
            assert scaled is not None
            whole, memory = scaled[1].mean() * (positions / scaled[0]) ** 2, float(matrix_bytes(positions, words))
        less, faster = memory / peaks[size, "pooled"], _faster(whole, times["pooled"])
        table.rows.append(
            [
                f"{positions}, {words}, {channels}",
                milliseconds(whole) + mark,
                milliseconds(times["paired"]),
                milliseconds(times["pooled"]),
                f"{_faster(whole, times['paired']):.1f} x faster{mark}",
                f"{faster:.1f} x faster{mark}",
                megabytes(memory) + mark,
                megabytes(peaks[size, "paired"]),
                megabytes(peaks[size, "pooled"]),
                f"{less:.0f} x less{mark}",
            ]
        )
        if (words, channels) == (20, 512):
            table.figures |= {f"cmsa {positions}": faster, f"cmsa {positions} memory": less}
            for name, value in {"materialised": whole, **{n: t for n, t in times.items() if n in forms}}.items():
                x_axis, y_axis = table.curves.setdefault(name, ([], []))
                x_axis.append(positions)
                y_axis.append(float(1e3 * torch.as_tensor(value).median()))
    if not all(fits.values()):
        table.notes.append(
            f"\\* by its formula, as its matrix and softmax would take more than {most / 1e9:.1f} GB, "
            f"{f'{SHARE:.0%} of the free memory' if effort.whole else 'the most of a quick run'}: the time of the size "
            "before times the square of the ratio of P, and the bytes of the matrix and its softmax alone."
        )
    return [table]


def _faster(whole: object, times: object) -> float:
    """How many times faster, round by round if both were run."""
    slow, fast = torch.as_tensor(whole).numpy(), torch.as_tensor(times).numpy()
    return ratio(slow, fast) if slow.shape == fast.shape else float(slow / torch.as_tensor(times).median())
