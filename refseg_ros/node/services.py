"""The services of the node: answer a single image, and forget the past."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from std_srvs.srv import Trigger

from refseg_ros.errors import EngineError
from refseg_ros.msg import Segmentation
from refseg_ros.node.answering import Frame, answer, results
from refseg_ros.node.queries import ActiveQueries, Query, QueryError
from refseg_ros.node.session import Session
from refseg_ros.node.waiting import Pending
from refseg_ros.srv import SegmentImage

MOST_WAITING = 4
"""Images that may wait for the worker; more are refused."""

Reply = tuple[str, list[Segmentation]]
"""Why there are no answers, or ""; and the answers."""


class Services:
    """`~/segment_image` and `~/reset`. They are there in every state, and say so when the node is not active."""

    def __init__(self, node: Node, queries: ActiveQueries, session: Callable[[], Session | None]) -> None:
        """Open them; `session` returns the session, or None while the node is not active."""
        self._queries, self._session = queries, session
        self._waiting = 0
        # Not in the default group: its other callbacks would have to wait while this one waits for an image.
        node.create_service(  # type: ignore[misc]  # a coroutine
            SegmentImage, "~/segment_image", self._segment_image, callback_group=ReentrantCallbackGroup()
        )
        node.create_service(Trigger, "~/reset", self._reset)

    async def _segment_image(
        self, request: SegmentImage.Request, response: SegmentImage.Response
    ) -> SegmentImage.Response:
        session = self._session()
        if session is None:
            response.message = "the node is not active"
            return response
        if self._waiting >= MOST_WAITING:
            response.message = f"{self._waiting} images wait already; ask again later"
            return response
        try:
            queries = self._queries.number(request.query)
        except QueryError as error:
            response.message = str(error)
            return response
        self._waiting += 1
        try:
            pending: Pending[Reply] = Pending(lambda: session.is_closed)
            session.worker.put(pending, partial(_work, session, request, queries, pending))
            outcome = await pending
        finally:
            self._waiting -= 1
        response.message, response.answers = outcome or ("the node was deactivated", [])
        response.success = not response.message
        return response

    def _reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        session = self._session()
        if session is None:
            response.message = "the node is not active"
            return response
        session.model.forget()
        response.success = True
        response.message = "past images and what was stable are forgotten; the query stays"
        return response


def _work(session: Session, request: SegmentImage.Request, queries: tuple[Query, ...], pending: Pending[Reply]) -> None:
    """Runs in the worker's thread."""
    model = session.model
    try:
        frame = Frame.of(request.image, session.settings.config.white)
        answers = answer(model, model.past(), frame, queries)
        pending.give(("", results(frame, queries, answers, age=0.0)))
    except (ValueError, EngineError) as error:
        pending.give((str(error), []))
    except Exception as error:  # whatever goes wrong costs this one image, never the node
        pending.give((f"{type(error).__name__}: {error}", []))
