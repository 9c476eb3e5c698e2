"""The runtime leaves the machine as it was."""

import os
import subprocess
import sys
from pathlib import Path


def test_nothing_is_written_to_the_home_of_the_user(tmp_path: Path, bundle_folder: Path) -> None:
    code = f"from refseg_ros import Segmenter; Segmenter({str(bundle_folder)!r})"
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert not list(tmp_path.iterdir())
