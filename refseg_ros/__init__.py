"""Referring segmentation for ROS 2: the mask and the box of the thing that an expression names, in camera images.

Start with `Segmenter`; it needs NumPy, OpenCV and ONNX Runtime, but no ROS. Names are imported on first use, so
`import refseg_ros` is cheap.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

from refseg_ros.interrupts import end_at_interrupt, is_started_from

if TYPE_CHECKING:
    from refseg_ros.answer import Answer, Box, Verdict
    from refseg_ros.errors import BundleError, EngineError
    from refseg_ros.segmenter import Segmenter, Stream

# The generated messages (refseg_ros.msg) may lie in another folder of the same name, on a later entry of sys.path.
__path__ = pkgutil.extend_path(__path__, __name__)

if is_started_from(__name__):
    end_at_interrupt()

__all__ = ["Answer", "Box", "BundleError", "EngineError", "Segmenter", "Stream", "Verdict"]

_HOME = {
    "Answer": "answer",
    "Box": "answer",
    "Verdict": "answer",
    "BundleError": "errors",
    "EngineError": "errors",
    "Segmenter": "segmenter",
    "Stream": "segmenter",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its module on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
