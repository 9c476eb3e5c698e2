"""Rules for ONNX graphs: the same result in fewer operations, and graphs that they do not hold for stay as they are."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from model_training.graphs import onnx_file
from model_training.networks.base import Graph
from refseg_ros.engines.onnx import OnnxEngine

QUERIES, POSITIONS, SPATIAL, WORDS, CHANNELS, WIDTH = 3, 7, 5, 4, 6, 8


class Residual(nn.Module):
    """A round of CMSA from what is attended to on; in the first, the positions are the same for all expressions."""

    def __init__(self) -> None:
        super().__init__()
        self.output, self.project = nn.Linear(CHANNELS, SPATIAL + WORDS), nn.Linear(SPATIAL + WORDS, WIDTH)

    def forward(self, attended: Tensor, x: Tensor, sentence: Tensor) -> tuple[Tensor]:
        """(Q, P, C), (1 or Q, P, spatial), (Q, 1, words) -> (Q, P, width)."""
        lead = attended.shape[:-2]
        residual = torch.cat([x.expand(*lead, -1, -1), sentence.expand(*lead, x.shape[-2], -1)], -1)
        return (self.project(self.output(attended) + residual),)


class Learned(Residual):
    """The second map is an input's too, so it is no constant."""

    def forward(self, attended: Tensor, x: Tensor, sentence: Tensor) -> tuple[Tensor]:
        """As Residual."""
        lead = attended.shape[:-2]
        residual = torch.cat([x.expand(*lead, -1, -1), sentence.expand(*lead, x.shape[-2], -1)], -1)
        summed = self.output(attended) + residual
        return (summed @ (self.project.weight.T * sentence.mean()) + self.project.bias,)


class Repeated(nn.Module):
    """A convolution of an image whose channels, or rows, are all the same."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3, stride=2, padding=1)

    def forward(self, image: Tensor) -> tuple[Tensor]:
        """(B, 1, 6, W) or (B, 3, 1, W) -> (B, 4, 3, W / 2)."""
        return (self.convolution(image.expand(-1, 3, 6, -1)).relu(),)


class Rows(nn.Module):
    """A linear map of an array with four axes."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """(Q, ..., 6) -> (Q, ..., 5)."""
        return (self.linear(x).relu(),)


def examples(lead: int) -> dict[str, Tensor]:
    """Inputs of a round."""
    torch.manual_seed(0)
    return {
        "attended": torch.randn(QUERIES, POSITIONS, CHANNELS),
        "x": torch.randn(lead, POSITIONS, SPATIAL),
        "sentence": torch.randn(QUERIES, 1, WORDS),
    }


def check(module: nn.Module, known: dict[str, Tensor], dynamic: set[str], axis: str) -> Counter[str]:
    """ONNX Runtime says what torch does, for this and for one row; how many operations of each kind it takes."""
    inputs = {name: {0: axis} if name in dynamic else {} for name in known}
    file = onnx_file(Graph("graph", module.eval(), inputs, ("made",)), known)
    engine = OnnxEngine(file, "graph", 1)
    for rows in (slice(None), slice(1)):
        given = {name: array[rows] if name in dynamic else array for name, array in known.items()}
        (made,) = module(*given.values())
        ours = engine.run({name: array.numpy() for name, array in given.items()})["made"]
        assert ours.shape == tuple(made.shape) and np.abs(ours - made.detach().numpy()).max() < 1e-5
    return Counter(node.op_type for node in onnx.load_from_string(file).graph.node)


@pytest.mark.parametrize("lead", [1, QUERIES])
def test_maps_of_maps_and_residuals_are_one(lead: int) -> None:
    dynamic = {"attended", "sentence"} | ({"x"} if lead > 1 else set())
    taken = check(Residual(), examples(lead), dynamic, "queries")
    assert not taken.keys() & {"Concat", "Expand"} and taken["MatMul"] + taken["Gemm"] == 3, taken


def test_a_map_that_is_not_constant_stays() -> None:
    taken = check(Learned(), examples(QUERIES), {"attended", "x", "sentence"}, "queries")
    assert taken.keys() >= {"Expand", "Concat"}, taken


def test_channels_that_are_the_same_are_convolved_once() -> None:
    torch.manual_seed(0)
    taken = check(Repeated(), {"image": torch.randn(2, 1, 6, 8)}, {"image"}, "batch")
    assert "Expand" not in taken and taken["Conv"] == 1, taken


def test_rows_that_are_the_same_are_no_channels() -> None:
    torch.manual_seed(0)
    taken = check(Repeated(), {"image": torch.randn(2, 3, 1, 8)}, {"image"}, "batch")
    assert taken["Expand"] == 1, taken


def test_a_linear_map_adds_its_bias_by_the_way() -> None:
    torch.manual_seed(0)
    taken = check(Rows(), {"x": torch.randn(3, 2, 7, 6)}, {"x"}, "queries")
    assert taken["Gemm"] == 1 and not taken.keys() & {"MatMul", "Add"}, taken
