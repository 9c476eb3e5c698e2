"""The mailbox keeps the newest item alone, and a closed one lets nobody wait."""

from __future__ import annotations

import threading

from refseg_ros.mailbox import Mailbox


def test_the_newest_item_wins() -> None:
    mailbox: Mailbox[int] = Mailbox()
    for item in range(5):
        mailbox.put(item)
    assert mailbox.take() == 4
    assert mailbox.replaced == 4


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
    for item in range(10_000):
        mailbox.put(item)
    worker.join(30)
    assert not worker.is_alive()
    assert taken == sorted(set(taken))
    assert taken[-1] == 9999
    assert len(taken) + mailbox.replaced == 10_000


def test_closing_ends_every_wait() -> None:
    mailbox: Mailbox[int] = Mailbox()
    waiting = [threading.Thread(target=mailbox.take) for _ in range(3)]
    for thread in waiting:
        thread.start()
    mailbox.close()
    for thread in waiting:
        thread.join(30)
        assert not thread.is_alive()
    mailbox.put(1)
    assert mailbox.take() is None
