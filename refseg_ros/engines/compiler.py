"""From an ONNX file to a TensorRT engine. TensorRT-RTX does it without a GPU, for GPUs that are named."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any, NamedTuple

from refseg_ros.engines.tensorrt import LIBRARIES, listener, uncollected
from refseg_ros.errors import BundleError
from refseg_ros.progress import Progress
from refseg_ros.text import one_line

AHEAD_OF_TIME = ("SM86", "SM89")
"""The RTX 30 and RTX 40 series, which TensorRT-RTX compiles for without a GPU."""


class Limits(NamedTuple):
    """How large the dynamic dimensions of a bundle's graphs may become."""

    cameras: int
    """Images at once."""
    queries: int
    """Expressions at once."""
    words: int
    """Word ids of an expression."""
    past: int
    """Earlier frames of a clip; a stream begins without one."""

    def of(self, dimension: str) -> tuple[int, int, int] | None:
        """Least, usual and greatest size of a dimension, by its name in the ONNX file; None for an unknown name."""
        return {
            "batch": (1, 1, self.cameras),
            "queries": (1, 1, self.queries),
            "length": (1, self.words, self.words),
            "past": (0, self.past, self.past),
        }.get(dimension)


@uncollected()
def compile_engine(
    trt: ModuleType, onnx: bytes, name: str, limits: Limits, cache: bytes = b"", capabilities: Sequence[str] = ()
) -> tuple[bytes, bytes]:
    """Build an engine, and show the progress on stderr.

    Args:
        trt: `tensorrt` or `tensorrt_rtx`.
        onnx: the bytes of a checked ONNX file, which says what has which precision.
        name: its name in messages.
        limits: of the dynamic dimensions; the engine is tuned for their usual sizes.
        cache: the timing cache of an earlier build with plain TensorRT, or nothing.
        capabilities: compute capabilities to build for ("SM86"; TensorRT-RTX only); empty: the GPU of this machine.

    Returns:
        The engine, and the timing cache (nothing with TensorRT-RTX).

    Raises:
        BundleError: the graph is refused; the message has TensorRT's reason.
    """
    listening = listener(trt)
    builder = trt.Builder(listening)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, listening)
    title = LIBRARIES[trt.__name__]
    if not parser.parse(onnx):
        raise BundleError(f"{name}: {title} cannot read it ({one_line(parser.get_error(0))}); export it again")
    config = builder.create_builder_config()
    if capabilities:
        config.num_compute_capabilities = len(capabilities)
        for index, capability in enumerate(capabilities):
            config.set_compute_capability(getattr(trt.ComputeCapability, capability), index)
    profile = builder.create_optimization_profile()
    for index in range(network.num_inputs):
        tensor = network.get_input(index)
        if -1 in tuple(tensor.shape):
            profile.set_shape(tensor.name, *_shapes(tensor, name, limits))
    config.add_optimization_profile(profile)
    timed = trt.__name__ == "tensorrt"  # TensorRT-RTX measures nothing when it builds
    if timed:
        config.set_timing_cache(config.create_timing_cache(cache), False)
    progress = Progress()
    monitor = _monitor(trt, name, progress)
    config.progress_monitor = monitor
    try:
        plan = builder.build_serialized_network(network, config)
    finally:
        progress.end()
    if plan is None:
        raise BundleError(f"{name}: {title} cannot build it ({listening.said})")
    return bytes(plan), bytes(config.get_timing_cache().serialize()) if timed else b""


def _shapes(tensor: Any, name: str, limits: Limits) -> tuple[tuple[int, ...], ...]:
    """Least, usual and greatest shape of an input."""
    sizes = []
    for index, size in enumerate(tensor.shape):
        dimension = tensor.get_dimension_name(index)
        bounds = (size, size, size) if size != -1 else limits.of(dimension)
        if bounds is None:
            raise BundleError(
                f"{name}: `{tensor.name}` has an unknown dynamic dimension, `{dimension}`; export it again"
            )
        sizes.append(bounds)
    return tuple(zip(*sizes, strict=True))


def _monitor(trt: ModuleType, name: str, progress: Progress) -> Any:
    """A progress monitor that shows the phases of a build."""

    class Monitor(trt.IProgressMonitor):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.steps: dict[str, int] = {}

        def phase_start(self, phase: str, parent: str | None, steps: int) -> None:
            self.steps[phase] = steps
            self.show(phase, 0)

        def step_complete(self, phase: str, step: int) -> bool:
            self.show(phase, step)
            return True

        def phase_finish(self, phase: str) -> None:
            self.steps.pop(phase, None)

        def show(self, phase: str, step: int) -> None:
            progress.show(f"{name}: {progress.seconds:.0f} s, {phase} {step}/{self.steps.get(phase, 0)}")

    return Monitor()
