"""What one could use instead, on the same cores: CLIPSeg, and OWL-ViT (words to boxes) with SAM (boxes to masks).

In their published sizes, with weights at random, on which speed does not depend; of them the forward passes alone are
measured, of the shipped model all from the image to the mask.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
import transformers
from torch import Tensor

from benchmarks.measuring import CORES, TEXT, Effort, Table, in_turn, milliseconds, ratio
from refseg_ros import Segmenter

WORDS = 8
"""Tokens of the expression with begin and end."""
ROUNDS = 2
"""At least, beside one to warm up: a round of the greater one takes half a minute on slow cores."""


def clipseg() -> Callable[[], object]:
    """CIDAS/clipseg-rd64-refined: CLIP ViT-B/16, decoder of width 64, at 352x352."""
    config = transformers.CLIPSegConfig(vision_config={"patch_size": 16}, text_config={})
    model = transformers.CLIPSegForImageSegmentation(config).eval()
    image, words = torch.rand(1, 3, 352, 352), _words(49408)
    return lambda: model(pixel_values=image, input_ids=words, interpolate_pos_encoding=True).logits


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
    """The table of alternatives."""
    effort = replace(effort, least=ROUNDS, seconds=min(effort.seconds, 10.0))
    torch.set_num_threads(CORES)
    torch.manual_seed(0)
    segmenter = Segmenter(threads=CORES, device="cpu")
    image = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    ours: Callable[[], object] = lambda: segmenter.segment(image, TEXT)  # noqa: E731
    names = {
        "clipseg": ("CLIPSeg (ViT-B/16, 352x352)", clipseg),
        "detector": ("OWL-ViT (B/32, 768x768) + SAM (ViT-B, 1024x1024)", detector_and_segmenter),
    }
    table = Table(
        f"One image and one expression, on {CORES} cores",
        ["what", "ms", "of it refseg_ros takes ms", "refseg_ros is"],
        notes=[
            f"transformers {transformers.__version__} on torch {torch.__version__}, float32, weights at random; "
            "without their pre- and post-processing, while refseg_ros is measured from the 640x480 image to its mask."
        ],
    )
    for key, (name, build) in names.items():
        run = build()

        def step(run: Callable[[], object] = run) -> None:
            with torch.inference_mode():
                run()

        times = in_turn({"theirs": step, "ours": ours}, effort, warm_up=1)
        table.figures[key] = ratio(times["theirs"], times["ours"])
        table.rows.append(
            [
                name,
                milliseconds(times["theirs"]),
                milliseconds(times["ours"]),
                f"{table.figures[key]:.0f} x faster",
            ]
        )
    return [table]
