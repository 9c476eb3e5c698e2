"""A Ctrl-C in the middle of an import, without a look at the clock."""

from __future__ import annotations

import os
from pathlib import Path


def interrupting(module: str, folder: Path) -> dict[str, str]:
    """An environment whose Python gets SIGINT when it begins to import a module, which hides a KeyboardInterrupt."""
    (folder / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell has background jobs ignore it
        "class Interrupting:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}:\n"
        "            try:\n"
        "                os.kill(os.getpid(), signal.SIGINT)\n"
        "            except KeyboardInterrupt as error:\n"
        "                raise RuntimeError('as a compiled module or an Enum makes of it') from error\n"
        "sys.meta_path.insert(0, Interrupting())\n"
    )
    return os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
