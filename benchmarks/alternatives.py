"""Times alternatives on the same cores: CLIPSeg, and OWL-ViT (words to boxes) with SAM (boxes to masks).

They have their published sizes and random weights, on which speed does not depend. One table has each as published:
theirs by transformers in torch, the forward passes alone; the shipped model from image to mask, as the robot runs it.
The other has CLIPSeg like for like: both networks as float32 ONNX files in ONNX Runtime, on as many pixels.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import transformers
from torch import Tensor, nn

from benchmarks.measuring import CORES, TEXT, Effort, Table, in_turn, milliseconds, ratio
from benchmarks.stages import in_float32, running
from refseg_ros import Segmenter
from refseg_ros.engines.bundle import TABLETOP, Bundle
from refseg_ros.engines.onnx import OnnxEngine
from refseg_ros.engines.reach import IMAGE
from refseg_ros.engines.reach import WORDS as WORD_IDS

WORDS = 8
"""Tokens of the expression with begin and end."""
ROUNDS = 2
"""At least, besides one to warm up: a round of the larger alternative takes half a minute on slow cores."""
SIDE, PATCH = 352, 16
"""Pixels of CLIPSeg's image and of its patches."""
FEWER = 224
"""Side with as many pixels as the shipped model's input, 256x192, to 2 %, in whole patches."""


def clipseg() -> transformers.CLIPSegForImageSegmentation:
    """CIDAS/clipseg-rd64-refined with random weights: CLIP ViT-B/16 for 224x224, decoder of width 64."""
    config = transformers.CLIPSegConfig(
        vision_config={"patch_size": PATCH, "image_size": 224}, use_complex_transposed_convolution=True
    )
    return transformers.CLIPSegForImageSegmentation(config).eval()


def clipseg_in_torch(model: nn.Module) -> Callable[[], object]:
    """CLIPSeg as transformers runs it."""
    image, words = torch.rand(1, 3, SIDE, SIDE), _words(49408)
    return lambda: model(pixel_values=image, input_ids=words, interpolate_pos_encoding=True).logits


