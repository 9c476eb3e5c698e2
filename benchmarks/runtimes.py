"""Runtimes against each other, in fp32, fp16 and int8."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from benchmarks.measuring import CORES, TEXT, Effort, Table, in_turn, milliseconds, ratio
from benchmarks.stages import given_to_graphs, in_float32, running
from model_training.configs.shipped import NETWORK
from model_training.networks.cmsa.fusion import ClipFeatures
from model_training.networks.refseg import ReferringSegmentation
from model_training.quantize import in_16_bits
from refseg_ros.engines.bundle import TABLETOP, Bundle

QUERY_WORDS = len(TEXT.split())


def torch_steps() -> dict[str, Callable[[], object]]:
    """Encoder and fusion in torch, with random weights."""
    torch.manual_seed(0)
    torch.set_num_threads(CORES)
    model = ReferringSegmentation(NETWORK).eval()
    image = torch.randint(0, 256, (1, NETWORK.height, NETWORK.width, 3), dtype=torch.uint8)
    words = torch.randint(2, NETWORK.vocabulary, (1, 1, QUERY_WORDS))
    with torch.inference_mode():
        clip, query = ClipFeatures(model.encoder(image).features), model.fusion.read(words)

    def encoder() -> None:
        with torch.inference_mode():
            model.encoder(image)

    def fusion() -> None:
        with torch.inference_mode():
            model.fusion.answer(clip, query)

    return {"encoder, torch": encoder, "fusion, torch": fusion}


def onnx_steps() -> dict[str, Callable[[], object]]:
    """The shipped encoder and fusion in ONNX Runtime, in fp32, fp16 and, where the bundle has it, int8."""
    bundle = Bundle.load(TABLETOP)
    given, plain = given_to_graphs(bundle), in_float32(bundle)
    halves = {name: in_16_bits(plain.contents[name]) for name in plain.manifest.graphs}
    bundles = {"fp32": plain, "fp16": replace(plain, contents={**plain.contents, **halves}), "int8": bundle}
    *_, levels, fusion = bundle.manifest.steps
    arrays = {name: array for graph in (*levels, *fusion) for name, array in given[graph].items()}
    steps: dict[str, Callable[[], object]] = {}
    for title, chosen, inputs in (
        ("encoder", bundle.manifest.steps[:1], given["encoder.onnx"]),
        ("fusion", (levels, fusion), arrays),
    ):
        for precision, one in bundles.items():
            steps[f"{title}, ONNX Runtime {precision}"] = running(one, chosen, inputs)
    return steps


def measure(effort: Effort) -> list[Table]:
    """The table of runtimes."""
    times = in_turn({**torch_steps(), **onnx_steps()}, effort)
    table = Table(
        f"Runtimes on {CORES} cores: the network of `tabletop`, one frame and one expression of {QUERY_WORDS} words",
        ["what", "ms", "torch fp32 takes"],
        notes=[
            "fp16 is meant for GPUs: on a CPU, what ONNX Runtime has no kernel for is converted and computed in fp32. "
            "In int8 are the wide convolutions, where the bundle ships such a graph."
        ],
    )
    for name, values in times.items():
        slow = times[f"{name.split(',')[0]}, torch"]
        table.rows.append([name, milliseconds(values), f"{ratio(slow, values):.2f} x"])
    return [table]
