"""Which files and folders are bags, with the same rules for all commands. Opens none."""

from __future__ import annotations

import os
import re
from pathlib import Path

STORAGES = (".mcap", ".db3")
"""Suffixes of the files of rosbag2."""
SUFFIXES = (*STORAGES, ".bag")
"""Of files that are bags; a .bag is of ROS 1."""
METADATA = "metadata.yaml"
"""The file of rosbag2 that makes a folder a bag."""


def meant(path: Path) -> Path:
    """The bag that a path means: the folder of a metadata.yaml, or the path itself."""
    return path.parent if path.name == METADATA and path.is_file() else path


def is_file_of_bag(path: Path) -> bool:
    """Whether a file has the name of a bag, or of one that is packed and has not been unpacked beside it."""
    return path.suffix.lower() in SUFFIXES or (is_packed(path) and not path.with_suffix("").exists())


def is_packed(path: Path) -> bool:
    """Whether a file has a name such as bag_0.mcap.zstd, which `ros2 bag record --compression-mode file` gives."""
    return path.suffix.lower() == ".zstd" and Path(path.stem).suffix.lower() in STORAGES


def one_recording(folder: Path) -> list[Path]:
    """The files of the one recording that lies in a folder without metadata.yaml.

    Returns:
        The only file of rosbag2, or all of them if they are NAME_0.mcap, NAME_1.mcap and so on; otherwise none.
    """
    inside = (path for path in folder.iterdir() if path.suffix.lower() in STORAGES and not path.name.startswith("."))
    files = sorted(path for path in inside if os.path.isfile(path))
    if len(files) < 2:
        return files
    name, suffix = re.sub(r"_\d+$", "", files[0].stem), files[0].suffix
    parts = {f"{name}_{number}{suffix}" for number in range(len(files))}
    return files if {file.name for file in files} == parts else []
