"""Sets parameters of other nodes. `rclpy.parameter_client` does it, too, but Humble has none."""

from __future__ import annotations

from typing import Any

from rcl_interfaces.srv import SetParameters
from rclpy.client import Client
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.task import Future


class RemoteParameters:
    """The parameters of another node.

    Args:
        node: that sets them.
        name: of the other node, with its namespace; it need not be there yet.
    """

    def __init__(self, node: Node, name: str) -> None:
        self._client: Client = node.create_client(SetParameters, f"{name}/set_parameters")

    def are_ready(self) -> bool:
        """Whether the other node is there."""
        return bool(self._client.service_is_ready())

    def set(self, name: str, value: Any) -> Future:
        """Set a parameter; the result of the future is a `rcl_interfaces.srv.SetParameters.Response`."""
        parameter = Parameter(name, value=value).to_parameter_msg()
        return self._client.call_async(SetParameters.Request(parameters=[parameter]))
