from __future__ import annotations

import pytest

from refseg_ros.speech.pronunciations import dictionary_lines, pronounce


@pytest.fixture
def dictionary(tmp_path):
    path = tmp_path / "words.dict"
    path.write_text("left L EH F T\nmost M OW S T\nthe DH AH\nthe(2) DH IY\nbroken\n")
    return path


def test_words_are_looked_up_put_together_or_missing(dictionary):
    found, missing = pronounce(["the", "leftmost", "gizmo", "most"], dictionary)
    assert found == {"the": ["DH AH", "DH IY"], "leftmost": ["L EH F T M OW S T"], "most": ["M OW S T"]}
    assert missing == ["gizmo"]


def test_a_users_own_words_go_first(dictionary, tmp_path):
    own = tmp_path / "own.dict"
    own.write_text("gizmo G IH Z M OW\nleft L AE F T\n")
    found, missing = pronounce(["gizmo", "left"], dictionary, own)
    assert found == {"gizmo": ["G IH Z M OW"], "left": ["L AE F T"]} and not missing


def test_what_is_written_is_read_again(dictionary, tmp_path):
    found, _ = pronounce(["the", "leftmost"], dictionary)
    path = tmp_path / "again.dict"
    path.write_text("".join(dictionary_lines(found)))
    assert pronounce(["the", "leftmost"], path) == (found, [])


def test_a_broken_line_is_named(dictionary):
    with pytest.raises(ValueError, match="words.dict: line 5 gives 'broken' no pronunciation"):
        pronounce(["broken"], dictionary)
