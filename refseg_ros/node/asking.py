"""Takes a query text from the topic or the parameter: replaces the active queries, and logs them."""

from __future__ import annotations

from rclpy.impl.rcutils_logger import RcutilsLogger

from refseg_ros.node.queries import MOST_EXPRESSIONS, ActiveQueries, separator_hint
from refseg_ros.ros.faults import FaultLog
from refseg_ros.text import quoted

LONGEST_LINE = 300
"""Characters of the queries that are logged."""


class Asking:
    """Replaces the active queries, and logs how a text was read."""

    def __init__(self, queries: ActiveQueries, faults: FaultLog, logger: RcutilsLogger) -> None:
        self._queries, self._faults, self._logger = queries, faults, logger
        self._has_hinted = False
        """Whether the log has said how expressions are separated."""

    def ask(self, text: str) -> None:
        """Replace the queries by the expressions of a text; a text without any clears them."""
        before = self._queries.published
        if not self._queries.replace(text):
            self._faults.note(
                "query", f"query cut: it has more than the {MOST_EXPRESSIONS} expressions that are answered at a time"
            )
        queries = self._queries.published
        if queries == before:
            return
        hint = separator_hint(queries)
        if hint and not self._has_hinted:
            self._has_hinted = True
            self._logger.warning(hint)
        if before and not queries:
            self._logger.info("query cleared")
        listed = "; ".join(f"{query.id}: {quoted(query.text)}" for query in queries)
        if listed:
            cut = "..." if len(listed) > LONGEST_LINE else ""
            self._logger.info(f"query {listed[:LONGEST_LINE]}{cut}", throttle_duration_sec=0.2)
