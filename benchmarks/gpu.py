"""The lines of a GPU: CMSA in torch, as it is and compiled, and how near products of matrices come to its peak."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch

from benchmarks.cmsa import draw, factorised
from benchmarks.measuring import Effort, Table, in_turn, milliseconds, ratio

SIZE = (1600, 20, 512)
SIDE = 8192


def measure(effort: Effort) -> list[Table]:
    """The tables of a GPU; none where there is no GPU."""
    if not torch.cuda.is_available():
        return []
    positions, words, channels = SIZE
    parts = {name: part.cuda() for name, part in draw(*SIZE).items()}
    matrix = torch.randn(SIDE, SIDE, device="cuda")

    def finished(step: Callable[[], object]) -> Callable[[], object]:
        def whole() -> None:
            step()
            torch.cuda.synchronize()

        return whole

    forms = {name: partial(factorised, parts, pooled=name == "pooled") for name in ("paired", "pooled")}
    steps = {f"{name}, {how}": wrap(form) for name, form in forms.items() for how, wrap in WAYS.items()}
    times = in_turn(
        {name: finished(step) for name, step in {**steps, "product": lambda: matrix @ matrix}.items()}, effort
    )
    peak = 2 * SIDE**3 / times["product"].min()
    work = {
        "paired": 4 * positions**2 * words * channels,
        "pooled": 4 * positions**2 * (channels + words),
    }
    table = Table(
        f"CMSA on {torch.cuda.get_device_name()}, P, N, d = {positions}, {words}, {channels}, float32",
        ["form", "ms", "paired as it is takes", "of the measured peak"],
        notes=[f"The peak is that of a product of two matrices of {SIDE} x {SIDE}: {peak / 1e12:.1f} TFLOP/s."],
    )
    for name in steps:
        rate = work[name.split(",")[0]] / float(times[name].min())
        table.rows.append(
            [
                name,
                milliseconds(times[name]),
                f"{ratio(times['paired, as it is'], times[name]):.2f} x",
                f"{rate / peak:.0%}",
            ]
        )
    return [table]


WAYS: dict[str, Callable[[Callable[[], object]], Callable[[], object]]] = {
    "as it is": lambda form: form,
    "compiled": torch.compile,
}
