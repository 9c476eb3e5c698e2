"""Which files of shared memory are dead, in a folder in the place of /dev/shm with real locks and mappings."""

import fcntl
import mmap
import os
import subprocess
import sys
from pathlib import Path

from refseg_ros.doctor.finding import Level
from refseg_ros.doctor.shared_memory import check_shared_memory, find_leftovers, remove_leftovers

SEGMENT, PORT = "fastdds_00112233445566aa", "fastdds_port7411"
OF_A_PORT = {PORT, f"{PORT}_el", f"sem.{PORT}_mutex"}
OTHERS = {"lttng-ust-wait-6", "fastdds_notes.txt", "sem.another", "fastdds_port7411.bak"}


def write(folder: Path, names: set[str], size: int = 4096) -> None:
    for name in names:
        (folder / name).write_bytes(bytes(0 if name.endswith(("_el", "_sl")) else size))


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_what_nobody_holds_is_removed_and_nothing_of_others(tmp_path):
    of_old = {"fastrtps_0123456789abcdef", "fastrtps_0123456789abcdef_el", "fastrtps_port7000", "fastrtps_port7000_sl"}
    write(tmp_path, {SEGMENT, f"{SEGMENT}_el"} | OF_A_PORT | of_old | OTHERS)
    assert len(remove_leftovers(tmp_path).files) == 2 + 3 + 4
    assert left(tmp_path) == OTHERS
    assert not remove_leftovers(tmp_path).files


def test_a_lock_keeps_all_files_of_its_owner(tmp_path):
    write(tmp_path, {SEGMENT, f"{SEGMENT}_el"} | OF_A_PORT)
    code = (
        "import fcntl, sys; it = open(sys.argv[1]); fcntl.flock(it, fcntl.LOCK_EX); print(flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path / f"{PORT}_el")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        owner.stdout.readline()
        assert {path.name for path in remove_leftovers(tmp_path).files} == {SEGMENT, f"{SEGMENT}_el"}
        owner.kill()
    assert left(tmp_path) == OF_A_PORT
    assert {path.name for path in remove_leftovers(tmp_path).files} == OF_A_PORT


def test_what_is_mapped_or_open_stays_without_a_lock(tmp_path):
    write(tmp_path, {SEGMENT} | OF_A_PORT)
    descriptor = os.open(tmp_path / SEGMENT, os.O_RDWR)
    with mmap.mmap(descriptor, 4096), open(tmp_path / f"{PORT}_el"):
        os.close(descriptor)
        assert not remove_leftovers(tmp_path).files
    assert left(tmp_path) == {SEGMENT} | OF_A_PORT


def test_the_memory_of_the_dead_is_told(tmp_path):
    write(tmp_path, {SEGMENT, f"{SEGMENT}_el"}, size=3_000_000)
    assert find_leftovers(tmp_path).size >= 3_000_000
    told = [finding.text for finding in check_shared_memory(tmp_path)]
    assert told[0].startswith(f"2 files of dead processes take 3 MB of {tmp_path}")
    assert "--clean" in told[0]


def test_a_machine_without_shared_memory_is_told(tmp_path):
    (finding,) = check_shared_memory(tmp_path / "nothing")
    assert finding.level == Level.ERROR


def test_looking_leaves_no_lock(tmp_path):
    write(tmp_path, OF_A_PORT)
    find_leftovers(tmp_path)
    with open(tmp_path / f"{PORT}_el") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
