"""Which bags an argument means."""

from __future__ import annotations

from pathlib import Path

import pytest

from refseg_ros.search.recordings import recordings


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two bags of rosbag2, a file of one and a bag of ROS 1; nothing is read of them here."""
    for name in ("one/bag", "two/bag"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "metadata.yaml").write_text("{}")
        (tmp_path / name / "bag_0.mcap").write_text("part of it")
    for name in ("two/alone.mcap", "two/old.bag", "two/notes.txt", "two/.hidden.bag"):
        (tmp_path / name).write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(fleet: Path, *arguments: str) -> list[str]:
    return [str(Path(found.path).relative_to(fleet)) for found in recordings(arguments)]


def test_a_folder_means_all_bags_in_it_and_a_bag_itself(fleet: Path) -> None:
    everything = ["one/bag", "two/alone.mcap", "two/bag", "two/old.bag"]
    assert names(fleet, ".") == everything
    assert names(fleet, "two", "one", "one/bag", str(fleet / "two")) == everything
    assert names(fleet, "one/bag") == ["one/bag"]
    assert names(fleet, "one/bag/bag_0.mcap") == ["one/bag/bag_0.mcap"]


def test_a_folder_without_metadata_is_a_bag_where_it_has_all_files_of_one(fleet: Path) -> None:
    for name in ("a/b/cut_0.mcap", "a/b/cut_1.mcap", "a/b/c/d_0.db3", "runs/run_1.mcap", "runs/run_2.mcap"):
        (fleet / name).parent.mkdir(parents=True, exist_ok=True)
        (fleet / name).write_text("")
    assert names(fleet, "a") == ["a/b", "a/b/c/d_0.db3"]
    assert names(fleet, "runs") == ["runs/run_1.mcap", "runs/run_2.mcap"]


def test_a_pattern_means_what_has_such_a_name(fleet: Path) -> None:
    assert names(fleet, "*/bag") == ["one/bag", "two/bag"]
    assert names(fleet, "t*") == ["two/alone.mcap", "two/bag", "two/old.bag"]
    assert names(fleet, "**/*.bag") == ["two/old.bag"]


def test_a_list_means_its_lines_relative_to_its_folder(fleet: Path) -> None:
    (fleet / "lists").mkdir()
    (fleet / "lists" / "today.txt").write_text("# of today\n../one\n\n../two/*.mcap  # a pattern\n../gone.bag\n")
    lines = ["gone.bag", "one/bag", "two/alone.mcap"]
    assert [Path(found.path).resolve() for found in recordings(["lists/today.txt"])] == [fleet / line for line in lines]


def test_a_list_may_begin_with_a_byte_order_mark(fleet: Path) -> None:
    (fleet / "list.txt").write_text("one/bag\r\ntwo/bag\r\n", "utf-8-sig")
    assert names(fleet, "list.txt") == ["one/bag", "two/bag"]


def test_a_list_may_lie_in_a_folder_whose_name_looks_like_a_pattern(fleet: Path) -> None:
    (fleet / "of [today]").mkdir()
    (fleet / "of [today]" / "list.txt").write_text("../two/*.mcap\n")
    (found,) = recordings(["of [today]/list.txt"])
    assert Path(found.path).resolve() == fleet / "two/alone.mcap"


def test_the_home_of_nobody_is_a_name_like_others(fleet: Path) -> None:
    assert names(fleet, "~nobody of this name/bag", "one") == ["one/bag", "~nobody of this name/bag"]


def test_lists_that_name_themselves_or_nothing(fleet: Path) -> None:
    (fleet / "list.txt").write_text("list.txt\nother.txt\n")
    (fleet / "other.txt").write_text("list.txt\none/bag\n")
    assert names(fleet, "list.txt") == ["one/bag"]
    (fleet / "other.txt").write_text("list.txt\n")
    with pytest.raises(ValueError, match="these lists name each other, and no bag"):
        names(fleet, "list.txt")
    (fleet / "other.txt").write_text("# nothing today\n\n")
    with pytest.raises(ValueError, match=r"other\.txt: names no bag"):
        names(fleet, "other.txt")


def test_a_bag_that_is_meant_twice_is_one(fleet: Path) -> None:
    assert names(fleet, "one/../one/bag", "one/bag") == ["one/bag"]


def test_a_bag_behind_links_is_counted_once_and_by_its_own_name(fleet: Path) -> None:
    everything = names(fleet, ".")
    (fleet / "a_latest").symlink_to(fleet / "two")
    (fleet / "one/again").symlink_to(fleet / "two/bag")
    (fleet / "one/itself").symlink_to(fleet)
    (fleet / "two/link.mcap").symlink_to("alone.mcap")
    assert names(fleet, ".") == everything
    assert names(fleet, "a_latest", "one", ".", "**/*.bag", "**/link.mcap") == everything


def test_a_bag_is_found_where_only_a_link_leads_to_it(fleet: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    disk = tmp_path_factory.mktemp("disk")
    (disk / "far.mcap").write_text("")
    (fleet / "mounted").symlink_to(disk)
    assert names(fleet, "mounted", "mounted/far.mcap") == ["mounted/far.mcap"]
    assert "mounted/far.mcap" in names(fleet, ".")


def test_the_case_of_a_suffix_does_not_matter(fleet: Path) -> None:
    (fleet / "two/LOUD.MCAP").write_text("")
    assert "two/LOUD.MCAP" in names(fleet, "two")
    assert names(fleet, "two/LOUD.MCAP") == ["two/LOUD.MCAP"]


def test_the_metadata_means_its_folder(fleet: Path) -> None:
    assert names(fleet, "one/bag/metadata.yaml", "**/metadata.yaml") == ["one/bag", "two/bag"]


def test_a_packed_file_is_not_passed_over_unless_it_was_unpacked(fleet: Path) -> None:
    """It cannot be read, and the search says so."""
    for name in ("two/far_0.db3.zstd", "two/alone.mcap.zstd", "two/notes.txt.zstd"):
        (fleet / name).write_text("")
    assert names(fleet, "two") == ["two/alone.mcap", "two/bag", "two/far_0.db3.zstd", "two/old.bag"]
    assert names(fleet, "two/far_0.db3.zstd") == ["two/far_0.db3.zstd"]


def test_a_bag_that_changed_is_another(fleet: Path) -> None:
    (before,) = recordings(["one/bag"])
    (fleet / "one/bag/bag_0.mcap").write_text("more of it")
    (after,) = recordings(["one/bag"])
    assert before.path == after.path and before != after


@pytest.mark.parametrize(
    ("argument", "words"),
    [("nowhere/*", "no bag has such a name"), ("empty", "there is no bag in this folder"), ("photo", "neither a bag")],
)
def test_what_means_no_bag_is_named(fleet: Path, argument: str, words: str) -> None:
    (fleet / "empty").mkdir()
    (fleet / "photo").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(ValueError, match=words) as caught:
        recordings([argument])
    assert argument in str(caught.value)
