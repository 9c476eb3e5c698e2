"""From trained weights to TensorRT engines: `python -m model_training.build_engine model.safetensors BUNDLE`.

Exports the bundle, adds the precision that is asked for, and builds with the robot's own builder. Run it where the
engines are to run.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from model_training import export, quantize
from refseg_ros.command import program
from refseg_ros.engines import build
from refseg_ros.engines.graphs import ENGINE_PRECISIONS


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog=program(), description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path, help="model.safetensors of a finished training run")
    parser.add_argument("bundle", type=Path, help="folder to write")
    parser.add_argument(
        "--precision", choices=ENGINE_PRECISIONS, default=build.BuildConfig.precision, help="of the engines"
    )
    parser.add_argument("--check", action="store_true", help="compile with TensorRT-RTX, without a GPU; builds nothing")
    options = parser.parse_args(arguments)
    folder, kind = str(options.bundle), ENGINE_PRECISIONS[options.precision]
    return (
        export.main([str(options.weights), folder])
        or (quantize.main([folder, kind]) if kind else 0)
        or build.main([folder, "--precision", options.precision, "--check" if options.check else "--rebuild"])
    )


if __name__ == "__main__":
    sys.exit(main())
