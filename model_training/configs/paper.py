"""The paper's network at its full size, and its recipe, for any data set; `paper_unc` and its like are for the paper's.

Tagged by where each comes from: [paper], its authors' [code] of the CVPR version, or neither, [ours].

- Adam, 2.5e-4, weight decay 5e-4 [paper], poly 0.9 [paper] that ends at 1e-5 [code]; 800,000 steps of one expression on
  one image [code].
- The backbone is DeepLab-101 that knows Pascal VOC [paper]; its batch norms are frozen and, by default, its weights too
  [code]. Its file is given by `--backbone`.
- Cross-entropy, mean over the pixels of the input (Eq. 8) [paper]. The code sums them, which makes its weight decay
  102,400 times smaller against the loss.
- Weight decay of all weights but the words' table and the backbone [ours]; [code] has it on two layers alone.
- A step draws an image and one of its expressions [ours]; [code] goes through the expressions.
- The words are those of the split that is learned [ours]; [code] has 12,112 of all COCO sets, or 8,803.
- The presence of the thing is learned beside its mask, with a small weight [ours].
"""

import math

from model_training.configs.schema import Config, LossWeights, Phase
from model_training.datasets.sample import Clip
from model_training.networks.config import NetworkConfig

CONFIG = Config(
    name="paper",
    network=NetworkConfig(vocabulary=12112),
    phases=(
        Phase(
            "joint",
            steps=800_000,
            frames=1,
            expressions=1,
            learning_rate=2.5e-4,
            encoder_factor=0.0,
            warm_up=1,
            schedule="poly",
        ),
    ),
    losses=LossWeights(dice=0.0, presence=0.1),
    clip=Clip(past=5, future=5),
    clip_interval=0.04,
    optimiser="adam",
    weight_decay=5e-4,
    gradient_norm=math.inf,
    average=0.0,
    precision="float32",
)
