"""The settings of the runtime: the only place for each default, unit, range and description.

A settings class is a frozen dataclass of `Settings` whose fields are made by `setting`. The command line, the ROS
parameters and the documentation take what they say from a field's metadata (`description`, `unit`, `range`,
`read_only`, `choices`).
"""

from __future__ import annotations

import argparse
import dataclasses
from dataclasses import dataclass
from typing import Any, get_type_hints

from refseg_ros.text import brief

_KINDS: dict[Any, tuple[str, type | tuple[type, ...]]] = {
    bool: ("true or false", bool),
    int: ("a whole number", int),
    float: ("a number", (int, float)),
    str: ("a text", str),
    tuple[str, ...]: ("a list of texts", tuple),
}


def setting(
    description: str,
    *,
    default: Any = dataclasses.MISSING,
    unit: str = "",
    range: tuple[float, float] | None = None,
    read_only: bool = False,
    choices: tuple[str, ...] = (),
) -> Any:
    """A dataclass field with its documentation; `range` is (least, greatest), both allowed."""
    metadata = {"description": description, "unit": unit, "range": range, "read_only": read_only, "choices": choices}
    return dataclasses.field(default=default, metadata=metadata)


def add_option(parser: argparse.ArgumentParser, kind: type, name: str) -> None:
    """Add a command-line option for a field of a settings class (a number or a text), with its description as help."""
    field = next(field for field in dataclasses.fields(kind) if field.name == name)
    default = f" (default: {field.default})" if field.default != "" else ""
    text = f"{field.metadata['description']}{default}"
    parser.add_argument(f"--{name.replace('_', '-')}", type=type(field.default), default=field.default, help=text)


class Settings:
    """Base of the settings classes: checks that each value fits the type, range and choices of its field.

    Raises:
        ValueError: a value does not fit; the message names the field, its value and what is allowed.
    """

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for field in dataclasses.fields(self):  # type: ignore[arg-type]  # those of the class that derives from this
            if hints[field.name] not in _KINDS:
                continue
            value = getattr(self, field.name)
            words, kind = _KINDS[hints[field.name]]
            right = isinstance(value, kind) and (isinstance(value, bool) == (kind is bool))
            limits, choices = (field.metadata.get(name) for name in ("range", "choices"))
            if limits is not None:
                words += f" from {limits[0]} to {limits[1]} {field.metadata['unit']}".rstrip()
                right = right and limits[0] <= value <= limits[1]
            if not right:
                raise ValueError(f"{field.name} is {brief(value)}; it must be {words}")
            if choices and value not in choices:
                raise ValueError(f"{field.name} is {brief(value)}; it must be one of {', '.join(choices)}")


DEVICES = ("auto", "cuda", "cpu")
ENGINES = ("auto", "tensorrt", "onnx")
OUTLINES = ("network", "guided")


@dataclass(frozen=True)
class SegmenterConfig(Settings):
    """Settings of `Segmenter`."""

    model: str = setting(
        "folder of the model bundle, or a model that ships: household, tabletop; empty: household",
        default="",
        read_only=True,
    )
    threads: int = setting(
        "threads of the inference runtime; 0: one for each physical core", default=0, range=(0, 256), read_only=True
    )
    maximum_side: int = setting(
        "largest width or height of an image that is accepted",
        default=16384,
        unit="px",
        range=(1, 32766),
        read_only=True,
    )
    maximum_gap: float = setting(
        "a frame that comes later than this after the one before, or earlier than it, begins a new clip",
        default=2.0,
        unit="s",
        range=(0.0, 3600.0),
        read_only=True,
    )
    outlines: str = setting(
        "how masks are outlined: network (as it gives them), or guided (drawn to the edges of what it saw)",
        default="guided",
        read_only=True,
        choices=OUTLINES,
    )
    device: str = setting(
        "where the network runs: cuda (a GPU), cpu, or auto for the fastest that works",
        default="auto",
        read_only=True,
        choices=DEVICES,
    )
    engine: str = setting(
        "what runs it: tensorrt, onnx (ONNX Runtime), or auto for the fastest that works on the device",
        default="auto",
        read_only=True,
        choices=ENGINES,
    )
