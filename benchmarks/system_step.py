"""Time one training step of a system in its published size: `python -m benchmarks.system_step lastc`."""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence

import torch

from benchmarks.step_time import peak_memory
from model_training.configs.head_weights import LBDT
from model_training.learning.fitting import device_of
from model_training.learning.head_losses import head_loss
from model_training.networks.kinds import KINDS
from refseg_ros.command import command, program

VOCABULARY = 30522


@command()
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line: one clip, one expression, forward, backward and Adam."""
    parser = argparse.ArgumentParser(prog=program(), description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--steps", type=int, default=2, help="timed steps, after a first (default: 2)")
    parser.add_argument("--device", type=device_of, default="cpu", help="cpu or cuda (default: cpu)")
    options = parser.parse_args(arguments)
    if options.steps < 1:
        raise ValueError(f"--steps is {options.steps}; it must be at least 1")
    device: torch.device = options.device
    kind = KINDS[options.kind]
    torch.manual_seed(0)
    system = kind.system(kind.config(vocabulary=VOCABULARY)).train().to(device)
    config = system.config
    parameters = sum(parameter.numel() for parameter in system.parameters())
    frames = system.window.frames
    clip = torch.randint(0, 256, (1, frames, config.height, config.width, 3), dtype=torch.uint8, device=device)
    words = torch.randint(1000, config.vocabulary, (1, 1, config.max_words), device=device)
    masks = (torch.rand(1, 1, config.height, config.width, device=device) < 0.2).float()
    optimiser = torch.optim.Adam(system.parameters(), lr=1e-5)
    times = []
    for _ in range(1 + options.steps):
        begun = time.perf_counter()
        optimiser.zero_grad()
        head_loss(system(clip, words), masks, torch.ones_like(masks), LBDT).backward()
        optimiser.step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - begun)
    place = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    size = f"{config.width}x{config.height}, {frames} frames, {place}"
    print(f"{options.kind}: {parameters / 1e6:.1f} M parameters, {size}")
    print(f"first step {times[0]:.2f} s, then {statistics.median(times[1:]):.2f} s")
    print(f"peak memory {peak_memory(device):.2f} GB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
