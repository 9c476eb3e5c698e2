"""Peak memory and time of one forward pass of the paper's network at its full size, on the CPU.

    python benchmarks/paper_memory.py

320x320 pixels, 20 words, one expression; a still image, and a clip of 11 frames. Each pass runs in a process of its
own, so that its peak is its own. The weights are at random: they change neither.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

import torch

from model_training import configs
from model_training.networks.refseg import ReferringSegmentation


def measure(frames: int) -> dict[str, float]:
    """Gigabytes before and at the peak, and seconds, of one forward pass over a clip of `frames`."""
    torch.manual_seed(0)
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


def main() -> None:
    """Measure each in a process of its own, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--frames", type=int, help="measure one pass in this process, and print it as JSON")
    options = parser.parse_args()
    if options.frames:
        print(json.dumps(measure(options.frames)))
        return
    print(f"{'':<18}{'loaded':>10}{'peak':>10}{'time':>10}   ({torch.get_num_threads()} threads)")
    for name, frames in (("still image", 1), ("clip of 11 frames", 11)):
        command = [sys.executable, __file__, "--frames", str(frames)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(f"{name:<18}{found['loaded']:>7.2f} GB{found['peak']:>7.2f} GB{found['seconds']:>8.1f} s")


if __name__ == "__main__":
    main()
