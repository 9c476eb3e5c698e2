"""Who changes the state of the node from outside, as a lifecycle manager does."""

from __future__ import annotations

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState


class Manager:
    """Changes the state of the node as a lifecycle manager does."""

    def __init__(self, bench) -> None:
        self._bench = bench
        self._get = bench.client(GetState, "/refseg/segment/get_state")
        self._change = bench.client(ChangeState, "/refseg/segment/change_state")

    def change(self, transition: int) -> bool:
        request = ChangeState.Request(transition=Transition(id=transition))
        return self._bench.call(self._change.call_async(request)).success

    def state(self) -> int:
        return self._bench.request(lambda: self._get.call_async(GetState.Request())).current_state.id
