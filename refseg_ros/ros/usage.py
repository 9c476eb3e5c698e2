"""The text of a node's `--help`, from its settings dataclass."""

from __future__ import annotations

import dataclasses
import json
import textwrap
from typing import Any, get_type_hints

from refseg_ros.command import program

HELP = frozenset({"-h", "--help"})
TYPES: dict[Any, str] = {bool: "bool", int: "int", float: "double", str: "string", tuple[str, ...]: "string[]"}
"""Type of a setting -> its name in ROS."""
WIDTH = 100


def usage(settings: type) -> str:
    """A node's command line and parameters, each with type, default, range, unit and description."""
    hints = get_type_hints(settings)
    lines = [
        f"usage: {program()} --ros-args [-p NAME:=VALUE]... [--params-file FILE] [-r FROM:=TO]...",
        "",
        "parameters:",
    ]
    for field in dataclasses.fields(settings):
        notes = field.metadata
        limits = "" if notes["range"] is None else f", {notes['range'][0]} to {notes['range'][1]}"
        live = "" if notes["read_only"] else ", can be set while the node runs"
        lines.append(f"  {field.name} ({TYPES[hints[field.name]]}, default {json.dumps(field.default)}{limits}{live})")
        unit = f" [{notes['unit']}]" if notes["unit"] else ""
        lines += textwrap.wrap(notes["description"] + unit, WIDTH, initial_indent="      ", subsequent_indent="      ")
    return "\n".join(lines)
