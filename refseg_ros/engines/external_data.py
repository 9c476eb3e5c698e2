"""Finds which other files an ONNX file wants to read, without a library that would read them.

An ONNX file may keep its weights in "external data": a path, relative or not, that the loader opens. In a file from
elsewhere that path can name any file of the machine (GHSA-whh8-fjgc-qp73), so it is checked before a loader runs.
"""

from __future__ import annotations

from collections.abc import Iterator

# Fields of onnx.proto that lead to tensors: message -> field number -> message.
_CHILDREN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
    "entry": {},
}
_KEY, _VALUE = 1, 2  # fields of an entry: the strings "location" and the path


def external_files(model: bytes) -> set[str]:
    """The paths that the tensors of an ONNX model name as the place of their data; empty for a model in one file.

    Raises:
        ValueError: the bytes are not a protocol buffer of whole fields.
    """
    found: set[str] = set()
    pending = [("model", memoryview(model))]
    while pending:
        kind, message = pending.pop()
        strings = {}
        for number, content in _fields(message):
            child = _CHILDREN[kind].get(number)
            if child is not None:
                pending.append((child, content))
            elif kind == "entry":
                strings[number] = bytes(content)
        if strings.get(_KEY) == b"location":
            found.add(strings.get(_VALUE, b"").decode(errors="replace"))
    return found


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Number and content of each length-delimited field of a message; fields of fixed size are passed over."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        wire_type = tag & 7
        if wire_type == 0:
            _, position = _varint(message, position)
            continue
        if wire_type == 2:
            size, position = _varint(message, position)
        elif wire_type in (1, 5):
            size = 8 if wire_type == 1 else 4
        else:
            raise ValueError(f"wire type {wire_type} at byte {position}")
        if position + size > len(message):
            raise ValueError(f"a field of {size} bytes begins at byte {position} of {len(message)}")
        if wire_type == 2:
            yield tag >> 3, message[position : position + size]
        position += size


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """A base-128 number of at most ten bytes, and the position behind it."""
    value = 0
    for index in range(10):
        if position + index >= len(message):
            break
        byte = message[position + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, position + index + 1
    raise ValueError(f"a number at byte {position} does not end")
