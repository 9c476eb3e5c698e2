"""The paper's network at its full size, on the simulated scenes: `train` does not train on the benchmark data sets yet.

Its backbone begins at random and learns dense labels first; the paper's comes from Pascal VOC. Loss, optimiser and
learning-rate schedule are those of this project; batch size, number of steps and learning rate are the paper's.
"""

from model_training.configs.schema import Config, LossWeights, Phase
from model_training.datasets.rendering import SceneSet
from model_training.networks.config import NetworkConfig

NETWORK = NetworkConfig(vocabulary=12112)  # the words of the COCO sets (UNC, UNC+, G-Ref); a scene's fit in

CONFIG = Config(
    name="paper",
    network=NETWORK,
    scenes=SceneSet(height=NETWORK.height, width=NETWORK.width, clip=NETWORK.clip),
    phases=(
        Phase("encoder", steps=20_000, frames=8, expressions=0, learning_rate=2.5e-4),
        Phase("joint", steps=800_000, frames=1, expressions=1, learning_rate=2.5e-4, encoder_factor=0.1),
    ),
    losses=LossWeights(dice=0.0, presence=0.3, reference=0.0, motion=0.0, dense=0.0),
    clip_interval=0.2,
    moving_share=0.35,
    weight_decay=5e-4,
)
