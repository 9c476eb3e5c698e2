"""Reads arrays from MATLAB files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.io

from model_training.datasets.files import expected


def read_matrix(path: Path, name: str, dimensions: tuple[int, ...]) -> np.ndarray:
    """Read a numeric array with one of the given numbers of dimensions from a `.mat` file (up to version 7.2).

    Raises:
        FileNotFoundError: the file is missing.
        ValueError: the file is damaged, or holds no such array.
    """
    expected(path, f"the array {name}")
    try:
        array = np.asarray(scipy.io.loadmat(path, variable_names=[name])[name])
    except KeyError:
        raise ValueError(f"{path}: holds no array {name}") from None
    except Exception as error:  # SciPy raises nearly anything on a damaged file
        raise ValueError(f"{path}: not a MATLAB file that can be read ({error})") from None
    if array.ndim not in dimensions or array.dtype.kind not in "buif":
        wanted = " or ".join(str(number) for number in dimensions)
        raise ValueError(f"{path}: {name} is {array.shape} {array.dtype}, not {wanted} dimensions of numbers")
    return array


def matrix_shape(path: Path, name: str) -> tuple[int, ...]:
    """The shape of an array, read without its values.

    Raises:
        FileNotFoundError: the file is missing.
        ValueError: the file is damaged, or holds no such array.
    """
    expected(path, f"the array {name}")
    try:
        shapes = {found: shape for found, shape, _ in scipy.io.whosmat(path)}
    except Exception as error:
        raise ValueError(f"{path}: not a MATLAB file that can be read ({error})") from None
    if name not in shapes:
        raise ValueError(f"{path}: holds no array {name}")
    return tuple(int(side) for side in shapes[name])
