"""The node `robot`: the simulated table, a camera, and a gripper on rails."""

from __future__ import annotations

import json
import time
from dataclasses import asdict

import mujoco
import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseStamped, Quaternion, TransformStamped, Vector3
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Float64, Header, String
from tf2_msgs.msg import TFMessage

from refseg_ros.demo.robot_config import RobotConfig
from refseg_ros.images.messages import to_message
from refseg_ros.media.source import Picture
from refseg_ros.node.camera_node import camera_info_of
from refseg_ros.ros.faults import FaultLog
from refseg_ros.ros.parameters import Parameters
from refseg_ros.ros.qos import warn_of_unused_overrides
from refseg_ros.ros.spinning import spin
from refseg_ros.simulation.gripper import Gripper
from refseg_ros.simulation.tabletop import Frame, Tabletop

WORLD, OPTICAL = "world", "camera_optical_frame"
JOINTS = ("x", "y", "z", "turn", "opening")
_STEP = 0.02  # seconds between two commands to the rails


class RobotNode(Node):
    """A simulated robot. Simulated time follows real time: a slow machine has fewer images, but no slower gripper.

    Publishers:
        /camera/image_raw, /camera/depth, /camera/camera_info, /camera/truth: as those of the node `camera`.
        /tf_static: where the camera is in the frame `world`, whose z is up and in which the table is z = 0.
        gripper/state (sensor_msgs/JointState): JOINTS, metres and radians: the middle of the tips in `world`, the turn
            about the vertical, and how far the fingers are apart.

    Subscribers:
        gripper/goal (geometry_msgs/PoseStamped): where the middle of the tips should go, in `world`. Of the orientation
            only the turn about the vertical counts; the fingers close along the y axis.
        gripper/opening (std_msgs/Float64): how far apart the fingers should be, metres.

    Parameters: those of `RobotConfig`.
    """

    def __init__(self) -> None:
        super().__init__("robot", namespace="/robot")
        self._settings = Parameters(self, RobotConfig, self._on_change)
        config = self._settings.config
        self._gripper = Gripper()
        self._tabletop = Tabletop(config.width, config.height, equip=self._gripper.equip)
        qos, kept = QoSProfile(depth=10), QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._image = self.create_publisher(Image, "/camera/image_raw", qos)
        self._depth = self.create_publisher(Image, "/camera/depth", qos)
        self._info = self.create_publisher(CameraInfo, "/camera/camera_info", qos)
        self._truth = self.create_publisher(String, "/camera/truth", qos)
        self._frames = self.create_publisher(TFMessage, "/tf_static", kept)
        self._state = self.create_publisher(JointState, "gripper/state", qos)
        self.create_subscription(PoseStamped, "gripper/goal", self._on_goal, qos)
        self.create_subscription(Float64, "gripper/opening", self._on_opening, qos)
        warn_of_unused_overrides(self)
        self._show(config)
        self._timer = self.create_timer(0.001, self._on_timer)

    def run(self) -> bool:
        """Spin until the context is shut down."""
        spin(self, FaultLog(self.get_logger().error).note)
        return True

    def close(self) -> bool:
        """Close the simulator; no thread is left."""
        self._tabletop.close()
        return True

    def _show(self, config: RobotConfig) -> None:
        self._tabletop.reset(config.seed, config.split, moving=False)
        self._gripper.wake(self._tabletop.physics)
        self._seed, self._shown = config.seed, time.monotonic()
        camera = self._tabletop.camera
        turn = np.zeros(4)
        mujoco.mju_mat2Quat(turn, camera.axes.T.ravel())
        transform = TransformStamped(header=Header(frame_id=WORLD), child_frame_id=OPTICAL)
        transform.transform.translation = Vector3(**dict(zip("xyz", map(float, camera.position), strict=True)))
        transform.transform.rotation = Quaternion(**dict(zip("wxyz", map(float, turn), strict=True)))
        self._frames.publish(TFMessage(transforms=[transform]))

    def _on_change(self, config: RobotConfig, names: frozenset[str]) -> None:
        self._show(config)

    def _on_goal(self, goal: PoseStamped) -> None:
        if goal.header.frame_id != WORLD:
            self.get_logger().error(f"gripper/goal is in {ascii(goal.header.frame_id)}, but must be in {WORLD!r}")
            return
        place, turn = goal.pose.position, goal.pose.orientation
        yaw = np.arctan2(2 * (turn.w * turn.z + turn.x * turn.y), 1 - 2 * (turn.y * turn.y + turn.z * turn.z))
        if not np.isfinite([place.x, place.y, place.z, yaw]).all():
            self.get_logger().error("gripper/goal is not finite; the gripper goes on to the goal before")
            return
        self._gripper.move(np.array([place.x, place.y, place.z]), float(yaw))

    def _on_opening(self, opening: Float64) -> None:
        if not np.isfinite(opening.data):
            self.get_logger().error("gripper/opening is not finite; the opening stays as it is")
            return
        self._gripper.open(opening.data)

    def _on_timer(self) -> None:
        """Let simulated time catch up with real time, and publish what the camera sees then."""
        for _ in range(round((time.monotonic() - self._shown) / _STEP)):
            self._gripper.drive(_STEP)
            self._tabletop.advance(_STEP)
            self._shown += _STEP
        stamp = self.get_clock().now().to_msg()
        frame = self._tabletop.render()
        self._publish(frame, stamp)
        objects = [asdict(thing) for thing in frame.objects]
        truth = {"stamp": [stamp.sec, stamp.nanosec], "seed": self._seed, "objects": objects}
        self._truth.publish(String(data=json.dumps(truth)))

    def _publish(self, frame: Frame, stamp: Time) -> None:
        header = Header(stamp=stamp, frame_id=OPTICAL)
        self._image.publish(to_message(frame.rgb, "rgb8", header))
        self._info.publish(camera_info_of(Picture(frame.rgb, intrinsics=frame.intrinsics), header))
        self._depth.publish(to_message(frame.depth, "32FC1", header))
        state = self._gripper.state
        values = [*map(float, state.position), state.turn, state.opening]
        self._state.publish(JointState(header=Header(stamp=stamp), name=list(JOINTS), position=values))
