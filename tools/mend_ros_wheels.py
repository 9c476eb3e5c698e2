"""Mends ROS 2 wheels that were just installed into the virtual environment that runs this.

The CMake targets that the wheels export name the headers of the machine that built them, and CMake stops at a folder
that is not there, so they are pointed at this interpreter's headers. Colcon looks for a `local_setup` script in every
prefix and warns if there is none, so the environment gets an empty one.
"""

import re
import sys
import sysconfig
from pathlib import Path

import numpy

PYTHON_HEADERS = re.compile(r"/opt/python/cp\d+-cp\d+/include/python3\.\d+")
NUMPY_HEADERS = re.compile(r"/opt/python/cp\d+-cp\d+/lib/python3\.\d+/site-packages/numpy/_core/include")


def mend(share: Path) -> int:
    """Rewrite the CMake files below `share` that name foreign headers, and return how many were rewritten."""
    mended = 0
    for path in share.rglob("*.cmake"):
        text = path.read_text(encoding="utf-8")
        new = NUMPY_HEADERS.sub(lambda _: numpy.get_include(), text)
        new = PYTHON_HEADERS.sub(lambda _: sysconfig.get_paths()["include"], new)
        if new != text:
            path.write_text(new, encoding="utf-8")
            mended += 1
    return mended


def main() -> None:
    """Mend the environment of the running interpreter."""
    prefix = Path(sys.prefix)
    mend(prefix / "share")
    for shell in ("sh", "bash", "zsh"):
        (prefix / f"local_setup.{shell}").touch()


if __name__ == "__main__":
    main()
