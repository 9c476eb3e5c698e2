"""Reads pickles of data sets without running any code in them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any


class _Plain(pickle.Unpickler):
    """Loads only lists, dicts, tuples, texts and numbers; refuses classes, functions, extensions and references."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        raise pickle.UnpicklingError(f"it wants {module_name}.{global_name}")

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("it refers to objects outside it")


def load_plain(path: Path) -> Any:
    """Load a pickle of plain containers; texts from Python 2 are bytes, decoded as UTF-8 or else Latin-1.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is damaged, or holds more than lists, dicts, tuples, texts and numbers.
    """
    with path.open("rb") as file:
        try:
            return _with_texts(_Plain(file, encoding="bytes").load())
        except MemoryError:
            raise ValueError(f"{path}: not a whole pickle (it claims to be larger than memory)") from None
        except Exception as error:  # a damaged pickle raises nearly anything
            raise ValueError(f"{path}: not plain lists and dicts ({error}); nothing in it was run") from None


def _with_texts(value: Any) -> Any:
    """Decode all bytes in nested containers."""
    if isinstance(value, dict):
        return {_with_texts(key): _with_texts(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_with_texts, value))
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin1")
