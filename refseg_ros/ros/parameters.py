"""Makes ROS parameters from a settings dataclass (`config.setting`): declares, describes and checks its fields."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Generic, TypeVar, get_type_hints

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from refseg_ros.ros.qos import check_override, is_override
from refseg_ros.text import quoted, suggestion

Config = TypeVar("Config")

_YAML = {True: "yes", False: "no"}
"""Without quotes YAML, and so a ROS command line, reads these words as truth values."""


class ParameterError(ValueError):
    """A parameter at the start of a node is refused; the message names it, its value and what is allowed."""


class Parameters(Generic[Config]):
    """The parameters of a node, one for each field of a settings class.

    The settings class decides whether a value is accepted. A whole number is accepted as a number, and a missing value
    as an empty list, because ROS drops empty lists. At the start a number is also accepted as a text, because nobody
    quotes `source:=0` in a shell. If a value is refused, the caller gets the reason and the old value stays. A
    parameter that the node does not have is logged at the start, with the nearest existing name.

    Attributes:
        config: the current settings.
    """

    def __init__(self, node: Node, kind: type[Config], changed: Callable[[Config, frozenset[str]], None]) -> None:
        """Declare the parameters with the values that the node was started with.

        Args:
            node: the owner of the parameters.
            kind: a frozen dataclass whose fields are made by `config.setting` and whose constructor checks the values.
            changed: called after parameters were set at run time, with the new settings and the names that were set.

        Raises:
            ParameterError: a value that the node was started with is refused.
        """
        self._changed = changed
        self._types = get_type_hints(kind)
        self._fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
        try:
            values = {name: self._declared(node, field) for name, field in self._fields.items()}
            self.config = kind(
                **{
                    name: self._converted(name, _text_of_number(self._types[name], value))
                    for name, value in values.items()
                }
            )
            for name in filter(is_override, node._parameter_overrides):
                check_override(name, node._parameter_overrides[name].value)
        except (InvalidParameterTypeException, InvalidParameterValueException, ValueError) as error:
            raise ParameterError(f"parameter refused: {error}") from error
        self._warn_of_misspelt(node)
        node.add_on_set_parameters_callback(self._on_set)

    def _warn_of_misspelt(self, node: Node) -> None:
        for name in sorted(node._parameter_overrides):
            if node.has_parameter(name) or is_override(name):
                continue
            node.get_logger().warning(f"there is no parameter {quoted(name)}{suggestion(name, self._fields)}")

    def _declared(self, node: Node, field: dataclasses.Field[Any]) -> Any:
        """Declare a parameter and return its value."""
        default: Any = field.default
        descriptor = self._descriptor(field)
        if self._types[field.name] != tuple[str, ...]:
            return node.declare_parameter(field.name, default, descriptor).value
        # ROS takes an empty list for bytes or, from a file, for nothing; `ros2 param dump` would write a null.
        parameter = node.declare_parameter(field.name, list(default), ParameterDescriptor(dynamic_typing=True))
        if parameter.value in (None, []):
            node.set_parameters([parameter := Parameter(field.name, Parameter.Type.STRING_ARRAY, [])])
        node.set_descriptor(field.name, descriptor)
        return parameter.value

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
        """Convert a whole number to a number, a list to texts, and a truth value to yes or no if these are choices."""
        wanted = self._types[name]
        if wanted == tuple[str, ...] and (value is None or isinstance(value, (list, tuple))):
            return tuple(value or ())  # at run time, too, ROS may give None for an empty list
        if wanted is str and isinstance(value, bool) and _YAML[value] in self._fields[name].metadata["choices"]:
            return _YAML[value]
        return float(value) if wanted is float and type(value) is int else value

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


def _text_of_number(wanted: Any, value: Any) -> Any:
    """Convert a number that was typed for a text to that text."""
    return str(value) if wanted is str and type(value) in (int, float) else value
