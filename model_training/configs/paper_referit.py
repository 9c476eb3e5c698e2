"""The paper's recipe for ReferIt (Table 6), train and val together: still images, so without CFSA."""

from dataclasses import replace

from model_training.configs import paper
from model_training.datasets.sample import STILL

CONFIG = replace(
    paper.CONFIG,
    name="paper_referit",
    dataset="ReferIt",
    split="trainval",
    network=replace(paper.CONFIG.network, clip=1),
    clip=STILL,
    clip_interval=0.0,
)
