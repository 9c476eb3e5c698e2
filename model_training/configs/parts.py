"""`parts`: the network that ships goes on learning with a person's own meshes among the simulator's things."""

from dataclasses import replace

from model_training.configs import shipped
from model_training.configs.schema import Mix, Phase
from model_training.datasets.rendering import SceneSet

NETWORK = shipped.NETWORK

CONFIG = replace(
    shipped.CONFIG,
    name="parts",
    scenes=replace(shipped.CONFIG.scenes, scenes=1024),
    mix=Mix(
        tables=0.3,
        scans=0.7,
        photos=0.0,
        scan_scenes=SceneSet(
            scenes=2048, height=NETWORK.height, width=NETWORK.width, moving_share=0.15, clip=NETWORK.clip
        ),
    ),
    phases=(Phase("joint", steps=1500, frames=8, expressions=5, learning_rate=7e-4, encoder_factor=0.4),),
)
