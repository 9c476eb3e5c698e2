"""Params files: their parameters for a node, and whether they name it at all.

ROS silently ignores parameters of other nodes, and so those under a misspelt name.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from refseg_ros.text import brief

MOST_NAMED = 3
"""Names that a warning lists."""
_SIBLINGS = {"segment", "camera", "speech", "web"}
"""Nodes of this package: one file may be for several."""
_PATTERNS = {"**": r"(/\w+)*", "*": r"/\w+"}


def parameters_of(file: Path, node: str) -> dict[str, Any]:
    """The parameters that a file has for a node, as ROS reads them: if one stands there twice, the last value counts.

    Args:
        file: of NODE: ros__parameters: NAME: VALUE, where NODE may be nested by namespaces and have wildcards.
        node: its name in full, such as /refseg/segment.

    Raises:
        OSError, ValueError, yaml.YAMLError: the file cannot be read.
    """
    told: dict[str, Any] = {}
    for name, parameters in _nodes(_read(file)):
        if _matches(name, node) and isinstance(parameters, dict):
            told |= parameters
    return told


def misnamed(arguments: Sequence[str], node: str) -> Iterator[str]:
    """What to warn of: files without parameters, or with none for this node, and names that are nearly its own.

    Args:
        arguments: of the command line; ROS has read the files.
        node: name of the node in full, such as /refseg/segment.
    """
    for flag, file in pairwise(arguments):
        if flag != "--params-file":
            continue
        with suppress(OSError, ValueError, yaml.YAMLError):
            names = [name for name, _ in _nodes(_read(Path(file)))]
            if not names:
                yield f"{file} has no parameters; they stand in it as NODE: ros__parameters: NAME: VALUE"
            elif strangers := _strangers(names, node):
                listed, own = ", ".join(map(brief, strangers[:MOST_NAMED])), node.rpartition("/")[2]
                yield f"{file} has parameters of {listed}, which is not this node, {node}; did you mean /**/{own}?"


def _read(file: Path) -> Any:
    return yaml.safe_load(file.read_text("utf-8"))


def _nodes(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The nodes in a file, each with its parameters; a name without a namespace is one of the root's."""
    for name, below in tree.items() if isinstance(tree, dict) else ():
        if name == "ros__parameters":
            yield path, below
        else:
            yield from _nodes(below, f"{path}/{str(name).strip('/')}")


def _strangers(names: Sequence[str], node: str) -> list[str]:
    own = node.rpartition("/")[2]
    matching = [name for name in names if _matches(name, node)]
    if not matching:
        return [name for name in names if name.rpartition("/")[2] not in _SIBLINGS - {own}]
    if any(name.endswith(f"/{own}") for name in matching):
        return []
    return [name for name in names if difflib.get_close_matches(name.rpartition("/")[2], [own])]


def _matches(name: str, node: str) -> bool:
    pattern = "".join(_PATTERNS.get(part, f"/{re.escape(part)}") for part in name.split("/")[1:])
    return re.fullmatch(pattern, node) is not None
