"""Shares the memory of a rehearsal between its processes."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = "REFSEG_REHEARSAL"
"""Environment variable: where each process of a rehearsal writes what it has taken."""


class SharedBudget:
    """Bytes that the processes of a rehearsal share, as they would share a GPU.

    Attributes:
        total: bytes in all.
        real: largest block, in bytes, that is really allocated; larger ones only count as taken.
    """

    total, real = 4 << 30, 1 << 30

    def __init__(self) -> None:
        self._folder = Path(os.environ[FOLDER])
        self._own = 0

    @property
    def left(self) -> int:
        """Bytes that no living process has taken."""
        taken = 0
        for path in self._folder.glob("*.taken"):
            if Path("/proc", path.stem).exists():
                taken += int(path.read_text() or 0)
        return self.total - taken

    def take(self, size: int) -> bool:
        """Take so many bytes if they are left; return whether they were."""
        if size > self.left:
            return False
        self._own += size
        (self._folder / f"{os.getpid()}.taken").write_text(str(self._own))
        return True
