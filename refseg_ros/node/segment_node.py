"""The node `segment`: images and an expression in; mask, box and the whole answer out."""

from __future__ import annotations

import dataclasses
import gc

import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.action import ActionServer
from rclpy.context import Context
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter

from refseg_ros.config import SegmenterConfig
from refseg_ros.engines.bundle import DEFAULT
from refseg_ros.errors import BundleError
from refseg_ros.node import transforms
from refseg_ros.node.asking import Asking
from refseg_ros.node.background import Background
from refseg_ros.node.diagnostics import Diagnostics, status
from refseg_ros.node.freed_memory import give_back_freed_memory
from refseg_ros.node.locate import Locator
from refseg_ros.node.model import Model
from refseg_ros.node.queries import ActiveQueries, separator_hint
from refseg_ros.node.services import Services
from refseg_ros.node.session import LAST_PATIENCE, PATIENCE, Session
from refseg_ros.node.transition import transition
from refseg_ros.node.worker import Worker
from refseg_ros.ros.faults import FaultLog
from refseg_ros.ros.node_config import SegmentNodeConfig
from refseg_ros.ros.parameters import ParameterError, Parameters
from refseg_ros.ros.qos import warn_of_unused_overrides
from refseg_ros.ros.simulated_time import why_no_time
from refseg_ros.ros.spinning import spin
from refseg_ros.ros.topics import check_topics
from refseg_ros.segmenter import Segmenter
from refseg_ros.text import quoted


