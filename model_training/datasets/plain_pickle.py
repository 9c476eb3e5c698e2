"""Pickles of data sets, read without running anything that is in them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any


class _Plain(pickle.Unpickler):
    """Makes lists, dicts, tuples, texts and numbers; every class, function, extension or reference is refused."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        raise pickle.UnpicklingError(f"it wants {module_name}.{global_name}")

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("it refers to objects outside it")


def load_plain(path: Path) -> Any:
    """The content of a pickle of plain containers; texts of Python 2 are read as Latin-1.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged, or is made of more than lists, dicts, tuples, texts and numbers.
    """
    with path.open("rb") as file:
        try:
            return _Plain(file, encoding="latin1").load()
        except MemoryError:
            raise ValueError(f"{path}: not a whole pickle (it claims to be larger than memory)") from None
        except Exception as error:  # a damaged pickle raises nearly anything
            raise ValueError(f"{path}: not plain lists and dicts ({error}); nothing in it was run") from None
