"""What the doctor says of memory, disk and driver, from files in the place of those of the kernel."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from refseg_ros.doctor.finding import Level
from refseg_ros.doctor.machine import LEAST_MEMORY, MEMORY, check_disk, check_memory, gpu_driver

KILOBYTES = round(LEAST_MEMORY / 1024)
OF_A_DRIVER = """NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024
GCC version:  gcc version 12.3.0 (Ubuntu 12.3.0-1ubuntu1~22.04)
"""


@pytest.mark.parametrize(
    ("available", "level", "words"),
    [
        (0, Level.WARN, "0 MB of memory are available; the node wants 500 MB"),
        (KILOBYTES - 1, Level.WARN, "500 MB of memory are available; the node wants 500 MB: end something"),
        (KILOBYTES + 1, Level.OK, "0.5 GB of memory are available"),
    ],
)
def test_too_little_memory_is_told(tmp_path: Path, available: int, level: Level, words: str) -> None:
    file = tmp_path / "meminfo"
    text, changed = re.subn(r"(MemAvailable: +)\d+", rf"\g<1>{available}", MEMORY.read_text())
    file.write_text(text)
    (finding,) = check_memory(file)
    assert changed == 1 and finding.level == level and words in finding.text


def test_this_machine_has_memory() -> None:
    (finding,) = check_memory()
    assert re.search(r"\d [GM]B of memory are available", finding.text)


def test_a_disk_without_room_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROS_LOG_DIR", "/proc/logs")  # whose file system never has any
    (finding,) = check_disk()
    told = "/proc has 0 MB free" if os.geteuid() == 0 else "logs cannot be written to /proc/logs"
    assert finding.level == Level.ERROR and finding.text.startswith(told)


def test_a_shell_without_a_home_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROS_LOG_DIR", raising=False)
    monkeypatch.setenv("ROS_HOME", "")
    monkeypatch.delenv("HOME")
    (finding,) = check_disk()
    assert finding.level == Level.ERROR and "HOME is not set" in finding.text


@pytest.mark.parametrize(
    ("text", "said"),
    [(OF_A_DRIVER, "NVRM version: NVIDIA UNIX x86_64 Kernel Module 550.54.15 Tue Mar 5 22:23:56 UTC 2024"), ("", "")],
)
def test_a_driver_is_named_by_its_first_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "version"
    assert gpu_driver(file) == ""
    file.write_text(text)
    assert gpu_driver(file) == said
