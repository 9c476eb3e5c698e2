"""Peak memory and time of one forward pass of the paper's network at its full size: 320x320, 20 words, on the CPU."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

import torch

from benchmarks.measuring import CORES, Effort, Table
from model_training import configs
from model_training.networks.refseg import ReferringSegmentation

PASSES = {"still image": 1, "clip of 11 frames": 11}


def forward(frames: int) -> dict[str, float]:
    """Gigabytes before and at the peak, and seconds, of one pass over a clip of `frames`, in this process."""
    torch.manual_seed(0)
    torch.set_num_threads(CORES)
    config = configs.load("paper").network
    model = ReferringSegmentation(config).eval()
    clip = torch.randint(0, 256, (1, frames, config.height, config.width, 3), dtype=torch.uint8)
    words = torch.randint(2, config.vocabulary, (1, 1, config.max_words))
    before = _peak()
    begun = time.perf_counter()
    with torch.inference_mode():
        model(clip, words)
    return {"loaded": before, "peak": _peak(), "seconds": time.perf_counter() - begun}


def _peak() -> float:
    """Largest resident set of this process so far, GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def measure(effort: Effort) -> list[Table]:
    """The table of the paper's network."""
    config = configs.load("paper").network
    positions = (config.height // 8) * (config.width // 8)
    matrix = 4 * (positions * config.max_words) ** 2 / 1e9
    table = Table(
        "The `paper` configuration at full size, one pass each: weights at random, which changes neither",
        ["what", "torch and weights", "peak memory", "time", "its peak, of one level's materialised matrix"],
        notes=[f"The (P·N)² matrix of a single level takes {matrix:.1f} GB, and there are three levels."],
    )
    for name, frames in PASSES.items():
        if frames > 1 and not effort.whole:
            continue
        command = [sys.executable, "-m", "benchmarks.paper", str(frames)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        table.rows.append(
            [
                name,
                f"{found['loaded']:.2f} GB",
                f"{found['peak']:.2f} GB",
                f"{found['seconds']:.1f} s",
                f"{found['peak'] / matrix:.2f} x",
            ]
        )
    return [table]


if __name__ == "__main__":
    print(json.dumps(forward(int(sys.argv[1]))))
