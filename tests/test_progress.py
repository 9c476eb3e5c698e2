"""Progress on a terminal: one line that changes, and leaves nothing behind."""

from __future__ import annotations

import os
import pty
import sys
import time

from refseg_ros.progress import Progress


def test_on_a_terminal_one_line_changes_and_is_taken_away(monkeypatch):
    ours, theirs = pty.openpty()
    with open(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        progress = Progress()
        while progress.seconds < 0.2:
            time.sleep(0.05)
        progress.show("frame 7")
        progress.end()
        assert os.read(ours, 100) == b"\rframe 7\x1b[K\r\x1b[K"
    os.close(ours)
