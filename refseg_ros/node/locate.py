"""The action `locate`: look for one thing until it is found at the same place in enough images in a row.

It also ends at the first answer that the expression is not understood: no image changes that.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from refseg_ros.action import Locate
from refseg_ros.answer import Verdict
from refseg_ros.msg import Segmentation
from refseg_ros.node.messages import answer_of
from refseg_ros.node.queries import ActiveQueries, Query, QueryError
from refseg_ros.ros.node_config import MOST_STABLE_FRAMES
from refseg_ros.text import quoted

LOOK = 0.1
"""Seconds from one check of time limits and cancellations to the next; answers are checked when they come."""


@dataclass
class _Goal:
    """A goal under way."""

    handle: ServerGoalHandle
    query: Query
    camera: str
    wanted: int
    """Images in a row; 0: `stable_frames`."""
    deadline: float
    """Of `time.monotonic`, in seconds."""
    outcome: int = 0
    """One of the constants of the result, once it has ended."""
    answer: Segmentation = field(default_factory=Segmentation)
    """The last one."""


class Locator:
    """Serves the action in the executor's thread; only `take_answer` is called by the worker."""

    def __init__(self, node: Node, queries: ActiveQueries, cameras: Callable[[], list[str] | None]) -> None:
        """Open the action.

        Args:
            node: whose action it is.
            queries: where the expression of each goal is added.
            cameras: gives the names of the cameras, and None while the node is not active.
        """
        self._node, self._queries, self._cameras = node, queries, cameras
        self._goals: dict[bytes, _Goal] = {}
        self._ended: dict[bytes, _Goal] = {}
        self._answers: deque[tuple[str, Segmentation]] = deque(maxlen=1000)
        self._came = node.create_guard_condition(self._look)
        self._server = ActionServer(
            node,
            Locate,
            "locate",
            execute_callback=self._conclude,
            goal_callback=self._judge,
            handle_accepted_callback=self._begin,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
        )
        self._timer = node.create_timer(LOOK, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._timer.cancel()

    def take_answer(self, camera: str, answer: Segmentation) -> None:
        """Take an answer to the query of a goal; from any thread."""
        self._answers.append((camera, answer))
        self._came.trigger()

    def stop(self) -> None:
        """End all goals: nobody answers them any more."""
        for goal in list(self._goals.values()):
            self._end(goal, Locate.Result.STOPPED)

    def _judge(self, request: Locate.Goal) -> GoalResponse:
        """Accept or reject a goal; ROS has no room for the reason, so it is logged."""
        reason = self._why_not(request)
        if reason:
            self._node.get_logger().error(f"goal rejected: {reason}", throttle_duration_sec=1.0)
            return GoalResponse.REJECT
        return GoalResponse.ACCEPT

    def _why_not(self, request: Locate.Goal) -> str:
        cameras = self._cameras()
        if cameras is None:
            return "the node is not active"
        if not (request.camera in cameras or (not request.camera and len(cameras) == 1)):
            return f"there is no camera {quoted(request.camera)}; there are {', '.join(cameras) or 'none with a name'}"
        if not (math.isfinite(request.timeout) and request.timeout >= 0.0):
            return f"the timeout is {request.timeout}; it must be a number of seconds, 0 for no limit"
        if request.stable_frames > MOST_STABLE_FRAMES:
            return f"stable_frames is {request.stable_frames}; it must be from 0 to {MOST_STABLE_FRAMES}"
        try:
            self._queries.remove_goal(self._queries.add_goal(request.query, request.camera))
        except QueryError as error:
            return str(error)
        return ""

    def _begin(self, handle: ServerGoalHandle) -> None:
        request, cameras = handle.request, self._cameras()
        camera = request.camera or (cameras or [""])[0]
        query = self._queries.add_goal(request.query, camera)
        limit = request.timeout or math.inf
        goal = _Goal(handle, query, camera, request.stable_frames, time.monotonic() + limit)
        self._goals[bytes(handle.goal_id.uuid)] = goal
        self._node.get_logger().info(f"query {query.id} is to be located: {quoted(query.text)}")
        self._timer.reset()

    def _look(self) -> None:
        """Pass on the answers that came, and end the goals that are done."""
        by_query = {goal.query.id: goal for goal in self._goals.values()}
        while self._answers:
            camera, answer = self._answers.popleft()
            goal = by_query.get(answer.query_id)
            if goal is None or goal.camera != camera or goal.outcome:
                continue
            goal.answer = answer
            feedback = Locate.Feedback(answer=_without_mask(answer))
            goal.handle.publish_feedback(feedback)  # type: ignore[arg-type]  # wrong in rclpy
            if answer.verdict == Segmentation.NOT_UNDERSTOOD:
                self._end(goal, Locate.Result.NOT_UNDERSTOOD)
            elif answer.stable if not goal.wanted else answer.stable_frames >= goal.wanted:
                self._end(goal, Locate.Result.LOCATED)
        for goal in list(self._goals.values()):
            if goal.handle.is_cancel_requested:
                self._end(goal, Locate.Result.CANCELED)
            elif time.monotonic() >= goal.deadline:
                self._end(goal, Locate.Result.TIMED_OUT)
        if not self._goals:
            self._timer.cancel()

    def _end(self, goal: _Goal, outcome: int) -> None:
        """End a goal; the executor then calls `_conclude`."""
        if goal.outcome:
            return
        goal.outcome = outcome
        self._queries.remove_goal(goal.query)
        key = bytes(goal.handle.goal_id.uuid)
        self._ended[key] = self._goals.pop(key)
        if self._node.context.ok():  # otherwise nobody can be told any more
            goal.handle.execute()

    def _conclude(self, handle: ServerGoalHandle) -> Locate.Result:
        goal = self._ended.pop(bytes(handle.goal_id.uuid))
        if handle.is_cancel_requested:
            goal.outcome = Locate.Result.CANCELED
            handle.canceled()
        elif goal.outcome == Locate.Result.LOCATED:
            handle.succeed()
        else:
            handle.abort()
        answer = goal.answer if handle.request.with_mask else _without_mask(goal.answer)
        return Locate.Result(outcome=goal.outcome, message=_told(goal), answer=answer)


def _told(goal: _Goal) -> str:
    """The outcome of a goal in words."""
    answer = goal.answer
    if goal.outcome == Locate.Result.LOCATED:
        return f"found at the same place in {answer.stable_frames} images in a row"
    if goal.outcome == Locate.Result.NOT_UNDERSTOOD:
        return f"not understood; {'; '.join(answer_of(answer).remarks)}"
    if goal.outcome == Locate.Result.TIMED_OUT:
        last = f"the last answer was: {Verdict(answer.verdict).label}" if answer.query_id else "no image was answered"
        return f"not stable within {goal.handle.request.timeout:g} s; {last}"
    return "canceled" if goal.outcome == Locate.Result.CANCELED else "the node was deactivated"


def _without_mask(answer: Segmentation) -> Segmentation:
    """The same answer with an empty mask: in a terminal, a whole mask would drown the rest."""
    kept = (name for name in Segmentation.get_fields_and_field_types() if name != "mask")
    return Segmentation(**{name: getattr(answer, name) for name in kept})
