"""A settings dataclass (`config.setting`) as ROS parameters: declared, described and checked from its fields alone."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar, get_type_hints

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.utilities import remove_ros_args

Config = TypeVar("Config")


class ParameterError(ValueError):
    """A parameter at the start of a node is not usable; the message says which, its value and what is allowed."""


def refuse_other_arguments(arguments: Sequence[str] | None) -> None:
    """Refuse what is on a node's command line beside ROS's own arguments, which rclpy passes over in silence.

    Args:
        arguments: of the command line without the program; None for those of this process.

    Raises:
        ParameterError: it names the first, and says how parameters are given.
    """
    others = remove_ros_args(sys.argv[1:] if arguments is None else list(arguments))
    if others:
        raise ParameterError(f"{others[0]!r} is no argument; parameters are given as --ros-args -p NAME:=VALUE")


class Parameters(Generic[Config]):
    """The parameters of a node that are the fields of a settings class.

    A value is taken when the settings class takes it; a whole number will do for a number, a number for a text
    (`source:=0`), and an empty list, which ROS drops, for no texts. A refused value is answered with the reason, and
    the old one stays.

    Attributes:
        config: the settings as they are now.
    """

    def __init__(self, node: Node, kind: type[Config], changed: Callable[[Config, frozenset[str]], None]) -> None:
        """Declare the parameters with the values that the node was started with.

        Args:
            node: whose parameters they are.
            kind: a frozen dataclass whose fields are made by `config.setting` and whose constructor checks the values.
            changed: called with the new settings, and the names that were set, after they were set at run time.

        Raises:
            ParameterError: a value that the node was started with is refused.
        """
        self._changed = changed
        self._types = get_type_hints(kind)
        self._fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
        try:
            values = {
                name: node.declare_parameter(name, _plain(field.default), self._descriptor(field)).value
                for name, field in self._fields.items()
            }
            self.config = kind(**{name: self._converted(name, value) for name, value in values.items()})
        except (InvalidParameterTypeException, InvalidParameterValueException, ValueError) as error:
            raise ParameterError(f"parameter refused: {error}") from error
        node.add_on_set_parameters_callback(self._on_set)

    def _descriptor(self, field: dataclasses.Field[Any]) -> ParameterDescriptor:
        notes = field.metadata
        unit = f" [{notes['unit']}]" if notes["unit"] else ""
        descriptor = ParameterDescriptor(
            name=field.name, description=notes["description"] + unit, read_only=notes["read_only"], dynamic_typing=True
        )
        if notes["range"] is not None:
            low, high = notes["range"]
            if self._types[field.name] is int:
                descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high))]
            else:
                descriptor.floating_point_range = [FloatingPointRange(from_value=float(low), to_value=float(high))]
        return descriptor

    def _converted(self, name: str, value: Any) -> Any:
        """A whole number where a number is wanted, a number where a text is, and a list where texts are."""
        wanted = self._types[name]
        if wanted == tuple[str, ...] and (value is None or isinstance(value, (list, tuple))):
            return tuple(value or ())  # ROS has no empty list: it comes as nothing
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if (wanted is float and isinstance(value, int) and number) or (wanted is str and number):
            return wanted(value)
        return value

    def _on_set(self, parameters: list[Parameter]) -> SetParametersResult:
        ours = {item.name: self._converted(item.name, item.value) for item in parameters if item.name in self._fields}
        if not ours:
            return SetParametersResult(successful=True)
        try:
            self.config = dataclasses.replace(self.config, **ours)  # type: ignore[type-var]
        except ValueError as error:
            return SetParametersResult(successful=False, reason=str(error))
        self._changed(self.config, frozenset(ours))
        return SetParametersResult(successful=True)


def _plain(default: Any) -> Any:
    """A default as rclpy takes it."""
    return list(default) if isinstance(default, tuple) else default
