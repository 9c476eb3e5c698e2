"""A simulated tabletop with exact ground truth, drawn from a seed (MuJoCo)."""

import os

# Before the first import of mujoco: a robot has no screen.
os.environ.setdefault("MUJOCO_GL", "egl")
