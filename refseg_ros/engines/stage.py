"""The engines of a network that run equally often, some of them at the same time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Executor, wait

from refseg_ros.engines.contract import Array, Engine


class Stage:
    """Engines in steps, one step after the other.

    Attributes:
        engines: name of a graph -> its engine, in an order in which they can run.
        inputs: names of the arrays that any of them takes.
        outputs: names of the arrays that any of them gives.
    """

    def __init__(self, steps: Iterable[Mapping[str, Engine]], pool: Executor | None) -> None:
        """Take the engines of each step; the pool runs all but the first of a step. None: they run one by one."""
        whole = [step for step in steps if step]
        self._steps, self._pool = [list(step.values()) for step in whole], pool
        self.engines = {name: engine for step in whole for name, engine in step.items()}
        self.inputs, self.outputs = (
            {array for engine in self.engines.values() for array in getattr(engine, side)}
            for side in ("inputs", "outputs")
        )

    def run(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """Run all of them; the arrays that are given, and those that are made of them.

        Raises:
            EngineError: an engine failed; none is running any more.
        """
        known = dict(arrays)
        for step in self._steps:
            given = [{name: known[name] for name in engine.inputs} for engine in step]
            for made in self._run_step(step, given):
                known |= made
        return known

    def _run_step(self, step: list[Engine], given: list[dict[str, Array]]) -> list[dict[str, Array]]:
        if self._pool is None:
            return [engine.run(arrays) for engine, arrays in zip(step, given, strict=True)]
        beside = [self._pool.submit(engine.run, arrays) for engine, arrays in zip(step[1:], given[1:], strict=True)]
        try:
            first = step[0].run(given[0])
        finally:
            wait(beside)
        return [first, *(one.result() for one in beside)]
