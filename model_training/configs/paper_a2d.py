"""The paper's recipe for A2D-Sentences (Table 7; Table 8 scores the same weights): clips of 11 frames.

The paper does not say how long it trained on videos; the length is that of still images.
"""

from dataclasses import replace

from model_training.configs import paper

CONFIG = replace(paper.CONFIG, name="paper_a2d", dataset="A2D-Sentences")
