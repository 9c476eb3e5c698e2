"""What every inference runtime offers to the rest of the package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np


class Engine(Protocol):
    """A network that is ready to run: a dict of arrays in, a dict of arrays out. Not bound to a thread.

    Attributes:
        inputs: names of the arrays that it wants.
        outputs: names of the arrays that it gives.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def run(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run once.

        Args:
            arrays: one C-contiguous array for each input, by name.

        Returns:
            One new array for each output, by name.

        Raises:
            EngineError: the runtime failed; the engine may be run again.
        """
        ...
