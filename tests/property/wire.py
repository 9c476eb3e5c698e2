"""Messages as the wire has them, with texts that no client of ROS can write: broken UTF-8, NUL, lone surrogates."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rclpy.serialization import serialize_message

_PLACES = "\x01\x02"
"""What stands for the texts of a message until its bytes are made; nothing else in front of them looks so."""


@dataclass
class Wire:
    """A message, and the bytes of some of its texts.

    Attributes:
        message: with its other fields set.
        texts: path of a text in the message, such as "header.frame_id", to its bytes.
    """

    message: Any
    texts: Mapping[str, bytes] = field(default_factory=dict)

    def raw(self) -> bytes:
        """The message as it goes over the wire, to be published as it is."""
        places = {path: _PLACES[number] * len(text) for number, (path, text) in enumerate(self.texts.items())}
        self._set(places)
        data = serialize_message(self.message)
        for path, text in self.texts.items():
            length = struct.pack("<I", len(text) + 1)
            data = data.replace(length + places[path].encode() + b"\0", length + text + b"\0", 1)
        return data

    def clean(self) -> Any:
        """The message with what a text type can hold of the texts: no broken UTF-8, and nothing from a NUL on."""
        self._set({path: text.split(b"\0")[0].decode("utf-8", "replace") for path, text in self.texts.items()})
        return self.message

    def _set(self, texts: Mapping[str, str]) -> None:
        for path, text in texts.items():
            *parents, name = path.split(".")
            owner = self.message
            for parent in parents:
                owner = getattr(owner, parent)
            setattr(owner, name, text)
