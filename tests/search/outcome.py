"""What a search left behind, and what it said."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from refseg_ros.search.__main__ import main


def rows(folder: Path) -> list[dict]:
    """The answers that a search wrote into its folder."""
    return pq.read_table(folder / "answers.parquet").to_pylist()


def in_process(capsys: pytest.CaptureFixture[str], *arguments: object) -> subprocess.CompletedProcess:
    """Run the command here, where it ends before it starts a worker."""
    code = main([str(argument) for argument in arguments])
    return subprocess.CompletedProcess(arguments, code, *capsys.readouterr())


def refused(result: subprocess.CompletedProcess, *words: str) -> None:
    """It must have been refused in one line with these words."""
    assert result.returncode == 2 and result.stdout == ""
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1, result.stderr
    for word in words:
        assert word in result.stderr
