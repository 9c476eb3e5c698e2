"""Writes what users read about the parameters: docs/parameters.md and config/segment.yaml, from the settings classes.

tools/in_environment.sh python tools/write_parameters.py
"""

from __future__ import annotations

import dataclasses
import json
import textwrap
from pathlib import Path
from typing import Any, get_type_hints

from refseg_ros.ros.node_config import CameraNodeConfig, SegmentNodeConfig
from refseg_ros.ros.usage import TYPES
from refseg_ros.speech.config import SpeechConfig
from refseg_ros.web.config import WebConfig

ROOT = Path(__file__).resolve().parent.parent
PAGE, FILE = ROOT / "docs" / "parameters.md", ROOT / "config" / "segment.yaml"
PAGE_HEAD = """# Parameters

Written by `tools/write_parameters.py` from `refseg_ros/config.py`, `refseg_ros/ros/node_config.py`,
`refseg_ros/web/config.py` and `refseg_ros/speech/config.py`; edit those.
*Live* parameters can be set while the node runs, the others at its start. A value out of its range is refused with the
reason.

`ros2 param list` also shows `qos_overrides.TOPIC.publisher.depth`, `qos_overrides.TOPIC.publisher.reliability`, and
the same with `subscription`. With them ROS 2 lets you set the queue length and the reliability (`reliable` or
`best_effort`) of a topic at the start, such as where the other side of it wants another one.
"""
FILE_HEAD = """# Parameters of the node `segment` in whatever namespace, with their defaults.
# Written by tools/write_parameters.py from refseg_ros/ros/node_config.py. Copy this file, change it, and hand it over:
# ros2 launch refseg_ros segment.launch.py params_file:=/path/to/copy.yaml
/**/segment:
  ros__parameters:
"""


def page() -> str:
    """The text of docs/parameters.md."""
    nodes = {"segment": SegmentNodeConfig, "camera": CameraNodeConfig, "web": WebConfig, "speech": SpeechConfig}
    return "\n".join([PAGE_HEAD, *(line for name, kind in nodes.items() for line in (*_table(name, kind), ""))])


def file() -> str:
    """The text of config/segment.yaml."""
    lines = []
    for field in dataclasses.fields(SegmentNodeConfig):
        lines += textwrap.wrap(_text(field), 120, initial_indent="    # ", subsequent_indent="    # ")
        lines.append(f"    {field.name}: {json.dumps(field.default)}")
    return FILE_HEAD + "\n".join(lines) + "\n"


def _table(node: str, kind: type) -> list[str]:
    hints = get_type_hints(kind)
    lines = [f"## Node `{node}`", "", "| name | type | default | range | live | |", "|---|---|---|---|---|---|"]
    for field in dataclasses.fields(kind):
        limits = field.metadata["range"]
        allowed = "" if limits is None else f"{limits[0]} to {limits[1]}"
        live = "" if field.metadata["read_only"] else "live"
        cells = [f"`{field.name}`", TYPES[hints[field.name]], f"`{json.dumps(field.default)}`", allowed, live]
        lines.append(f"| {' | '.join([*cells, _text(field)])} |")
    return lines


def _text(field: dataclasses.Field[Any]) -> str:
    unit = field.metadata["unit"]
    return str(field.metadata["description"]) + (f" [{unit}]" if unit else "")


if __name__ == "__main__":
    PAGE.write_text(page())
    FILE.write_text(file())
