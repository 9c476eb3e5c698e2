"""Add graphs in 16 bits to a bundle without measuring what they cost: `python -m benchmarks.half_precision BUNDLE`.

For a trial of runtimes. For a robot, use `python -m model_training.quantize`, which measures.
"""

from __future__ import annotations

import sys
from pathlib import Path

from model_training.quantize import in_16_bits
from refseg_ros.engines import bundle as bundles
from refseg_ros.engines.bundle import Bundle
from refseg_ros.engines.graphs import ENGINE_PRECISIONS, graph_file


def main() -> int:
    """The command line."""
    folder = Path(sys.argv[1])
    bundle = Bundle.load(folder)
    halves = {
        graph_file(name, ENGINE_PRECISIONS["fp16"]): in_16_bits(bundle.contents[name])
        for name in bundle.manifest.graphs
    }
    bundles.write(folder, bundle.manifest, {**bundle.contents, **halves})
    return 0


if __name__ == "__main__":
    sys.exit(main())
