"""How the graphs of a bundle are joined by the names of their arrays, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

IMAGE, WORDS, PAST = "image", "words", "past_"
"""The arrays that no graph makes: the frame, the ids of the expressions, and `past_X`, array X of earlier frames."""

Reach = Mapping[str, frozenset[str]]
"""Array -> which of "image", "words" and "past_" reach it."""


class Joined(Protocol):
    """What must be known of a graph."""

    @property
    def inputs(self) -> Iterable[str]:
        """Names of the arrays that it takes."""
        ...

    @property
    def outputs(self) -> Iterable[str]:
        """Names of the arrays that it gives."""
        ...


def reached(graphs: Mapping[str, Joined]) -> dict[str, frozenset[str]]:
    """What reaches each array, and so how often its graph runs: without words once a frame, with words alone once a
    query, with both once for each pair.

    Args:
        graphs: name -> graph, in the order in which they run.

    Raises:
        ValueError: a graph takes an array that no earlier graph gives; the message begins with the name of the graph.
    """
    reach = {IMAGE: frozenset([IMAGE]), WORDS: frozenset([WORDS])}
    for name, graph in graphs.items():
        reach |= dict.fromkeys(graph.outputs, sources_of(name, graph, reach))
    return reach


def sources_of(name: str, graph: Joined, reach: Reach) -> frozenset[str]:
    """What reaches a graph; `reach` must have the arrays of all earlier graphs.

    Raises:
        ValueError: it takes an array that no earlier graph gives; the message begins with `name`.
    """
    sources: frozenset[str] = frozenset()
    for array in graph.inputs:
        if not array.startswith(PAST) and array not in reach:
            raise ValueError(f"{name}: wants `{array}`, which no graph before it gives")
        sources |= frozenset([PAST]) if array.startswith(PAST) else reach[array]
    return sources


def side_by_side(graphs: Mapping[str, Joined]) -> tuple[tuple[str, ...], ...]:
    """Group the names of graphs into steps: those of one step follow each other, run equally often, and none takes what
    another one gives.

    Raises:
        ValueError: as `reached`.
    """
    reach, steps = reached(graphs), list[list[str]]()
    for name, graph in graphs.items():
        beside = steps[-1] if steps else []
        given = {array for other in beside for array in graphs[other].outputs}
        sources = [sources_of(one, graphs[one], reach) for one in (name, *beside[:1])]
        if beside and sources[0] == sources[1] and given.isdisjoint(graph.inputs):
            beside.append(name)
        else:
            steps.append([name])
    return tuple(map(tuple, steps))


def kept_arrays(graphs: Mapping[str, Joined], reach: Reach) -> tuple[str, ...]:
    """The arrays that are kept of earlier frames, because a graph takes `past_X` of an array X.

    They must be made of their frame alone: an array that depends on words differs for each query, and one that depends
    on earlier frames would carry their errors on.

    Raises:
        ValueError: there is no such X; the message begins with the name of the graph.
    """
    kept: dict[str, None] = {}
    for name, graph in graphs.items():
        for past in (array for array in graph.inputs if array.startswith(PAST)):
            array = past.removeprefix(PAST)
            if array not in reach:
                raise ValueError(f"{name}: wants `{past}`, but no graph gives `{array}`")
            if reach[array] != {IMAGE}:
                source = "words" if WORDS in reach[array] else "earlier frames"
                raise ValueError(f"{name}: wants `{past}`, but `{array}` depends on {source} and cannot be kept")
            kept[array] = None
    return tuple(kept)
