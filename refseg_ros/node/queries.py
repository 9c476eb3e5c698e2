"""The queries that are active: expressions, each with a number of its own."""

from __future__ import annotations

import dataclasses
import itertools
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from refseg_ros.expression import MAX_CHARACTERS
from refseg_ros.separators import separator_in
from refseg_ros.text import quoted, transportable

SEPARATOR = ";"
MOST_EXPRESSIONS = 8
"""Expressions that are answered at a time; the work on a frame is bounded by it."""

_PART = re.compile(f"[^{SEPARATOR}]+")


@dataclass(frozen=True)
class Query:
    """An expression, and its number."""

    id: int
    text: str
    of_goal: bool = False
    """It belongs to a goal of the action; only the goal's client gets the answers."""
    camera: str = ""
    """Name of the camera that a goal looks through."""


class QueryError(ValueError):
    """A query is refused; the message says why."""


def split(text: str) -> tuple[tuple[str, ...], bool]:
    """Split a text at its semicolons: the expressions, and whether there were more than MOST_EXPRESSIONS.

    They can go into a message: lone surrogates and NUL are replaced, and long ones are cut. They keep one character
    more than is read, so that the answer can report the cut.
    """
    expressions: list[str] = []
    for part in _PART.finditer(text):
        expression = transportable(part.group().strip(), MAX_CHARACTERS + 1)
        if not expression:
            continue
        if len(expressions) == MOST_EXPRESSIONS:
            return tuple(expressions), True
        expressions.append(expression)
    return tuple(expressions), False


def separator_hint(queries: Sequence[Query]) -> str:
    """A hint if an expression looks like several: which one, and how to separate them; otherwise empty."""
    for query in queries:
        if wrong := separator_in(query.text):
            return f"{quoted(query.text)} is one expression; only {SEPARATOR} separates several, not {ascii(wrong)}"
    return ""


class ActiveQueries:
    """The queries that count from the next frame on: those of the last text, and those of goals under way."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._of_goals: tuple[Query, ...] = ()
        self.published: tuple[Query, ...] = ()
        """Those of the last text; their answers are published."""

    @property
    def current(self) -> tuple[Query, ...]:
        """All of them."""
        return self.published + self._of_goals

    def of_camera(self, name: str) -> tuple[Query, ...]:
        """Those that the frames of a camera are to be answered for."""
        return self.published + tuple(query for query in self._of_goals if query.camera == name)

    def replace(self, text: str) -> bool:
        """Replace the last text's queries by the expressions of this one; returns whether all fitted.

        The same expressions again change nothing, so a text may be published over and over.
        """
        expressions, too_many = split(text)
        if expressions != tuple(query.text for query in self.published):
            self.published = self._numbered(expressions)
        return not too_many

    def number(self, text: str) -> tuple[Query, ...]:
        """Give the expressions of a text numbers, without adding them to the active ones.

        Raises:
            QueryError: there are none, or too many.
        """
        expressions, too_many = split(text)
        if not expressions:
            raise QueryError("there is no expression in the query")
        if too_many:
            raise QueryError(f"the query has more than the {MOST_EXPRESSIONS} expressions that are answered at a time")
        return self._numbered(expressions)

    def add_goal(self, text: str, camera: str) -> Query:
        """Add the one expression of a goal for a camera, until `remove_goal`.

        Raises:
            QueryError: this is not one expression, or too many goals are under way.
        """
        queries = self.number(text)
        if len(queries) > 1:
            raise QueryError(f"one expression is looked for at a time, the query has {len(queries)}")
        with self._lock:
            if len(self._of_goals) == MOST_EXPRESSIONS:
                raise QueryError(f"{MOST_EXPRESSIONS} expressions are looked for already; wait until one of them ends")
            query = dataclasses.replace(queries[0], of_goal=True, camera=camera)
            self._of_goals += (query,)
        return query

    def remove_goal(self, query: Query) -> None:
        """Remove the query of a goal; it may be gone already."""
        with self._lock:
            self._of_goals = tuple(other for other in self._of_goals if other != query)

    def _numbered(self, expressions: tuple[str, ...]) -> tuple[Query, ...]:
        return tuple(Query(next(self._ids), expression) for expression in expressions)