class _Logits(nn.Module):
    """CLIPSeg from tensors to a tensor."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor, words: Tensor) -> Tensor:
        """(1, 3, H, W), (1, N) -> logits (1, H, W)."""
        logits: Tensor = self.model(pixel_values=image, input_ids=words, interpolate_pos_encoding=True).logits
        return logits


def clipseg_in_onnx(model: nn.Module, side: int) -> Callable[[], object]:
    """CLIPSeg in ONNX Runtime, float32, on a square image."""
    image, words = torch.rand(1, 3, side, side), _words(49408)
    program = torch.onnx.export(
        _Logits(model).eval(), (image, words), input_names=["image", "words"], dynamo=True, verbose=False
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clipseg.onnx"
        program.save(str(path), external_data=False)
        engine = OnnxEngine(path.read_bytes(), "CLIPSeg", CORES)
    inputs = {"image": image.numpy(), "words": words.numpy()}
    return lambda: engine.run(inputs)


def ours_in_onnx() -> Callable[[], object]:
    """The shipped network in ONNX Runtime, float32, from tensors (a still image and its words) to tensors."""
    bundle = in_float32(Bundle.load(TABLETOP))
    size, steps = bundle.manifest.input, [step for step in bundle.manifest.steps if "clip_1.onnx" not in step]
    image = np.random.default_rng(0).integers(0, 256, (1, size.height, size.width, 3), np.uint8)
    words = np.zeros((1, bundle.manifest.text.length), np.int64)
    words[:, :WORDS] = 2
    of_image = running(bundle, steps[:1], {IMAGE: image})
    known = {f"clip_{name}": array for name, array in of_image().items()}
    of_both = running(bundle, steps[1:], known | {WORD_IDS: words})
    return lambda: (of_image(), of_both())


def detector_and_segmenter() -> Callable[[], object]:
    """google/owlvit-base-patch32 at 768x768, and facebook/sam-vit-base at 1024x1024 with the best box."""
    detector = transformers.OwlViTForObjectDetection(transformers.OwlViTConfig()).eval()
    segmenter = transformers.SamModel(transformers.SamConfig()).eval()
    small, large = torch.rand(1, 3, 768, 768), torch.rand(1, 3, 1024, 1024)
    words = _words(49408)

    def run() -> Tensor:
        found = detector(pixel_values=small, input_ids=words)
        best = found.logits[0, :, 0].argmax()
        x, y, width, height = found.pred_boxes[0, best].tolist()
        corners = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
        box = 1024 * torch.tensor([[corners]]).clamp(0, 1)
        masks: Tensor = segmenter(pixel_values=large, input_boxes=box, multimask_output=False).pred_masks
        return masks

    return run


def _words(vocabulary: int) -> Tensor:
    """Ids of an expression; CLIP takes the vector of the greatest id, its end mark."""
    ids = torch.randint(1, vocabulary - 2, (1, WORDS))
    ids[0, 0], ids[0, -1] = vocabulary - 2, vocabulary - 1
    return ids


def measure(effort: Effort) -> list[Table]:
    """The tables of alternatives."""
    effort = replace(effort, least=ROUNDS, seconds=min(effort.seconds, 10.0))
    torch.set_num_threads(CORES)
    torch.manual_seed(0)
    model = clipseg()
    with torch.inference_mode():
        return [as_published(model, effort), like_for_like(model, effort)]


def as_published(model: nn.Module, effort: Effort) -> Table:
    """Theirs by transformers in torch, ours as the robot runs it."""
    segmenter = Segmenter(model=str(TABLETOP), threads=CORES, device="cpu")
    image = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    ours: Callable[[], object] = lambda: segmenter.segment(image, TEXT)  # noqa: E731
    table = Table(
        f"One image and one expression, each as published, on {CORES} cores",
        ["what", "ms", "refseg_ros takes ms", "refseg_ros is"],
        notes=[
            f"The alternatives ran in transformers {transformers.__version__} on torch {torch.__version__}: float32, "
            "weights at random, the forward passes alone. refseg_ros ran in ONNX Runtime with the wide convolutions in "
            "8 bits, from a 640x480 image to its mask, with an input of 256x192.",
            "**What they can do and refseg_ros can't:** as published they know photographs and words of any kind. "
            "`tabletop` knows simulated tabletops and 128 words; for your things you train one. **What it can do "
            "and they can't:** it looks at the frames before, so it can tell a rolling ball from a resting one, and "
            "it was trained on relations and order, and to say that a thing is not there.",
        ],
    )
    _compare(table, "clipseg", f"CLIPSeg (ViT-B/16, {SIDE}x{SIDE})", clipseg_in_torch(model), ours, effort)
    name = "OWL-ViT (B/32, 768x768) + SAM (ViT-B, 1024x1024)"
    _compare(table, "detector", name, detector_and_segmenter(), ours, effort)
    return table


def like_for_like(model: nn.Module, effort: Effort) -> Table:
    """The networks alone, in one runtime and precision."""
    table = Table(
        f"The networks alone: ONNX Runtime, float32, one still image and {WORDS} words, on {CORES} cores",
        ["what", "ms", "refseg_ros takes ms", "refseg_ros is"],
        notes=[
            f"CLIPSeg has weights at random. It ran at its published size, and at {FEWER}x{FEWER}, which has as many "
            "pixels as our 256x192."
        ],
    )
    ours = ours_in_onnx()
    for key, side in (("clipseg like for like", FEWER), ("clipseg onnx", SIDE)):
        _compare(table, key, f"CLIPSeg, {side}x{side}", clipseg_in_onnx(model, side), ours, effort)
    return table


def _compare(
    table: Table, key: str, name: str, theirs: Callable[[], object], ours: Callable[[], object], effort: Effort
) -> None:
    """Measure two steps in turn, and add a row to the table."""
    times = in_turn({"theirs": theirs, "ours": ours}, effort, warm_up=1)
    table.figures[key] = ratio(times["theirs"], times["ours"])
    shown = f"{table.figures[key]:.1f} x faster"
    table.rows.append([name, milliseconds(times["theirs"]), milliseconds(times["ours"]), shown])
