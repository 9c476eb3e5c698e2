from __future__ import annotations

import threading

import pytest

from refseg_ros.node.background import Background


def test_a_result_or_an_error_comes_to_who_waits():
    assert Background(lambda: 7).wait(lambda: True) == 7

    def fail() -> None:
        raise KeyError("broken")

    with pytest.raises(KeyError, match="broken"):
        Background(fail).wait(lambda: True)


def test_waiting_can_be_ended_and_the_work_goes_on():
    go = threading.Event()
    work = Background(go.wait)
    looks = iter([True, True, False])
    with pytest.raises(InterruptedError):
        work.wait(lambda: next(looks))
    assert work.is_running
    go.set()
    assert work.wait(lambda: True) is True
    assert not work.is_running
