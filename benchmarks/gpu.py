"""Measure a GPU: CMSA in torch, plain and compiled, against the peak, and a frame in each runtime.

`python -m benchmarks.gpu --device cpu` does the same without a GPU, with smaller sizes. Not tried on a GPU yet.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from benchmarks.cmsa import draw, factorised
from benchmarks.measuring import CORES, TEXT, Effort, Table, in_turn, milliseconds, ratio
from model_training.learning.fitting import device_of
from refseg_ros import BundleError, Segmenter
from refseg_ros.engines.bundle import TABLETOP

RUNTIMES = (("cpu", "onnx"), ("cuda", "onnx"), ("cuda", "tensorrt"))
SIZES = {"cuda": (1600, 20, 512), "cpu": (100, 5, 64)}
"""P, N and d of CMSA."""
SIDES = {"cuda": 8192, "cpu": 512}
"""Side of the matrices whose product measures the peak."""


def measure(effort: Effort) -> list[Table]:
    """The tables of a GPU; none if there is no GPU."""
    return [cmsa(effort, torch.device("cuda")), frame(effort)] if torch.cuda.is_available() else []


def frame(effort: Effort) -> Table:
    """The table of the runtimes that can run here, from image to mask."""
    image = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    steps, missing = {}, []
    for device, engine in RUNTIMES:
        try:
            segmenter = Segmenter(model=str(TABLETOP), threads=CORES, device=device, engine=engine)
        except BundleError as error:
            missing.append(f"{engine} on {device}: {error}")
            continue
        steps[f"{engine} on {device}"] = partial(segmenter.segment, image, TEXT)
    times = in_turn(steps, effort)
    slow = next(iter(times.values()))
    title = "A still image of 640x480 and one expression of five words with `tabletop`, by runtime"
    rows = [[name, milliseconds(values), f"{ratio(slow, values):.2f} x"] for name, values in times.items()]
    return Table(title, ["runtime", "ms", "the first takes"], rows, missing)


def cmsa(effort: Effort, device: torch.device) -> Table:
    """The table of CMSA in torch."""
    positions, words, channels = SIZES[device.type]
    side = SIDES[device.type]
    parts = {name: part.to(device) for name, part in draw(positions, words, channels).items()}
    matrix = torch.randn(side, side, device=device)

    def finished(step: Callable[[], object]) -> Callable[[], object]:
        def whole() -> None:
            step()
            if device.type == "cuda":
                torch.cuda.synchronize(device)

        return whole

    forms = {name: partial(factorised, parts, pooled=name == "pooled") for name in ("paired", "pooled")}
    steps = {f"{name}, {how}": wrap(form) for name, form in forms.items() for how, wrap in WAYS.items()}
    times = in_turn(
        {name: finished(step) for name, step in {**steps, "product": lambda: matrix @ matrix}.items()}, effort
    )
    peak = 2 * side**3 / times["product"].min()
    work = {
        "paired": 4 * positions**2 * words * channels,
        "pooled": 4 * positions**2 * (channels + words),
    }
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "the CPU"
    table = Table(
        f"CMSA on {name}, P, N, d = {positions}, {words}, {channels}, float32",
        ["form", "ms", "paired as it is takes", "of the measured peak"],
        notes=[f"The peak is that of a product of two matrices of {side} x {side}: {peak / 1e12:.1f} TFLOP/s."],
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
    return table


WAYS: dict[str, Callable[[Callable[[], object]], Callable[[], object]]] = {
    "as it is": lambda form: form,
    "compiled": torch.compile,
}


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", type=device_of, default="cuda", help="cpu or cuda (default: cuda)")
    options, effort = parser.parse_args(), Effort(seconds=4.0, least=3, most=21)
    for table in (cmsa(effort, options.device), frame(effort)):
        print("\n".join([table.title, *map("  ".join, [table.columns, *table.rows]), *table.notes]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
