"""What the pages share."""

from __future__ import annotations

from pathlib import Path

from refseg_ros.web.diagnosis import Diagnosis
from refseg_ros.web.hub import MOST_ASKED, Hub
from refseg_ros.web.lessons import Lessons


def test_the_history_may_be_walked_over_while_queries_come(tmp_path: Path) -> None:
    """Queries come in another thread than that of the pages."""
    hub = Hub(("",), (), Diagnosis("refseg/segment"), Lessons(tmp_path))
    for text in ("the mug", "the bowl", "", "the mug"):
        hub.note_query(text)
    assert list(hub.history) == ["the mug", "the bowl"]
    walk = iter(hub.history)
    assert next(walk) == "the mug"
    for number in range(2 * MOST_ASKED):
        hub.note_query(f"thing {number}")
    assert next(walk) == "the bowl"
    assert len(hub.history) == MOST_ASKED and hub.history[0] == f"thing {2 * MOST_ASKED - 1}"
