"""The passport of a built engine: a JSON file beside it that says what it was built from, by what and for what."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from refseg_ros.config import Settings, setting
from refseg_ros.errors import BundleError

FORMAT = 1
QUERIES = (2, 1024)
"""Fewest and most expressions that an engine may have to take at once; loading a model tries two."""


@dataclass(frozen=True)
class Machine:
    """What an engine is tied to."""

    library: str
    """`tensorrt` or `tensorrt_rtx`."""
    version: str
    """Of that library."""
    gpu: str
    """Name of the GPU."""
    compute_capability: str
    """Of the GPU, such as "8.7"."""


@dataclass(frozen=True, kw_only=True)
class Passport(Settings):
    """What an engine is. A field that differs from what is needed here is a reason to refuse it."""

    format: int = setting("format of the passport", default=FORMAT, range=(FORMAT, FORMAT))
    library: str = setting("the library that built it")
    version: str = setting("the version of that library")
    gpu: str = setting("the GPU that it was built on")
    compute_capability: str = setting("the compute capability of that GPU")
    precision: str = setting("the precision")
    onnx: str = setting("the SHA-256 of the ONNX file that it was built from")
    engine: str = setting("the SHA-256 of the engine")
    queries: int = setting("expressions at once, at most", range=QUERIES)
    cameras: int = setting("images at once, at most", range=(1, 1024))
    parity: float = setting(
        "largest difference to ONNX Runtime of an output, as a share of its norm", range=(0.0, float("inf"))
    )

    def dump(self) -> str:
        """The text of the file."""
        return json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def load(cls, path: Path) -> Passport:
        """Read a passport.

        Raises:
            FileNotFoundError: there is none.
            BundleError: it is broken, or of another format.
        """
        try:
            values = json.loads(path.read_bytes())
            return cls(**values)
        except FileNotFoundError:
            raise
        except (ValueError, TypeError, RecursionError, OSError) as error:
            raise BundleError(f"{path}: is no passport of this version ({error}); build the engine again") from None

    def difference(self, **needed: object) -> str:
        """Say which is the first field that is not as needed; empty when all are.

        Args:
            needed: field name -> value.
        """
        for name, value in needed.items():
            own = getattr(self, name)
            if own != value:
                return f"{self.__dataclass_fields__[name].metadata['description']} is {own}, not {value}"
        return ""
