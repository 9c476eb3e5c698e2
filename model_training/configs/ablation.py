"""The network of `tabletop` at half its width and height, with a budget for many variants on two CPU cores."""

from dataclasses import replace

from model_training.configs import shipped
from model_training.configs.schema import Phase

NETWORK = replace(shipped.NETWORK, height=96, width=128)

CONFIG = replace(
    shipped.CONFIG,
    name="ablation",
    network=NETWORK,
    scenes=replace(shipped.CONFIG.scenes, scenes=2048, height=NETWORK.height, width=NETWORK.width),
    phases=(
        Phase("encoder", steps=1000, frames=16, expressions=0, learning_rate=1.5e-3),
        Phase("joint", steps=600, frames=8, expressions=5, learning_rate=1.5e-3, encoder_factor=0.4),
    ),
)
