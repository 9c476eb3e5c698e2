"""The paper's recipe for UNC (Table 3): still images, so without CFSA."""

from dataclasses import replace

from model_training.configs import paper
from model_training.datasets.sample import STILL

CONFIG = replace(
    paper.CONFIG,
    name="paper_unc",
    dataset="UNC",
    network=replace(paper.CONFIG.network, clip=1),
    clip=STILL,
    clip_interval=0.0,
)
