"""TensorRT as far as it goes without a GPU: what is refused as library, graph and engine; and compiling."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from onnx import TensorProto, helper

from refseg_ros.engines import tensorrt
from refseg_ros.engines.compiler import AHEAD_OF_TIME, Limits, compile_engine
from refseg_ros.engines.tensorrt import TensorRTEngine
from refseg_ros.errors import BundleError, EngineError, UnavailableError
from refseg_ros.gpu_check import stand_ins
from tests.bundles import model

LIMITS = Limits(cameras=3, queries=4, words=6, past=2)


@pytest.fixture(scope="module")
def rtx() -> ModuleType:
    return pytest.importorskip("tensorrt_rtx", reason="tensorrt_rtx is not installed (pip install tensorrt-rtx)")


def library(name: str) -> ModuleType:
    """As `tensorrt.library`, which remembers what it found."""
    return tensorrt.library.__wrapped__(name)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (None, "tensorrt is not installed (it comes with JetPack"),
        ("raise OSError('libnvinfer.so.10: cannot open shared object file\\nor so')", "cannot be imported (libnvinfer"),
        ("", "cannot be imported (module 'tensorrt' has no attribute '__version__'"),
        ("__version__ = '8.5.2.2'", "tensorrt 8.5.2.2 is older than 10 (JetPack 6)"),
    ],
)
def test_a_library_that_is_of_no_use_is_refused_in_one_line(
    source: str | None, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if source is None:
        monkeypatch.setitem(sys.modules, "tensorrt", None)
    else:
        (tmp_path / "tensorrt.py").write_text(source)
        monkeypatch.delitem(sys.modules, "tensorrt", raising=False)
        monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UnavailableError, match=re.escape(reason)) as caught:
        library("tensorrt")
    assert "\n" not in str(caught.value)
    sys.modules.pop("tensorrt", None)


def graph(dimension: str, kind: str = "Relu") -> bytes:
    """(dimension, 2, 3) float32 through one node."""
    shape = [dimension, 2, 3]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("given", "made")]
    return model([helper.make_node(kind, ["given"], ["made"])], ends[:1], ends[1:], {}).SerializeToString()


@pytest.mark.parametrize("dimension", ["batch", "queries", "length", "past"])
def test_every_dynamic_dimension_is_compiled(rtx: ModuleType, dimension: str) -> None:
    assert compile_engine(rtx, graph(dimension), "graph.onnx", LIMITS, capabilities=AHEAD_OF_TIME)[0]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"no graph", ["graph.onnx: TensorRT-RTX cannot read it", "export it again"]),
        (graph("batch", "Det"), ["graph.onnx: TensorRT-RTX cannot read it", "Det"]),
        (graph("surprise"), ["graph.onnx: `given` has an unknown dynamic dimension, `surprise`"]),
    ],
    ids=["bytes", "operator", "dimension"],
)
def test_a_graph_that_cannot_be_built_is_refused_in_one_line(rtx: ModuleType, data: bytes, words: list[str]) -> None:
    with pytest.raises(BundleError) as caught:
        compile_engine(rtx, data, "graph.onnx", LIMITS, capabilities=AHEAD_OF_TIME)
    assert "\n" not in str(caught.value) and all(word in str(caught.value) for word in words), caught.value


def test_progress_is_shown_where_it_does_not_fill_a_log(rtx: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    compile_engine(rtx, graph("batch"), "graph.onnx", LIMITS, capabilities=AHEAD_OF_TIME)
    shown = capfd.readouterr()
    assert shown.out == "" and shown.err.count("\n") <= 2


@pytest.mark.parametrize("plan", [b"", b"no engine", b"\0" * 4096])
def test_bytes_that_are_no_engine_are_refused_in_one_line(rtx: ModuleType, plan: bytes) -> None:
    with pytest.raises(BundleError, match=r"my\.engine: TensorRT-RTX refuses it \(.+\); build it again") as caught:
        TensorRTEngine(rtx, None, plan, "my.engine")
    assert "\n" not in str(caught.value)


def test_an_engine_for_which_the_gpu_has_no_memory_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorRT then returns no context, and logs why. In a rehearsal, because that needs a GPU."""

    def none(engine: stand_ins._Engine, settings: object = None) -> None: ...

    monkeypatch.setattr(stand_ins._Engine, "create_execution_context", none)
    with pytest.raises(EngineError, match="graph.onnx: TensorRT cannot run it on this GPU") as caught:
        TensorRTEngine(stand_ins._tensorrt("tensorrt", {}), None, graph("batch"), "graph.onnx")
    assert "\n" not in str(caught.value)


KNOTTED = """
import gc, sys
import tensorrt_rtx as trt
from refseg_ros.engines import tensorrt
from refseg_ros.engines.compiler import AHEAD_OF_TIME, Limits, compile_engine
from refseg_ros.errors import BundleError

class Talkative(trt.ILogger):
    said = "nothing"
    def __init__(self):
        super().__init__()
    def log(self, severity, message):
        self.kept = [[] for _ in range(20_000)]  # more than the collector lets pass

class Knot:
    pass

def tie():
    knot = Knot()
    knot.own, knot.builder = knot, trt.Builder(Talkative())

tensorrt.listener = lambda trt: Talkative()
sys.modules["refseg_ros.engines.compiler"].listener = tensorrt.listener
gc.set_threshold(10_000)
for attempt in (
    lambda: tensorrt.TensorRTEngine(trt, None, b"no engine", "graph.engine"),
    lambda: compile_engine(trt, b"no graph", "graph.onnx", Limits(1, 1, 1, 1), capabilities=AHEAD_OF_TIME),
):
    gc.collect()
    tie()
    try:
        attempt()
    except BundleError:
        print("refused", gc.isenabled())
"""


def test_what_is_left_of_a_failed_attempt_does_not_hang_the_next(rtx: ModuleType) -> None:
    """TensorRT holds a lock while it logs; collected in that moment, a builder waits for it for ever."""
    done = subprocess.run([sys.executable, "-c", KNOTTED], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "refused True\nrefused True\n", done.stderr
