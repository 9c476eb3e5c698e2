"""Pick up "the red mug" in simulated scenes with the tree of examples/pick_tree.py: `python -m benchmarks.picking`.

Real processes over DDS: the node `segment` finds the mug, the gripper on rails of `refseg_ros.demo.robot` takes it. A
pick counts when the mug itself is LIFTED metres higher at its end, whatever the tree says. Scenes are those of the
held-out split in which there is exactly one red mug, clearly visible, that fits between the fingers.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage

from refseg_ros.command import command, program
from refseg_ros.demo.processes import NodeProcess, stay_on_this_machine
from refseg_ros.demo.robot_node import WORLD
from refseg_ros.demo.scene import SIMULATED
from refseg_ros.ros.transport import prefer_large_shared_memory
from refseg_ros.simulation.arrangement import Arrangement
from refseg_ros.simulation.gripper import WIDEST
from refseg_ros.simulation.tabletop import Tabletop
from refseg_ros.space.rotations import rotation

EXPRESSION, COLOUR, CLASS = "the red mug", "red", "mug"
TREE = Path(__file__).parents[1] / "examples" / "pick_tree.py"
FIRST_SEED = 9_000_000
"""Seed of the first scene; nothing else uses these scenes."""
LIFTED = 0.1
PATIENCE = 60.0
"""Seconds for a picture to come."""
MUG = 0.09
"""Metres across a mug of scale 1."""
SETTINGS = {**SIMULATED, "target_frame": WORLD, "max_frame_age": 0.0}  # however slow this machine is


def scenes(count: int) -> list[int]:
    """The first `count` seeds of suitable scenes."""
    found: list[int] = []
    seed = FIRST_SEED
    with Tabletop(320, 240) as tabletop:
        while len(found) < count:
            tabletop.reset(seed, "held_out", moving=False)
            frame = tabletop.render(depth=False)
            clear = Arrangement(frame.objects, 320, 240).clear
            meant = [thing for thing in frame.objects if (thing.colour, thing.class_name) == (COLOUR, CLASS)]
            if len(meant) == 1 and meant[0].instance_id in clear and MUG * meant[0].scale < WIDEST - 0.05:
                found.append(seed)
            seed += 1
    return found


class Judge:
    """Measures how high the mug of a scene is."""

    def __init__(self, node: Node, seed: int) -> None:
        self._node, self._seed = node, seed
        self._frame: tuple[np.ndarray, np.ndarray] | None = None
        self._mug: np.ndarray | None = None
        kept = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._heard = [
            node.create_subscription(TFMessage, "/tf_static", self._on_frames, kept),
            node.create_subscription(String, "/camera/truth", self._on_truth, 1),
        ]

    def height(self) -> float:
        """Height of the mug in the next picture, in metres.

        Raises:
            OSError: no picture comes.
        """
        self._mug = None
        end = time.monotonic() + PATIENCE
        while self._mug is None or self._frame is None:
            if time.monotonic() > end:
                raise OSError("the robot's camera sends nothing")
            rclpy.spin_once(self._node, timeout_sec=0.1)
        turn, place = self._frame
        return float((turn @ self._mug + place)[2])

    def close(self) -> None:
        """Stop listening."""
        for subscription in self._heard:
            self._node.destroy_subscription(subscription)

    def _on_frames(self, frames: TFMessage) -> None:
        turn, place = frames.transforms[-1].transform.rotation, frames.transforms[-1].transform.translation
        self._frame = rotation((turn.w, turn.x, turn.y, turn.z)), np.array([place.x, place.y, place.z])

    def _on_truth(self, message: String) -> None:
        truth = json.loads(message.data)
        if truth["seed"] == self._seed:
            (mug,) = (thing for thing in truth["objects"] if (thing["colour"], thing["class_name"]) == (COLOUR, CLASS))
            self._mug = np.array(mug["position"])


def picked(count: int, logs: Path) -> int:
    """How many of the first suitable scenes end with the mug in the air; prints each result."""
    lifted = 0
    node = rclpy.create_node("picking")
    for number, seed in enumerate(scenes(count), start=1):
        # New processes for each scene, so that none depends on the one before.
        with (
            NodeProcess("demo.robot", {"seed": seed}, logs / f"robot{number}.log"),
            NodeProcess("segment_node", SETTINGS, logs / f"segment{number}.log"),
        ):
            judge = Judge(node, seed)
            before = judge.height()
            said = subprocess.run([sys.executable, str(TREE), EXPRESSION], check=False).returncode == 0
            rise = judge.height() - before
            judge.close()
        lifted += rise > LIFTED
        tells = "the tree says it holds it" if said else "the tree gave up"
        print(f"scene {seed}: {rise:+.3f} m, {tells}; {lifted} of {number} lifted", flush=True)
    node.destroy_node()
    return lifted


@command()
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog=program(), description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=50, help="how many (default: 50)")
    options = parser.parse_args(arguments)
    if options.scenes < 1:
        raise ValueError(f"--scenes is {options.scenes}; it must be at least 1")
    stay_on_this_machine()
    prefer_large_shared_memory()
    rclpy.init()
    with tempfile.TemporaryDirectory() as logs:
        lifted = picked(options.scenes, Path(logs))
    rclpy.shutdown()
    print(f"lifted {EXPRESSION} in {lifted} of {options.scenes} scenes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
