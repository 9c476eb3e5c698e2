"""Names that tell the results of several data sets apart."""

from __future__ import annotations

from collections.abc import Sequence

from model_training.datasets.sample import Reader


def names_apart(readers: Sequence[Reader]) -> list[str]:
    """A unique name for each data set: its own, with the end of its folder's path if several share the name.

    Raises:
        ValueError: a data set is given twice.
    """
    names, paths = [reader.name for reader in readers], [reader.folder.resolve().parts for reader in readers]
    depth = 1
    while shared := {name for name in names if names.count(name) > 1}:
        depth += 1
        for index, (reader, parts) in enumerate(zip(readers, paths, strict=True)):
            if names[index] in shared:
                if depth > len(parts):
                    raise ValueError(f"{reader.folder}: {reader.name} is given twice; give it once")
                names[index] = f"{reader.name} ({'/'.join(parts[-depth:])})"
    return names
