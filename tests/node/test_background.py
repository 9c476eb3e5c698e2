from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from refseg_ros.node.background import Background


def started(work: Callable[[], object]) -> Background:
    background = Background(work)
    assert not background.is_running
    background.start()
    return background


def test_a_result_or_an_error_comes_to_who_waits():
    assert started(lambda: 7).wait(lambda: True) == 7

    def fail() -> None:
        raise KeyError("broken")

    with pytest.raises(KeyError, match="broken"):
        started(fail).wait(lambda: True)


def test_waiting_can_be_ended_and_the_work_goes_on():
    go = threading.Event()
    work = started(go.wait)
    looks = iter([True, True, False])
    with pytest.raises(InterruptedError):
        work.wait(lambda: next(looks))
    assert work.is_running
    go.set()
    assert work.wait(lambda: True) is True
    assert not work.is_running


def test_a_signal_in_the_middle_of_the_start_leaves_it_running(monkeypatch):
    """As on a busy machine, where the new thread is slow to say that it has begun."""
    start, go = threading.Thread.start, threading.Event()

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        raise KeyboardInterrupt

    work = Background(go.wait)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(KeyboardInterrupt):
            work.start()
    assert work.is_running
    go.set()
    assert work.wait(lambda: True) is True
