"""The paper's network at its full size, and its recipe: `paper` for any data set, the others for those of its tables.

Tagged by where each comes from: [paper], its authors' [code] of the CVPR version, or neither, [ours].

- Adam, 2.5e-4, weight decay 5e-4 [paper], poly 0.9 [paper] that ends at 1e-5 [code]; 800,000 steps of one expression on
  one image [code].
- The backbone is DeepLab-101, trained on Pascal VOC [paper]; its batch norms are frozen and, by default, its weights
  too [code]. Give its file with `--backbone`.
- Cross-entropy, mean over the pixels of the input (Eq. 8) [paper]. The code sums them, which makes its weight decay
  102,400 times smaller against the loss.
- Weight decay of all weights but the words' table and the backbone [ours]; [code] has it on two layers alone.
- A step draws an image and one of its expressions [ours]; [code] goes through the expressions.
- The words are those of the split that is learned [ours]; [code] has 12,112 of all COCO sets, or 8,803.
- The presence of the thing is learned beside its mask, with a small weight [ours].
- Still images go without CFSA, videos as clips of 11 frames [paper]. The paper does not say how long it trained on
  videos; the length is that of still images [ours].
"""

import math
from dataclasses import replace

from model_training.configs.schema import Config, LossWeights, Phase
from model_training.datasets.sample import STILL, ClipFrames
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
    clip=ClipFrames(past=5, future=5),
    clip_interval=0.04,
    optimiser="adam",
    weight_decay=5e-4,
    gradient_norm=math.inf,
    average=0.0,
    precision="float32",
)

TABLES = (
    ("paper_unc", "UNC", "train", True),  # Table 3
    ("paper_unc_plus", "UNC+", "train", True),  # Table 4
    ("paper_gref", "G-Ref (google)", "train", True),  # Table 5
    ("paper_referit", "ReferIt", "trainval", True),  # Table 6
    ("paper_a2d", "A2D-Sentences", "train", False),  # Table 7; Table 8 scores the same weights
)
"""Name, the data set that is learned and its split, and whether it has still images alone."""


def _recipe(name: str, dataset: str, split: str, still: bool) -> Config:
    config = replace(CONFIG, name=name, dataset=dataset, split=split)
    if not still:
        return config
    return replace(config, network=replace(config.network, clip=1), clip=STILL, clip_interval=0.0)


CONFIGS = (CONFIG, *(_recipe(*row) for row in TABLES))
