"""Files take their final name only once they are whole, and errors name what the caller named."""

from __future__ import annotations

from pathlib import Path

import pytest

from refseg_ros.files import expanded, replacing, write_bytes


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expanded("~/model") == tmp_path / "model" and expanded(Path("model")) == Path("model")
    assert expanded("~nobody of this name/model") == Path("~nobody of this name/model")


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    path.write_bytes(b"old")
    with replacing(path) as temporary:
        temporary.write_bytes(b"new")
        assert path.read_bytes() == b"old" and temporary.suffix == ".json"
    assert path.read_bytes() == b"new" and list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    path.write_bytes(b"old")
    with pytest.raises(KeyError), replacing(path) as temporary:
        temporary.write_bytes(b"half")
        raise KeyError
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_an_error_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "answer.json"
    with pytest.raises(FileNotFoundError) as caught:
        write_bytes(path, b"")
    assert caught.value.filename == str(path) and "partial" not in str(caught.value)
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        write_bytes(tmp_path / "folder", b"")
    assert str(caught.value) == f"[Errno 21] Is a directory: '{tmp_path / 'folder'}'"


def test_an_error_of_another_file_keeps_its_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught, replacing(tmp_path / "answer.json"):
        (tmp_path / "source").read_bytes()
    assert caught.value.filename == str(tmp_path / "source")
    with pytest.raises(OSError, match="^a reason of its own$"), replacing(tmp_path / "answer.json"):
        raise OSError("a reason of its own")
