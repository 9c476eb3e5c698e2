"""Sends bags to Dask workers and gets parts back; workers are processes of this machine, or a scheduler's."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing import resource_tracker

import dask
from distributed import Client, Future, KilledWorker, LocalCluster, as_completed
from distributed.utils import silence_logging_cmgr

from refseg_ros.errors import BundleError
from refseg_ros.interrupts import held_interrupt
from refseg_ros.search.answers import Task, search_bag
from refseg_ros.text import one_line

PATIENCE = 10.0
"""Seconds to wait for a scheduler's first answer."""
PAUSE = 1.0
"""Seconds between two reports of how many bags are being read."""
_SETTINGS = {
    # Else Dask ends a dead worker's nanny 15 s later, which may just be replacing the next dead worker: none is left.
    "distributed.deploy.lost-worker-timeout": "365 days",
    # A worker holds one bag at a time; else a bag that kills it counts as two.
    "distributed.scheduler.worker-saturation": 1.0,
}
"""Settings of Dask on this machine."""


@contextmanager
def local(workers: int) -> Iterator[Client]:
    """So many workers on this machine, each a process of one thread."""
    resource_tracker.ensure_running()  # else the first worker's start does it, and lets Ctrl-C through again
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(_SETTINGS))
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
    # Logs are not needed: failures arrive as exceptions.
    with silence_logging_cmgr(logging.CRITICAL), Client(scheduler, timeout=PATIENCE) as client:
        yield client


def search(client: Client, tasks: Sequence[Task], tell: Callable[[int], None]) -> Iterator[tuple[Task, bytes | str]]:
    """Search bags; gives each once, in any order, with its part, or with one line that says why there is none.

    If a worker dies, its bag goes to another one, until several have died. If there is no worker, the search waits.

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
    except Exception as error:  # of any kind: it concerns this bag, and the others go on
        words = one_line(error)
        return words if words.startswith(path) else f"{path}: {type(error).__name__}: {words}"
