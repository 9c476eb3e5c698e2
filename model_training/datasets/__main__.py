"""Inspect a folder of data: `python -m model_training.datasets DIR`.

Lists the data sets in the folder, counts images, expressions and words, and names missing files. With `--sheet` it also
draws samples on a picture; otherwise it writes nothing. Exit code 2 with one line if the folder holds no data set, or
an incomplete one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from model_training.datasets.contact_sheet import contact_sheet
from model_training.datasets.formats import open_folder
from model_training.datasets.inspection import missing_files, report
from refseg_ros.command import command, program
from refseg_ros.media.files import write_png


@command()
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog=program(), description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--images", type=Path, help="folder of COCO's images, if not in a usual place")
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="PNG to write, with samples of the data drawn on it")
    options = parser.parse_args(arguments)
    if options.sheet and options.sheet.suffix.lower() != ".png":
        raise ValueError(f"{options.sheet}: the contact sheet is a PNG; give a name that ends in .png")
    readers = open_folder(options.folder, options.images)
    for reader in readers:
        print(report(reader))
        if missing := missing_files(reader):
            raise FileNotFoundError(f"{missing[0]}: expected, but not there; {len(missing)} files are missing")
    if options.sheet:
        write_png(options.sheet, contact_sheet(readers))
        print(f"wrote {options.sheet}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
