"""What is asked at the moment: expressions, each with a number of its own."""

from __future__ import annotations

import dataclasses
import itertools
import re
import threading
from dataclasses import dataclass

from refseg_ros.expression import MAX_CHARACTERS

SEPARATOR = ";"
MOST_EXPRESSIONS = 8
"""Expressions that are answered at a time; the work on a frame is bounded by it."""

_PART = re.compile(f"[^{SEPARATOR}]+")


@dataclass(frozen=True)
class Query:
    """An expression that was asked, and its number."""

    id: int
    text: str
    pursued: bool = False
    """It belongs to a goal, whose client alone hears the answers."""


class QueryError(ValueError):
    """An expression cannot be asked; the message says why."""


def split(text: str) -> tuple[tuple[str, ...], bool]:
    """The expressions in a text, which stand between semicolons, and whether there were more than MOST_EXPRESSIONS.

    They come as a message can carry them: lone surrogates and NUL replaced, cut where nobody reads on. One character
    more than is read is kept, for the answer to report the cut.
    """
    expressions: list[str] = []
    for part in _PART.finditer(text):
        expression = _transportable(part.group().strip())
        if not expression:
            continue
        if len(expressions) == MOST_EXPRESSIONS:
            return tuple(expressions), True
        expressions.append(expression)
    return tuple(expressions), False


def shown(text: str) -> str:
    """The beginning of a text in ASCII, escaped, for a log."""
    return ascii(text[:80]) + ("..." if len(text) > 80 else "")


class Questions:
    """The queries that count from the next frame on: those of the last text, and those of goals under way."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._goals: tuple[Query, ...] = ()
        self.asked: tuple[Query, ...] = ()
        """Those of the last text; their answers are published."""

    @property
    def current(self) -> tuple[Query, ...]:
        """All that a frame is to be answered for."""
        return self.asked + self._goals

    def ask(self, text: str) -> bool:
        """Ask the expressions of a text in the place of the last one's; none clears them. Tells whether all fitted."""
        expressions, too_many = split(text)
        self.asked = self._numbered(expressions)
        return not too_many

    def number(self, text: str) -> tuple[Query, ...]:
        """Give the expressions of a text numbers, without asking them of the cameras.

        Raises:
            QueryError: there are none, or too many.
        """
        expressions, too_many = split(text)
        if not expressions:
            raise QueryError("there is no expression in the query")
        if too_many:
            raise QueryError(f"the query has more than the {MOST_EXPRESSIONS} expressions that are answered at a time")
        return self._numbered(expressions)

    def pursue(self, text: str) -> Query:
        """Ask one expression beside the others, until it is dropped.

        Raises:
            QueryError: this is not one expression, or too many are pursued already.
        """
        queries = self.number(text)
        if len(queries) > 1:
            raise QueryError(f"one expression is looked for at a time, the query has {len(queries)}")
        with self._lock:
            if len(self._goals) == MOST_EXPRESSIONS:
                raise QueryError(f"{MOST_EXPRESSIONS} expressions are looked for already; wait until one of them ends")
            query = dataclasses.replace(queries[0], pursued=True)
            self._goals += (query,)
        return query

    def drop(self, query: Query) -> None:
        """Pursue a query no more."""
        with self._lock:
            self._goals = tuple(other for other in self._goals if other != query)

    def _numbered(self, expressions: tuple[str, ...]) -> tuple[Query, ...]:
        return tuple(Query(next(self._ids), expression) for expression in expressions)


def _transportable(text: str) -> str:
    kept = text[: MAX_CHARACTERS + 1].replace("\0", "\N{REPLACEMENT CHARACTER}")
    return kept.encode("utf-8", "replace").decode("utf-8")
