"""Bags to workers and parts back, by Dask: processes of this machine, or those of a scheduler that is there."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing import resource_tracker

from distributed import Client, Future, KilledWorker, LocalCluster, as_completed
from distributed.utils import silence_logging_cmgr

from refseg_ros.errors import BundleError
from refseg_ros.interrupts import held_interrupt
from refseg_ros.search.answers import Task, search_bag
from refseg_ros.text import one_line

PATIENCE = 10.0
"""Seconds in which a scheduler has to answer first."""
PAUSE = 1.0
"""Seconds from telling how many bags are being read to the next time."""


@contextmanager
def local(workers: int) -> Iterator[Client]:
    """So many workers on this machine, each a process of one thread."""
    resource_tracker.ensure_running()  # else the first worker's start does it, and lets Ctrl-C through again
    with ExitStack() as stack:
        with held_interrupt():
            cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address="127.0.0.1:0",  # a free port: another search may run here
                silence_logs=logging.CRITICAL,
            )
            stack.callback(_close, cluster)
            client = Client(cluster)
            stack.callback(_close, client)
        yield client


def _close(one: Client | LocalCluster) -> None:
    with held_interrupt():
        one.close()


@contextmanager
def remote(scheduler: str) -> Iterator[Client]:
    """The workers of a scheduler.

    Raises:
        OSError: it does not answer.
    """
    # What went wrong arrives as an exception.
    with silence_logging_cmgr(logging.CRITICAL), Client(scheduler, timeout=PATIENCE) as client:
        yield client


def search(client: Client, tasks: Sequence[Task], tell: Callable[[int], None]) -> Iterator[tuple[Task, bytes | str]]:
    """Search bags; each comes once, in any order: its part, or in one line why there is none.

    A bag whose worker dies goes to another one, until it has taken several with it. Where there is no worker, one is
    waited for.

    Args:
        client: of the workers.
        tasks: the bags.
        tell: is called every `PAUSE` with how many bags are being read; 0: there is no worker.

    Raises:
        BundleError: a worker lacks the model.
        ValueError: a worker lacks the package.
        ConnectionError: the scheduler is gone.
    """
    futures = {client.submit(search_bag, task, pure=False): task for task in tasks}
    done, told = as_completed(futures, loop=client.loop), time.monotonic()
    while not done.is_empty():
        if time.monotonic() - told >= PAUSE:
            with suppress(OSError):  # the scheduler is gone, and then each bag says so
                tell(min(sum(client.nthreads().values()), len(futures)))
            told = time.monotonic()
        if not done.has_ready():
            time.sleep(0.05)
            continue
        future = next(done)
        task = futures.pop(future)
        yield task, _outcome(task, future)
        future.release()


def _outcome(task: Task, future: Future) -> bytes | str:
    path = task.recording.path
    try:
        return bytes(future.result())
    except BundleError:
        raise
    except ImportError as error:
        raise ValueError(
            f"a worker cannot run refseg_ros ({one_line(error)}); install refseg_ros[search] there"
        ) from error
    except CancelledError as error:
        raise ConnectionError(
            "the scheduler is gone; start it and this command again, which goes on from here"
        ) from error
    except KilledWorker:
        return f"{path}: the workers that read it died; is there enough memory?"
    except Exception as error:  # whatever a worker met: it is the bag's, and the others go on
        words = one_line(error)
        return words if words.startswith(path) else f"{path}: {type(error).__name__}: {words}"
