"""Shared by the launch files: a settings class as launch arguments, and the end of a launch after a node died."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any, get_type_hints

import yaml
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, EmitEvent, LogInfo
from launch.event import Event
from launch.events import Shutdown
from launch.events.process import ProcessExited
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.substitutions import LaunchConfiguration
from launch_ros.parameter_descriptions import ParameterValue

from refseg_ros.ros.namespaces import bare
from refseg_ros.text import quoted, suggestion


def arguments_of(kind: type, **defaults: object) -> list[DeclareLaunchArgument]:
    """A launch argument for each setting of a class, with its name and description; an empty one sets nothing.

    Args:
        kind: the class.
        defaults: values that the launch file sets where the user sets none.
    """
    return [
        DeclareLaunchArgument(
            field.name,
            default_value=str(defaults.get(field.name, "")),
            description=_description(field, defaults.get(field.name, field.default)),
        )
        for field in dataclasses.fields(kind)
    ]


def given(kind: type, context: LaunchContext) -> dict[str, Any]:
    """The parameters whose arguments are not empty.

    A text setting stays a text (a query "42"). A space gives an empty text, which `ros2 launch` itself does not accept.
    The node checks the values.

    Raises:
        RuntimeError: an argument is no value; the message names it.
    """
    types = get_type_hints(kind)
    texts = {field.name: LaunchConfiguration(field.name).perform(context) for field in dataclasses.fields(kind)}
    return {
        name: ParameterValue(text.strip(), value_type=str) if types[name] is str else _value(name, text)
        for name, text in texts.items()
        if text
    }


def with_unknown_arguments_named(file: str, description: LaunchDescription) -> LaunchDescription:
    """The description of a launch file, which first warns of typed arguments that the file does not have.

    `ros2 launch` itself ignores them. If another launch file includes this one, what was typed is for that one.

    Args:
        file: path of the launch file.
        description: what the file does.
    """
    if Path(file).name not in {Path(word).name for word in sys.argv}:
        return description
    known = [argument.name for argument in description.get_launch_arguments()]
    typed = [word.partition(":=")[0] for word in sys.argv if ":=" in word]
    warnings = [
        LogInfo(msg=f"warning: there is no launch argument {quoted(name)}{suggestion(name, known)}")
        for name in typed
        if name not in known
    ]
    return LaunchDescription([*warnings, *description.entities])


def simulated_time(context: LaunchContext) -> dict[str, bool]:
    """The parameter of every node of the launch, if the argument `use_sim_time` is not empty."""
    text = LaunchConfiguration("use_sim_time").perform(context)
    return {"use_sim_time": text == "true"} if text else {}


def pushed_namespace(context: LaunchContext) -> str:
    """The namespace that a launch file pushed before it included ours, such as "/robot"; empty where none was."""
    pushed = bare(context.launch_configurations.get("ros_namespace", ""))
    return f"/{pushed}" if pushed else ""


def end_launch(event: Event, context: LaunchContext) -> list[LaunchDescriptionEntity] | None:
    """End the whole launch after a process ended, with exit code 1 if it failed; for `on_exit` of a node.

    Raises:
        RuntimeError: the process failed; this is the only way to give `launch` an exit code.
    """
    assert isinstance(event, ProcessExited)
    if context.is_shutdown:
        return None
    if event.returncode:
        raise RuntimeError(f"{event.process_name} ended with exit code {event.returncode}")
    return [LogInfo(msg=f"{event.process_name} is at its end"), EmitEvent(event=Shutdown(reason="a node has ended"))]


def _value(name: str, text: str) -> Any:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        value = None
    if value is None:
        raise RuntimeError(f"{name}: {text!r} is no value that YAML knows")
    return value


def _description(field: dataclasses.Field[Any], value: object) -> str:
    unit = f" [{field.metadata['unit']}]" if field.metadata["unit"] else ""
    default = f"; by default {value!r}" if value not in ("", ()) else ""
    return f"{field.metadata['description']}{unit}{default}"