class SegmentNode(LifecycleNode):
    """Answers the newest query for the newest image; a managed node that starts itself unless `autostart` is false.

    Configuring loads the model, activating opens the topics, deactivating closes them and ends the inference, cleaning
    up frees the memory of the model.

    Subscriptions, while active:
        query (std_msgs/String): the expression, or several separated by ";"; it counts from the next image on. An empty
            one stops.
        the topic of parameter `image_topic` (sensor_msgs/Image or CompressedImage): sensor-data QoS, depth 1.
        the topics of `depth_topic` (sensor_msgs/Image or CompressedImage) and `camera_info_topic`
            (sensor_msgs/CameraInfo), where given.
        /tf and /tf_static (tf2_msgs/TFMessage), where `target_frame` is given.

    Publishers, while active (relative, in namespace /refseg by default; with several cameras, below the name of the
    camera; reliable). Messages have the header of their image; things in space have its stamp and, if it is set, the
    frame `target_frame`. mask, bbox and result come once for each expression, pose once for each thing that was placed:
        mask (sensor_msgs/Image): mono8, 0 or 255, the size of the image. A best guess if the verdict is UNCERTAIN,
            empty if nothing was found.
        bbox (refseg_ros/BoundingBox): pixels of the image; otherwise as the mask.
        result (refseg_ros/Segmentation): the whole answer.
        overlay (sensor_msgs/Image): rgb8, the answers drawn over the image; made only while someone listens.
        pose (geometry_msgs/PoseStamped), markers (visualization_msgs/MarkerArray), cloud (sensor_msgs/PointCloud2):
            with `depth_topic`, what was placed in space; markers and cloud only while someone listens.
        detections, detections_3d (vision_msgs): where vision_msgs is installed.
        ~/inference_milliseconds (std_msgs/Float32): what encoding and fusion took; only while someone listens.
        /diagnostics (diagnostic_msgs/DiagnosticArray): once per second, in every state.

    Services:
        ~/segment_image (refseg_ros/SegmentImage): answers expressions on one image that belongs to no stream.
        ~/reset (std_srvs/Trigger): forgets past images and what was stable.

    Actions:
        locate (refseg_ros/Locate): look for one thing until it is stable. The feedback is the answer on each image
            without its mask; the result has the mask if the goal wants it.

    Parameters: those of `SegmentNodeConfig`, and the QoS of the topics (`qos_overrides`).

    A thread of its own answers the images. Only the newest image of each camera waits for it; the next one takes its
    place. While there is no query, one image per interval of the clip is still encoded, so that a query about motion
    finds the past that it needs: at 30 images/s this is a sixth of the work of answering.

    Raises:
        ParameterError: a parameter at the start is not usable.
    """

    def __init__(
        self,
        *,
        context: Context | None = None,
        namespace: str = "/refseg",
        parameter_overrides: list[Parameter] | None = None,
    ) -> None:
        """Open services, action and diagnostics; `start` or a lifecycle manager does the rest.

        Args:
            context: of ROS; None for the default one.
            namespace: of the node and its topics, unless the command line has another.
            parameter_overrides: values of parameters; they win over those of the command line.
        """
        super().__init__("segment", context=context, namespace=namespace, parameter_overrides=parameter_overrides)
        self._settings = Parameters(self, SegmentNodeConfig, self._on_change)
        check_topics(self, self._settings.config)
        if self._settings.config.target_frame and not transforms.AVAILABLE:
            raise ParameterError(
                "target_frame needs the messages of /tf, which are not installed: sudo apt install "
                "ros-$ROS_DISTRO-tf2-msgs"
            )
        self._faults = FaultLog(self.get_logger().error)
        self._queries = ActiveQueries()
        self._asking = Asking(self._queries, self._faults, self.get_logger())
        self._loading: Background[None] | None = None
        self._model: Model | None = None
        self._session: Session | None = None
        self._abandoned: list[Worker] = []
        """Threads that computed for this node and had not ended in time."""
        self._refusal = ""
        """Why the model was not loaded."""
        self._diagnostics = Diagnostics(self, self._statuses)
        self._served = Services(self, self._queries, lambda: self._session)
        self._locator = Locator(self, self._queries, self._camera_names)
        self._asking.ask(self._settings.config.query)

    def start(self) -> bool:
        """Configure and activate, if the node is to do so by itself; returns whether that went well."""
        if not self._settings.config.autostart:
            self.get_logger().info("waits to be configured and activated")
            return True
        return all(
            step() == TransitionCallbackReturn.SUCCESS for step in (self.trigger_configure, self.trigger_activate)
        )

    def run(self) -> bool:
        """Start, if the node is to do so by itself, and spin until the context is shut down; False if that fails."""
        if not self.start():
            return False
        spin(self, self.refuse)
        return True

    def close(self) -> bool:
        """End the work in any state, without waiting for an inference; returns whether all threads have ended too."""
        self._close(LAST_PATIENCE)
        has_ended = all([worker.stop(0.0) for worker in self._abandoned])
        return has_ended and not (self._loading is not None and self._loading.is_running)

    def destroy_node(self) -> None:
        """Destroy the node, and its actions and life cycle, which rclpy leaves out and which keep it in the graph."""
        for action in [waitable for waitable in self.waitables if isinstance(waitable, ActionServer)]:
            action.destroy()
        super().destroy_node()
        self._state_machine.destroy_when_not_in_use()

    def refuse(self, kind: str, reason: str) -> None:
        """Count a message or a call that was refused."""
        self._faults.note(kind, reason)

    @transition
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the model."""
        config = self._settings.config
        settings = {field.name: getattr(config, field.name) for field in dataclasses.fields(SegmenterConfig)}
        model = Model(lambda: Segmenter(**settings), self.get_logger().error)
        model.set_threshold(config.threshold)
        self.get_logger().info("the model is being loaded")
        self._loading = Background(model.load)
        self._loading.start()
        try:
            self._loading.wait(self._while_loading)
        except InterruptedError:
            return TransitionCallbackReturn.FAILURE
        except BundleError as error:
            self._refusal = str(error)
            self.get_logger().fatal(self._refusal)
            return TransitionCallbackReturn.FAILURE
        self._loading, self._refusal, self._model = None, "", model
        self.get_logger().info(f"the network {model.runtime}")
        return TransitionCallbackReturn.SUCCESS

    @transition
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Open the topics."""
        assert self._model is not None
        self._session = Session(
            self, self._model, self._settings, self._queries, self._faults, self._asking.ask, self._locator.take_answer
        )
        warn_of_unused_overrides(self)
        return TransitionCallbackReturn.SUCCESS

    @transition
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Close the topics and end the inference."""
        self._close(PATIENCE)
        give_back_freed_memory()
        return TransitionCallbackReturn.SUCCESS

    @transition
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the memory of the model."""
        self._model = None
        gc.collect()  # callbacks of closed cameras still hold it, in a reference cycle
        give_back_freed_memory()
        return TransitionCallbackReturn.SUCCESS

    @transition
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Close everything and free the memory."""
        self._close(PATIENCE)
        return self.on_cleanup(state)

    @transition
    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Close everything and free the memory; the node can be configured again."""
        return self.on_shutdown(state)

    def _close(self, patience: float) -> None:
        if self._session is not None:
            self._locator.stop()
            if not self._session.close(patience):
                self._abandoned.append(self._session.worker)
            self._session = None

    def _while_loading(self) -> bool:
        """Publish diagnostics when they are due; returns whether to go on."""
        if not rclpy.ok(context=self.context):
            return False
        self._diagnostics.publish_if_due()
        return True

    def _statuses(self) -> list[DiagnosticStatus]:
        loading = self._loading is not None and self._loading.is_running
        runtime = self._model.runtime if self._model else ""
        if self._refusal:
            level, message = DiagnosticStatus.ERROR, f"the model is refused: {self._refusal}"
        elif loading:
            level, message = DiagnosticStatus.WARN, "the model is being loaded"
        elif self._model is not None and self._model.trouble:
            level, message = DiagnosticStatus.ERROR, self._model.trouble
        elif no_time := why_no_time(self):
            level, message = DiagnosticStatus.WARN, no_time
        elif self._session is None:
            level, message = DiagnosticStatus.OK, "not active"
        else:
            level, message = DiagnosticStatus.OK, runtime
        config = self._settings.config
        values = {
            "model": config.model or DEFAULT.name,
            "name of the model": self._model.name if self._model else "",
            "engine": runtime,
            "times loaded": self._model.loads if self._model else 0,
            "queries": "; ".join(quoted(query.text) for query in self._queries.current),
            "hint": separator_hint(self._queries.current),
            **{f"faults: {kind}": count for kind, count in sorted(self._faults.counts.items())},
        }
        name = f"{self.get_fully_qualified_name().lstrip('/')}: model"
        cameras = [] if self._session is None else self._session.statuses()
        return [status(name, level, message, values), *cameras]

    def _camera_names(self) -> list[str] | None:
        return None if self._session is None else [camera.name for camera in self._session.cameras]

    def _on_change(self, config: SegmentNodeConfig, names: frozenset[str]) -> None:
        if "query" in names:
            self._asking.ask(config.query)
        if names & {"image_transport", "depth_transport"} and self._session is not None:
            for camera in self._session.cameras:
                camera.listen_anew()
        if "threshold" in names and self._model is not None:
            self._model.set_threshold(config.threshold)
