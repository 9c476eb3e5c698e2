"""The network of `tabletop` for still images, to learn a person's own folder, or another data set, on two CPU cores."""

from dataclasses import replace

from model_training.configs import shipped
from model_training.configs.schema import Config, LossWeights, Phase

CONFIG = Config(
    name="small",
    network=replace(shipped.NETWORK, clip=1, height=144, width=192),
    phases=(Phase("joint", steps=6000, frames=8, expressions=6, learning_rate=1.5e-3),),
    losses=LossWeights(dice=1.0, presence=0.4),
)
