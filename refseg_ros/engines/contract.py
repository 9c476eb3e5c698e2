"""What every inference runtime offers to the rest of the package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

Array = Any
"""A np.ndarray, or the DeviceArray of a runtime that keeps its results on a GPU.

Both have shape, dtype and len; views along the leading axis, to which zero or either kind of array can be assigned;
and np.asarray, which downloads.
"""


class Engine(Protocol):
    """A graph that is ready to run: a dict of arrays in, a dict of arrays out. Not bound to a thread.

    Attributes:
        inputs: names of the arrays that it wants.
        outputs: names of the arrays that it gives.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def run(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """Run once.

        Args:
            arrays: one C-contiguous array for each input, by name, wherever it lives.

        Returns:
            One new array for each output, by name, where this runtime keeps its arrays.

        Raises:
            EngineError: the runtime failed; the engine may be run again.
        """
        ...

    def zeros(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Make an array of zeros where this runtime keeps its arrays."""
        ...
