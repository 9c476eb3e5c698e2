"""Built engines beside the graphs of a bundle: `encoder.engine` and its passport `encoder.engine.json`."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from types import ModuleType

from refseg_ros.engines.bundle import Bundle
from refseg_ros.engines.cuda import Gpu
from refseg_ros.engines.graphs import ENGINE_PRECISIONS, of_precision
from refseg_ros.engines.passport import Machine, Passport
from refseg_ros.errors import BundleError, UnavailableError
from refseg_ros.files import write_bytes

COMMAND = "ros2 run refseg_ros build_engine"


def engine_path(bundle: Bundle, name: str) -> Path:
    """Where the engine of a graph lies."""
    return (bundle.folder / name).with_suffix(".engine")


def sha256(data: bytes) -> str:
    """The SHA-256 in lower-case hex."""
    return hashlib.sha256(data).hexdigest()


def machine(trt: ModuleType, gpu: Gpu) -> Machine:
    """What an engine that is built here is tied to."""
    return Machine(trt.__name__, str(trt.__version__), gpu.name, gpu.compute_capability)


def write(bundle: Bundle, name: str, plan: bytes, passport: Passport) -> None:
    """Write an engine and, after it, its passport.

    Raises:
        OSError: the bundle's folder cannot be written to.
    """
    path = engine_path(bundle, name)
    write_bytes(path, plan)
    write_bytes(_passport_path(path), passport.dump().encode())


def read(bundle: Bundle, name: str, machine: Machine) -> tuple[bytes, Passport]:
    """Read the engine of a graph, which was built for what the graph is now, and for this machine.

    Raises:
        UnavailableError: there is none.
        BundleError: there is one that does not fit; the message names the first difference.
    """
    path = engine_path(bundle, name)
    try:
        passport = Passport.load(_passport_path(path))
        plan = path.read_bytes()
    except FileNotFoundError:
        raise UnavailableError(f"{path}: was not built yet; run: {COMMAND} {bundle.folder}") from None
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror}); {_again(bundle)}") from None
    if passport.precision in ENGINE_PRECISIONS:
        onnx = sha256(bundle.contents[of_precision(bundle, name, passport.precision)])
        difference = passport.difference(**dataclasses.asdict(machine), onnx=onnx, engine=sha256(plan))
    else:
        difference = f"the precision is {passport.precision!r}, which this version does not know"
    if difference:
        raise BundleError(f"{path}: does not fit, {difference}; {_again(bundle)}")
    return plan, passport


def fit(bundle: Bundle, machine: Machine, **wanted: object) -> bool:
    """Whether the engines of all graphs are there, for this machine, and as wanted.

    Args:
        bundle: whose engines.
        machine: that they are to run on.
        wanted: field of their passports -> value.

    Raises:
        BundleError: one is there that does not fit; the message names the first difference.
    """
    for name in bundle.manifest.graphs:
        try:
            difference = read(bundle, name, machine)[1].difference(**wanted)
        except UnavailableError:
            return False
        if difference:
            raise BundleError(f"{engine_path(bundle, name)}: {difference}; add --rebuild to replace it")
    return True


def _again(bundle: Bundle) -> str:
    return f"run: {COMMAND} {bundle.folder} --rebuild"


def _passport_path(path: Path) -> Path:
    return path.with_name(path.name + ".json")
