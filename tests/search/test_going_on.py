"""A search that was stopped, or whose bags have changed, goes on; nothing is lost and nothing stays behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="pyarrow is not installed (the extra `search`)")
pytest.importorskip("distributed", reason="distributed is not installed (the extra `search`)")


from refseg_ros.search.settings import FILE, SearchConfig, bind
from tests.bundles import MANIFEST, write_bundle
from tests.search.bags import IMAGES, ROOT, command, complaints, picture, record, search
from tests.search.outcome import in_process, refused, rows
from tests.waiting import until


def test_it_goes_on_with_bags_that_are_new_or_have_changed(tmp_path, bags, bundle_folder):
    out, line = tmp_path / "out", ("red", "--model", bundle_folder, "-o", tmp_path / "out")
    shutil.move(bags / "two", tmp_path / "later")
    assert search(bags, *line).returncode == 0
    parts = {path: path.stat().st_mtime_ns for path in out.glob("parts/*")}
    assert len(parts) == 2 and len(rows(out)) == 11
    shutil.move(tmp_path / "later", bags / "two")
    shutil.rmtree(bags / "raw")
    record(bags / "raw", IMAGES[:2])
    assert search(bags, *line).returncode == 0
    kept = [path for path, time in parts.items() if path.stat().st_mtime_ns == time]
    assert len(kept) == 1 and len(rows(out)) == 5 + 2 + 8
    assert search(bags / "raw", *line).returncode == 0
    assert len(rows(out)) == 2


def test_it_goes_on_after_the_power_was_lost(tmp_path, bags, bundle_folder):
    """Which may leave a part empty, cut off or with a wrong bit; what was killed at once leaves what it was writing."""
    record(bags / "more", IMAGES)
    out, line = tmp_path / "out", (bags, "red", "--model", bundle_folder, "-o", tmp_path / "out")
    assert search(*line).returncode == 0
    whole = (out / "answers.parquet").read_bytes()
    empty, cut, wrong, kept = sorted(out.glob("parts/*"))
    empty.write_bytes(b"")
    cut.write_bytes(cut.read_bytes()[:-100])
    flipped = bytearray(wrong.read_bytes())
    flipped[len(flipped) // 4] ^= 1  # in the rows, which the notes at the end say nothing of
    wrong.write_bytes(flipped)
    time = kept.stat().st_mtime_ns
    with subprocess.Popen(["true"]) as gone:
        pass
    ours = [out / f".answers.{gone.pid}.partial.parquet", out / "parts" / f".{kept.stem}.{gone.pid}.partial.parquet"]
    others = [out / f".answers.{os.getpid()}.partial.parquet", out / ".my.partial.parquet"]
    for path in (*ours, *others):
        path.write_bytes(b"half")
    result = search(*line)
    assert result.returncode == 0 and "4 bags searched; 25 frames" in result.stdout, result.stderr
    assert (out / "answers.parquet").read_bytes() == whole and kept.stat().st_mtime_ns == time
    assert not any(path.exists() for path in ours) and all(path.exists() for path in others)


def test_answers_of_another_search_are_not_gone_on_with(tmp_path, bags, bundle_folder, capsys):
    out = tmp_path / "out"
    assert search(bags / "raw", "red", "--model", bundle_folder, "-o", out).returncode == 0
    before = (out / "answers.parquet").read_bytes()
    other = write_bundle(
        tmp_path / "other", MANIFEST, vocabulary=b"<pad>\n<unknown>\nthe\nmug\nred\ngreen\nblue\na\nb\nc\n"
    )
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    for arguments, words in (
        (("green", "--model", bundle_folder, "-o", out), "has answers with expressions ['red'], not ['green']"),
        (("red", "--model", bundle_folder, "-o", out, "--every", "1"), "has answers with every 0.0, not 1.0"),
        (("red", "--model", other, "-o", out), "has answers with model"),
        (("red", "--model", bundle_folder, "-o", tmp_path / "mine"), "there is something else"),
    ):
        refused(in_process(capsys, bags / "raw", *arguments), words, "give another folder with -o")
    assert (out / "answers.parquet").read_bytes() == before


def test_settings_without_answers_are_those_of_the_next_search(tmp_path):
    """A search that failed, or was killed at once, left them; a file of somebody else's stays."""
    folder = tmp_path / "out"
    bind(folder, SearchConfig(("the mug",), "model"), begun=False)
    bind(folder, SearchConfig(("the bowl",), "model"), begun=False)
    bind(folder, SearchConfig(("the bowl",), "model"), begun=True)
    with pytest.raises(ValueError, match="has answers with expressions \\['the bowl'\\], not \\['the mug'\\]"):
        bind(folder, SearchConfig(("the mug",), "model"), begun=True)
    newer = json.loads((folder / FILE).read_text()) | {"tiles": 4}
    (folder / FILE).write_text(json.dumps(newer))
    with pytest.raises(ValueError, match="has answers with tiles 4, not None"):
        bind(folder, SearchConfig(("the bowl",), "model"), begun=True)
    (folder / FILE).write_text('{"theme": "dark"}')
    with pytest.raises(ValueError, match="give another folder with -o"):
        bind(folder, SearchConfig(("the mug",), "model"), begun=False)
    assert (folder / FILE).read_text() == '{"theme": "dark"}'


def begun(*arguments: object) -> subprocess.Popen:
    """A search that runs, in a session of its own."""
    return subprocess.Popen(
        command(*arguments),
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # a shell's background job has it ignored
    )


def test_ctrl_c_leaves_whole_parts_to_go_on_with(tmp_path, bundle_folder):
    bags = [record(tmp_path / f"bag{index}", [picture(index)] * 40) for index in range(12)]
    out, line = tmp_path / "out", (*bags, "redder", "--model", bundle_folder, "--workers", 1)
    process = begun(*line, "-o", out)
    until(lambda: len(list(out.glob("parts/[!.]*.parquet"))) >= 2, "two parts", process)
    process.send_signal(signal.SIGINT)
    assert complaints(process.communicate(timeout=60)[1]) == ["stopped"] and process.returncode == 130
    left = sorted(out.rglob("*"))
    assert 2 <= len(list(out.glob("parts/[!.]*.parquet"))) < 12 and not (out / "answers.parquet").exists()
    assert {path.name for path in left if path.parent == out} == {"parts", "settings.json"}
    assert all(path.suffix == ".parquet" and not path.name.startswith(".") for path in out.glob("parts/*"))
    for folder in (out, tmp_path / "whole"):
        assert search(*line, "-o", folder).returncode == 0
    assert (out / "answers.parquet").read_bytes() == (tmp_path / "whole" / "answers.parquet").read_bytes()


def test_ctrl_c_while_the_workers_start_leaves_nothing_behind(tmp_path, bags, bundle_folder):
    """From a terminal, which sends it to the workers too."""
    process = begun(bags, "red", "--model", bundle_folder, "-o", tmp_path / "out")
    # The command, and processes that Dask has begun to start.
    until(lambda: len(of_session(process.pid)) >= 3, "the workers", process)
    os.killpg(process.pid, signal.SIGINT)
    assert complaints(process.communicate(timeout=60)[1]) == ["stopped"] and process.returncode == 130
    # Python's tracker of shared memory ends when it sees that the command has.
    until(lambda: not of_session(process.pid), "the end of all its processes")


def of_session(leader: int) -> list[int]:
    """The processes that run in a session, from /proc."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, _, session = path.read_text().rpartition(")")[2].split()[:4]
            if int(session) == leader and state != "Z":
                found.append(int(path.parent.name))
    return found
