"""Fixtures that several tests share."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from refseg_ros import Segmenter
from refseg_ros.demo.domain import claim_domain
from refseg_ros.doctor.shared_memory import remove_leftovers
from refseg_ros.engines.cuda import first_gpu
from refseg_ros.errors import UnavailableError
from tests.bundles import write_bundle

# No test asserts a time: on a busy machine an example may take any.
# The same examples in every run: what fails is a change, not a draw. `--hypothesis-profile search` draws others.
quiet = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow], "print_blob": True}
settings.register_profile("search", **quiet)
settings.register_profile("same", derandomize=True, **quiet)
settings.load_profile("same")


LONG = (
    *("test_kinds.py", "test_doctor.py", "test_export.py", "test_diagnostics.py", "test_systems.py", "test_page.py"),
    *("test_segment_node.py", "test_colcon.py", "test_search_command.py", "test_shipped_model.py", "test_examples.py"),
    *("test_build_engine.py", "test_layers_in_onnx.py", "test_system.py", "test_switches.py"),
)
"""Files of tests that take longest and so begin first: of several processes none waits for another at the end."""


WAITING = {"ros", "web", "search"}
"""Folders of tests that wait for processes most of their time; the others compute."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long files first, as LONG has them, and mix those that wait with those that compute.

    So of several processes some compute at any time, and not all of them.
    """
    files = list(dict.fromkeys(item.path for item in items if item.path.name not in LONG))
    kinds = [[path for path in files if (path.parent.name in WAITING) == waits] for waits in (False, True)]
    share = {path: place / len(kind) for kind in kinds for place, path in enumerate(kind)}
    long = {name: place - len(LONG) for place, name in enumerate(LONG)}
    items.sort(key=lambda item: long.get(item.path.name) or share[item.path])


def pytest_collection_finish() -> None:
    """Leave what is loaded by now out of every later garbage collection, which an export to ONNX has many of."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def own_domain() -> int:
    """The ROS domain of this run, in which nobody else of this machine is, whatever the environment says."""
    return claim_domain()


@pytest.fixture(scope="session", autouse=True)
def no_leftovers() -> Iterator[None]:
    """Remove the shared memory of dead processes, which may fill /dev/shm: that of others before, and our own after."""
    remove_leftovers()
    yield
    remove_leftovers()


@pytest.fixture(scope="session")
def bundle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of bundles.py; not to be changed."""
    return write_bundle(tmp_path_factory.mktemp("bundle") / "by-hand")


@pytest.fixture(scope="session")
def segmenter(bundle_folder: Path) -> Segmenter:
    """That bundle, loaded."""
    return Segmenter(bundle_folder, threads=1)


@pytest.fixture
def no_gpu() -> None:
    """Skips a test of what is said where there is no GPU."""
    try:
        pytest.skip(f"there is a GPU: {first_gpu().name}")
    except UnavailableError:
        return
