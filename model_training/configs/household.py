"""`household`: real things on real tables. Learns simulated tables, scans of things on photo surfaces, and photos.

EfficientNet-Lite0 with ImageNet's weights sees colours and shapes together, because real things are known by both. The
input is larger than that of `tabletop`: things in photos are small.
"""

from dataclasses import replace

from model_training.configs import shipped
from model_training.configs.schema import Config, LossWeights, Mix, Phase
from model_training.datasets.rendering import SceneSet

NETWORK = replace(
    shipped.NETWORK,
    height=240,
    width=320,
    backbone="efficientnet-lite0",
    pixel_mean=(127.0, 127.0, 127.0),
    pixel_std=(128.0, 128.0, 128.0),
    colour_channels=0,
    skip_channels=24,
    attention_heads=4,
    counting_channels=16,
)

ENCODER_FACTOR = 0.1
"""With larger steps the backbone forgets what ImageNet taught it of things that are not learned here."""

CONFIG = Config(
    name="household",
    network=NETWORK,
    scenes=replace(shipped.CONFIG.scenes, scenes=8192, height=NETWORK.height, width=NETWORK.width),
    mix=Mix(
        tables=0.2,
        scans=0.4,
        photos=0.4,
        scan_scenes=SceneSet(
            scenes=16384, height=NETWORK.height, width=NETWORK.width, moving_share=0.15, clip=NETWORK.clip
        ),
    ),
    phases=(
        Phase("encoder", steps=6000, frames=16, expressions=0, learning_rate=1e-3, encoder_factor=ENCODER_FACTOR),
        Phase("joint", steps=30_000, frames=8, expressions=6, learning_rate=1e-3, encoder_factor=ENCODER_FACTOR),
    ),
    losses=LossWeights(dice=1.0, presence=1.0, reference=0.5, motion=0.3, dense=0.3),
    contrasts=("order", "motion"),
    imagenet=True,
    clip_interval=shipped.CONFIG.clip_interval,
    unseen_scenes=64,
    moving_share=0.2,
)
