"""`tabletop`, the small network that ships: learns simulated tabletops on two CPU cores in hours."""

from model_training.configs.schema import Config, LossWeights, Phase
from model_training.datasets.rendering import SceneSet
from model_training.datasets.scene_batches import tabletop_vocabulary
from model_training.networks.config import NetworkConfig
from refseg_ros.simulation.wording import MAX_WORDS

NETWORK = NetworkConfig(
    vocabulary=len(tabletop_vocabulary()),
    height=192,
    width=256,
    padding=128,
    max_words=MAX_WORDS,
    backbone="resnet18",
    stem_channels=32,
    output_stride=16,
    pixel_mean=(123.675, 116.28, 103.53),
    pixel_std=(58.395, 57.12, 57.375),
    bgr=False,
    word_channels=96,
    attention_channels=64,
    normalise=False,
    fusion_channels=96,
    clip=4,
    clip_channels=32,
    clip_values="projected",
    cosine_attention=True,
    pooled_attention=True,
    batch_norm=True,
    word_layers=2,
    colour_channels=48,
    clip_coordinates=True,
    clip_cell=16,
    rounds=(1, 3, 3),
    modulation=True,
    shuffle=4,
)

CONFIG = Config(
    name="tabletop",
    network=NETWORK,
    scenes=SceneSet(scenes=16384, height=NETWORK.height, width=NETWORK.width, clip=NETWORK.clip),
    phases=(
        Phase("encoder", steps=5000, frames=16, expressions=0, learning_rate=1.5e-3),
        Phase("joint", steps=5500, frames=8, expressions=5, learning_rate=1.5e-3, encoder_factor=0.4),
    ),
    losses=LossWeights(dice=1.0, presence=0.5, reference=0.5, motion=0.3, dense=0.3),
    clip_interval=0.2,
    moving_share=0.35,
)
