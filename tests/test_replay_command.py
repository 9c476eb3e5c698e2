"""`python -m refseg_ros.replay` where what it needs is not installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def replay_without(*names: str, arguments: tuple[str, ...]) -> subprocess.CompletedProcess:
    """Run the command in an interpreter in which an import of these names fails."""
    code = f"""
import sys
for name in {names!r}:
    sys.modules[name] = None
from refseg_ros.replay import main
sys.exit(main({list(arguments)!r}))
"""
    line = [sys.executable, "-c", code]
    return subprocess.run(line, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False)


def test_help_needs_nothing() -> None:
    result = replay_without("rosbags", "rclpy", "sensor_msgs", "ament_index_python", arguments=("--help",))
    assert result.returncode == 0 and "--image-topic" in result.stdout, result.stderr


@pytest.mark.parametrize(
    ("missing", "cure"),
    [
        ("rosbags", "pip install 'rosbags>=0.11.8'"),
        ("backports", "pip install 'rosbags>=0.11.8'"),
        ("ament_index_python", "source ROS 2"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, missing: str, cure: str) -> None:
    if missing == "backports" and sys.version_info >= (3, 14):
        pytest.skip("zstd is in Python")
    if missing != "ament_index_python":
        pytest.importorskip("ament_index_python", reason="ROS 2 is not installed, and is missed first")
    result = replay_without(missing, arguments=(str(tmp_path), "the red mug"))
    assert result.returncode == 2 and result.stderr.count("\n") == 1
    assert result.stderr.startswith(f"error: replaying bags needs {missing}") and cure in result.stderr
