"""The simulated scene of `demo.launch.py`."""

from refseg_ros.engines.bundle import TABLETOP

SEED, SPLIT = 7, "held_out"
"""Arguments of `Tabletop.reset`. Nothing moves; the model was not trained on any of the pairs of colour and class."""
THINGS = (
    *("red mug", "blue mug", "blue mug", "orange bowl", "black can", "black hammer", "yellow hammer"),
    *("blue ball", "brown ball"),
)
"""All things on the table."""
ASKED = {
    "the red mug": "red mug",
    "the bowl": "orange bowl",
    "the red mug left of the bowl": "red mug",
    "the can": "black can",
}
"""Expression in the documentation and launch files -> the thing that it means."""
SIMULATED = {
    "depth_topic": "/camera/depth",
    "camera_info_topic": "/camera/camera_info",
    "model": str(TABLETOP),
}
"""Parameters of the nodes beside a simulated camera: its further topics, and the model that knows its things."""
