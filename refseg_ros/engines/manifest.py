"""The schema of a model bundle's `manifest.json`, for the export that writes it and the runtime that reads it.

The nested dataclasses are the nested objects of the JSON, field by field.
"""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_origin, get_type_hints

from refseg_ros.config import Settings, setting
from refseg_ros.text import brief

FORMAT = 5
"""The format of bundles that this version writes and reads."""

VOCABULARY = "vocabulary.txt"
"""The usual name of a word list."""

SYNONYMS = "synonyms.txt"
"""The file that a bundle has as well when other words stand for those of its vocabulary."""

WORDS, FILE = TOKENIZERS = "words", "file"
"""A word list of ours, or a file of the `tokenizers` library."""

ATTENTION, ARRAYS = MEMORIES = "attention", "arrays"
"""What is kept of earlier frames: the attention among them, or arrays as they are."""

_SHA256 = re.compile(r"[0-9a-f]{64}")

T = TypeVar("T")


@dataclass(frozen=True)
class Input(Settings):
    """What `image` is, and how a picture is laid into it."""

    height: int = setting("height of `image`", unit="px", range=(1, 4096))
    width: int = setting("width of `image`", unit="px", range=(1, 4096))
    padding: int = setting("grey level around an image that does not fill the input", range=(0, 255))


@dataclass(frozen=True)
class Text(Settings):
    """How an expression becomes `words`."""

    tokenizer: str = setting("what kind of file `file` is", choices=TOKENIZERS)
    file: str = setting("name of the word list or of the tokenizer's file")
    length: int = setting("ids of an expression that the network sees", range=(1, 512))


@dataclass(frozen=True)
class Clip(Settings):
    """The past that the network looks at."""

    length: int = setting("frames of a clip, the newest among them", range=(1, 64))
    interval: float = setting("time from one frame of a clip to the next", unit="s", range=(0.0, 60.0))
    memory: str = setting("what is kept of the earlier frames", choices=MEMORIES)


@dataclass(frozen=True)
class Thresholds(Settings):
    """Where the answer's decisions lie, as probabilities."""

    mask: float = setting("a pixel above this belongs to the thing", range=(0.001, 0.999))
    absent: float = setting("below this presence the verdict is not found", range=(0.0, 1.0))
    found: float = setting("from this score on it is found, and uncertain below", range=(0.0, 1.0))


@dataclass(frozen=True)
class Certainty(Settings):
    """The score's log-odds: a bias, and the weight of each kind of evidence for an answer (`answer.Evidence`).

    By default the score is the presence alone.
    """

    bias: float = setting("the log-odds without evidence", default=0.0, range=(-100.0, 100.0))
    presence: float = setting("weight of the presence's logit", default=1.0, range=(-100.0, 100.0))
    strength: float = setting("weight of the mask's strength", default=0.0, range=(-100.0, 100.0))
    sharpness: float = setting("weight of the mask's sharpness", default=0.0, range=(-100.0, 100.0))
    size: float = setting("weight of the mask's size", default=0.0, range=(-100.0, 100.0))


@dataclass(frozen=True, kw_only=True)
class Manifest(Settings):
    """Everything that the runtime must know about a model, and how it came about."""

    format: int = setting("format of the bundle", default=FORMAT, range=(FORMAT, FORMAT))
    name: str = setting("name of the model")
    input: Input
    steps: tuple[tuple[str, ...], ...] = setting(
        "files of the graphs, in the order in which they run; those of one step may run side by side"
    )
    text: Text
    clip: Clip
    thresholds: Thresholds
    certainty: Certainty = field(default_factory=Certainty)
    network: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    """File name -> SHA-256 in lower-case hex."""

    @property
    def graphs(self) -> tuple[str, ...]:
        """Files of the graphs, in an order in which they can run."""
        return tuple(name for step in self.steps for name in step)

    def dump(self) -> str:
        """The text of `manifest.json`."""
        return json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def parse(cls, text: str | bytes) -> Manifest:
        """Read the text of a `manifest.json`.

        Raises:
            ValueError: it is not JSON, is of another format, or a value is missing or out of range; it says which.
        """
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"it is not JSON ({error})") from None
        if isinstance(data, dict) and data.get("format") != FORMAT:
            raise ValueError(f"its format is {data.get('format')!r}, and this version of refseg_ros reads {FORMAT}")
        manifest = _read(cls, data, "the manifest")
        _check_files(manifest)
        return manifest


def _read(cls: type[T], data: Any, where: str) -> T:
    """Make a dataclass of a JSON object, and nested ones of nested objects."""
    if not isinstance(data, dict):
        raise ValueError(f"{where} is not a JSON object")
    hints = get_type_hints(cls)
    values = {}
    for item in dataclasses.fields(cls):  # type: ignore[arg-type]
        if item.name not in data:
            raise ValueError(f"{where} has no `{item.name}`")
        value, kind = data[item.name], hints[item.name]
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            value = _read(kind, value, f"`{item.name}`")
        elif get_origin(kind) is dict and not isinstance(value, dict):
            raise ValueError(f"`{item.name}` is not a JSON object")
        elif get_origin(kind) is tuple and isinstance(value, list):
            value = tuple(tuple(part) if isinstance(part, list) else part for part in value)
        values[item.name] = value
    try:
        return cls(**values)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _check_files(manifest: Manifest) -> None:
    files: dict[str, Any] = manifest.files
    if not manifest.steps or not all(isinstance(step, tuple) and step for step in manifest.steps):
        raise ValueError("`steps` are no lists of graphs")
    for name in manifest.graphs:
        if not isinstance(name, str) or not name.endswith(".onnx") or manifest.graphs.count(name) > 1:
            raise ValueError(f"`steps` name {brief(name)}; each of them must be another file that ends in .onnx")
    for name in (manifest.text.file, *manifest.graphs):
        if name not in files:
            raise ValueError(f"`files` does not name {name!r}")
    for name, digest in files.items():
        if name in ("", ".", "..") or any(character in name for character in "/\\\0"):
            raise ValueError(f"`files` names {name!r}, which is not a plain file name inside the bundle")
        if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
            raise ValueError(f"`files` gives {name} the SHA-256 {digest!r}, which is not 64 lower-case hex digits")
