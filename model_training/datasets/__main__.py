"""Inspect a folder of data: `python -m model_training.datasets DIR`.

Lists the data sets in the folder, counts images, expressions and words, and names missing files. If none is missing, it
decodes every target frame and mask to name those that are damaged, of another size or empty. With `--sheet` it also
draws samples on a picture; otherwise it writes nothing. Exit code 2 if the folder holds no data set, an incomplete one,
or one with faults.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from model_training.datasets.contact_sheet import contact_sheet
from model_training.datasets.faults import faults
from model_training.datasets.formats import open_every_list
from model_training.datasets.inspection import missing_files, report
from refseg_ros.command import command, program
from refseg_ros.media.files import write_png
from refseg_ros.text import printable

NAMED = 20
"""At most this many faults of a data set are printed."""


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
    readers, wrong = open_every_list(options.folder, options.images), 0
    for reader in readers:
        print(report(reader))
        found = [f"{path}: expected, but not there" for path in missing_files(reader)] or faults(reader)
        for fault in found[:NAMED]:
            print(printable(fault), file=sys.stderr)
        wrong += len(found)
    if options.sheet:
        write_png(options.sheet, contact_sheet(readers))
        print(f"wrote {options.sheet}")
    if wrong:
        raise ValueError(f"{options.folder}: {wrong} faults; training would stop at them, or learn what is not so")
    return 0


if __name__ == "__main__":
    sys.exit(main())
