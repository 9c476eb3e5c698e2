"""The mailbox keeps each sender's newest item alone, senders take turns, and a closed one lets nobody wait."""

from __future__ import annotations

import threading

from refseg_ros.node.worker import Mailbox


def test_the_newest_item_wins() -> None:
    mailbox: Mailbox[int] = Mailbox()
    assert [mailbox.put("camera", item) for item in range(5)] == [False, True, True, True, True]
    assert mailbox.take() == 4
    assert mailbox.put("camera", 5) is False


def test_senders_take_turns_however_fast_one_of_them_sends() -> None:
    mailbox: Mailbox[str] = Mailbox()
    taken = []
    for turn in range(4):
        mailbox.put("slow", f"slow {turn}")
        for number in range(100):
            mailbox.put("fast", f"fast {turn} {number}")
        taken += [mailbox.take(), mailbox.take()]
    assert taken == [item for turn in range(4) for item in (f"slow {turn}", f"fast {turn} 99")]


def test_items_pass_between_threads_in_order_and_the_last_one_arrives() -> None:
    mailbox: Mailbox[int] = Mailbox()
    taken: list[int] = []

    def work() -> None:
        while (item := mailbox.take()) is not None:
            taken.append(item)
            if item == 9999:
                return

    worker = threading.Thread(target=work)
    worker.start()
    replaced = sum(mailbox.put("camera", item) for item in range(10_000))
    worker.join(30)
    assert not worker.is_alive()
    assert taken == sorted(set(taken))
    assert taken[-1] == 9999
    assert len(taken) + replaced == 10_000


def test_closing_ends_every_wait() -> None:
    mailbox: Mailbox[int] = Mailbox()
    waiting = [threading.Thread(target=mailbox.take) for _ in range(3)]
    for thread in waiting:
        thread.start()
    mailbox.close()
    for thread in waiting:
        thread.join(30)
        assert not thread.is_alive()
    mailbox.put("camera", 1)
    assert mailbox.take() is None
