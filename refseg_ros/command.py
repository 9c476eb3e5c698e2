"""The common behaviour of all commands: their name, errors in one line, exit codes, Ctrl-C."""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from refseg_ros.errors import EngineError
from refseg_ros.interrupts import STOPPED, raise_at_interrupt
from refseg_ros.text import printable


class Main(Protocol):
    """The main function of a command: arguments without the program (None: those of this process) -> exit code."""

    def __call__(self, arguments: Sequence[str] | None = None) -> int:
        """Run the command."""
        ...


FAILED = 2
"""Exit code after an error."""


def program() -> str:
    """How a user started this process, without the arguments: for the `prog` of a parser."""
    spec = sys.modules["__main__"].__spec__
    if spec is not None:
        return f"python -m {spec.name.removesuffix('.__main__')}"
    path = Path(sys.argv[0])
    installed = path.parts[-3:-1] == ("lib", "refseg_ros")
    return f"ros2 run refseg_ros {path.name}" if installed else path.name


def refuse_without_effect(
    parser: argparse.ArgumentParser, options: argparse.Namespace, names: Sequence[str], when: str
) -> None:
    """Refuse options that have no effect here; an option with its default value counts as not given.

    Args:
        parser: of the options.
        options: as parsed.
        names: of the options, as attributes of `options`.
        when: they have no effect, such as "without --data".

    Raises:
        ValueError: one of them was given.
    """
    for name in names:
        if getattr(options, name) != parser.get_default(name):
            raise ValueError(f"--{name.replace('_', '-')} has no effect {when}")


def seed(text: str) -> int:
    """Parse the argument of a seed, a whole number of at least 0."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{value} is below 0")
    return value


def forget_interrupt() -> None:
    """Tell Python that a KeyboardInterrupt was handled, so that the process ends with its own exit code.

    An interrupt that passes through an `exec` of text, as dataclasses and rosbags use it, leaves a mark, and then
    `python -m` ends by SIGINT whatever the exit code. The next `exec` removes the mark.
    """
    exec("")


def command(*expected: type[Exception]) -> Callable[[Main], Main]:
    """Decorate a `main`: errors expected from bad input become one line on stderr and the exit code FAILED.

    Args:
        expected: error types beside ValueError, OSError and EngineError.
    """
    caught: tuple[type[Exception], ...] = (ValueError, OSError, EngineError, *expected)

    def decorate(main: Main) -> Main:
        @functools.wraps(main)
        def guarded(arguments: Sequence[str] | None = None) -> int:
            try:
                raise_at_interrupt()
                return main(arguments)
            except caught as error:
                print(f"error: {printable(str(error))}", file=sys.stderr)
                return FAILED
            except KeyboardInterrupt:
                forget_interrupt()
                print("stopped", file=sys.stderr)
                return STOPPED

        return guarded

    return decorate
