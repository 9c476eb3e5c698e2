"""The settings of a search, written beside its answers so that no other search adds to them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from refseg_ros.config import Settings, setting
from refseg_ros.engines.manifest import Manifest
from refseg_ros.files import write_bytes

FILE = "settings.json"
FORMAT = 1
"""Format of the answers."""


@dataclass(frozen=True)
class SearchConfig(Settings):
    """What decides the answers on a bag."""

    expressions: tuple[str, ...] = setting("what to find")
    model: str = setting("SHA-256 of the manifest of the model, which has those of its files")
    image_topic: str = setting("the topic to search; empty: all topics of images of each bag", default="")
    every: float = setting(
        "least time from one image to the next; 0: each image", default=0.0, unit="s", range=(0.0, 1e6)
    )
    nth: int = setting("look at the first of every so many images", default=1, range=(1, 1_000_000_000))
    format: int = setting("format of the answers", default=FORMAT, range=(FORMAT, FORMAT))


def digest(manifest: Manifest) -> str:
    """The SHA-256 of a model's manifest, in hex."""
    return hashlib.sha256(manifest.dump().encode()).hexdigest()


def bind(folder: Path, config: SearchConfig, *, begun: bool) -> None:
    """Write the settings into the folder of the answers, or compare them with those that are there.

    Args:
        folder: of the answers.
        config: the settings.
        begun: whether the folder has answers; if not, settings that are there are replaced.

    Raises:
        ValueError: the folder has answers with other settings, or holds something else.
        OSError: it cannot be written to.
    """
    ours = json.loads(json.dumps(dataclasses.asdict(config)))
    path = folder / FILE
    if path.exists():
        try:
            theirs = dict(json.loads(path.read_bytes()))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path}: not the settings of a search ({error}); give another folder with -o") from None
        if theirs == ours:
            return
        if begun or theirs.keys() != ours.keys():
            name = next(name for name in ours | theirs if theirs.get(name, ...) != ours.get(name, ...))
            before = f"{folder}: has answers with {name} {theirs.get(name)!r}"
            raise ValueError(f"{before}, not {ours.get(name)!r}; give another folder with -o")
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder}: there is something else; give another folder with -o")
    folder.mkdir(exist_ok=True)
    write_bytes(path, json.dumps(ours, indent=2, ensure_ascii=False).encode() + b"\n")
