"""Build TensorRT engines of a bundle, on the machine that will run them: `ros2 run refseg_ros build_engine BUNDLE`.

    python -m refseg_ros.engines.build BUNDLE --precision fp16
    python -m refseg_ros.engines.build BUNDLE --check        compiles with TensorRT-RTX, which needs no GPU for that

Exit code 0 when the engines are there and fit; 2 with one line on stderr when they do not.
Building for a GPU that is there was not tried yet; --check was.
"""

from __future__ import annotations

import argparse
import dataclasses
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from refseg_ros.command import command, program, refuse_without_effect
from refseg_ros.config import Settings, add_option, setting
from refseg_ros.engines import stored
from refseg_ros.engines.bundle import Bundle
from refseg_ros.engines.compiler import AHEAD_OF_TIME, Limits, compile_engine
from refseg_ros.engines.cuda import Gpu, first_gpu
from refseg_ros.engines.graphs import ENGINE_PRECISIONS, of_precision
from refseg_ros.engines.onnx import OnnxEngine
from refseg_ros.engines.parity import TOLERANCE, difference, samples
from refseg_ros.engines.passport import QUERIES, Passport
from refseg_ros.engines.tensorrt import LIBRARIES, TensorRTEngine, library
from refseg_ros.errors import BundleError, UnavailableError
from refseg_ros.files import write_bytes


@dataclass(frozen=True)
class BuildConfig(Settings):
    """What to build."""

    precision: str = setting(
        f"{', '.join(ENGINE_PRECISIONS)}; other than fp32 the bundle must have it",
        default="fp32",
        choices=tuple(ENGINE_PRECISIONS),
    )
    queries: int = setting("expressions at once, at most", default=8, range=QUERIES)
    cameras: int = setting("images at once, at most", default=4, range=(1, 1024))


def build(bundle: Bundle, trt: ModuleType, gpu: Gpu, config: BuildConfig) -> dict[str, Passport]:
    """Build an engine of each graph of a bundle, and write it to the bundle if it agrees with ONNX Runtime.

    Returns:
        Graph -> the passport of its engine.

    Raises:
        BundleError: a graph is refused, or its engine differs too much from ONNX Runtime.
        EngineError: an engine does not run.
        OSError: the folder cannot be written to.
    """
    cache = bundle.folder / f"{trt.__name__}.timing_cache"
    timing = cache.read_bytes() if cache.is_file() else b""
    ids = len(bundle.tokenizer())
    references = {name: OnnxEngine(bundle.contents[name], name, 0) for name in bundle.manifest.graphs}
    inputs = samples(bundle.manifest, ids, references)
    passports = {}
    for name, reference in references.items():
        source = of_precision(bundle, name, config.precision)
        plan, timing = compile_engine(trt, bundle.contents[source], source, _limits(bundle, config), timing)
        write_bytes(cache, timing)
        parity = difference(TensorRTEngine(trt, gpu, plan, source), reference, inputs[name])
        if parity > TOLERANCE[config.precision]:
            raise BundleError(
                f"{source}: its engine differs by {parity:.2g} from ONNX Runtime, more than "
                f"{TOLERANCE[config.precision]:g}; it was not kept"
            )
        passports[name] = Passport(
            **dataclasses.asdict(stored.machine(trt, gpu)),
            precision=config.precision,
            onnx=stored.sha256(bundle.contents[source]),
            engine=stored.sha256(plan),
            queries=config.queries,
            cameras=config.cameras,
            parity=parity,
        )
        stored.write(bundle, name, plan, passports[name])
    return passports


def compile_ahead(bundle: Bundle, config: BuildConfig) -> dict[str, int]:
    """Compile all graphs with TensorRT-RTX for AHEAD_OF_TIME, which needs no GPU, and keep nothing.

    Returns:
        File -> size of its engine in bytes.

    Raises:
        BundleError: a graph is refused, or TensorRT-RTX is missing.
    """
    trt = library("tensorrt_rtx")
    limits = _limits(bundle, config)
    sources = [of_precision(bundle, name, config.precision) for name in bundle.manifest.graphs]
    return {
        source: len(compile_engine(trt, bundle.contents[source], source, limits, capabilities=AHEAD_OF_TIME)[0])
        for source in sources
    }


def installed() -> ModuleType:
    """The TensorRT that is there; the plain one if both are.

    Raises:
        UnavailableError: none is; the message says why.
    """
    reasons = []
    for name in LIBRARIES:
        try:
            return library(name)
        except UnavailableError as error:
            reasons.append(str(error))
    raise UnavailableError("; ".join(reasons))


@command()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.check:
        refuse_without_effect(parser, options, ("rebuild",), "with --check, which writes nothing")
    # TensorRT swallows Python's KeyboardInterrupt and builds on. So Ctrl-C ends the process; nothing is half-written.
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        config = BuildConfig(options.precision, options.queries, options.cameras)
        bundle = Bundle.load(options.bundle)
        if options.check:
            for source, size in compile_ahead(bundle, config).items():
                print(f"{source}: TensorRT-RTX builds it for {' and '.join(AHEAD_OF_TIME)} ({size / 1e6:.1f} MB)")
            return 0
        gpu, trt = first_gpu(), installed()
        if not options.rebuild and stored.fit(bundle, stored.machine(trt, gpu), **dataclasses.asdict(config)):
            print(f"{bundle.folder}: its engines fit; nothing to do")
            return 0
        for name, passport in build(bundle, trt, gpu, config).items():
            print(f"{stored.engine_path(bundle, name)}  largest difference to ONNX Runtime {passport.parity:.2g}")
    finally:
        signal.signal(signal.SIGINT, before)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=program(), description=(__doc__ or "").splitlines()[0])
    parser.add_argument("bundle", type=Path, help="folder or name of the model")
    for field in dataclasses.fields(BuildConfig):
        add_option(parser, BuildConfig, field.name)
    parser.add_argument("--rebuild", action="store_true", help="replace engines that are there")
    parser.add_argument("--check", action="store_true", help="compile with TensorRT-RTX, without a GPU; writes nothing")
    return parser


def _limits(bundle: Bundle, config: BuildConfig) -> Limits:
    return Limits(config.cameras, config.queries, bundle.manifest.text.length, bundle.manifest.clip.length - 1)


if __name__ == "__main__":
    sys.exit(main())
