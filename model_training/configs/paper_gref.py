"""The paper's recipe for G-Ref, the split of google (Table 5): still images, so without CFSA."""

from dataclasses import replace

from model_training.configs import paper
from model_training.datasets.sample import STILL

CONFIG = replace(
    paper.CONFIG,
    name="paper_gref",
    dataset="G-Ref (google)",
    network=replace(paper.CONFIG.network, clip=1),
    clip=STILL,
    clip_interval=0.0,
)
