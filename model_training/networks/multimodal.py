"""What words and pixels become together at one level, f^_p, in all the ways that Tables 1 and 2 compare."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model_training.networks.cmsa import ATTENTIONS, CrossModalSelfAttention
from model_training.networks.config import NetworkConfig, chosen
from model_training.networks.pairwise import PairwiseSelfAttention
from model_training.networks.pooling import POOLINGS, Pooled, equal_weights, pairs, pool_pairs
from model_training.networks.recurrent import MultimodalLSTM


class NoAttention(nn.Module):
    """f^_p pooled from f_pn as they are: v^_pn of Eq. 2 is zero. No word receives attention, so all weigh alike.

    Args:
        channels: C_v + 8 + C_l.
        pooling: one of POOLINGS.
    """

    def __init__(self, channels: int, pooling: str) -> None:
        super().__init__()
        self.weigh = chosen("pooling", pooling, POOLINGS)
        self.channels = channels

    def forward(self, x: Tensor, e: Tensor, mask: Tensor) -> Pooled:
        """As CrossModalSelfAttention.forward."""
        weigh = None if self.weigh is None else equal_weights
        return pool_pairs(weigh, pairs(x, e), e, mask, torch.zeros_like(e[..., 0]), 1.0)


REPRESENTATIONS = {"words": False, "sentence": True, "rmi-lstm": False, "rrn-cnn": True}
"""Name -> whether an LSTM makes one vector of the sentence. Word by word and sentence by CMSA (CMSA-W, CMSA-S); the
multimodal LSTM of RMI; the sentence beside the pixels and a 1x1 convolution, as in RRN."""


def multimodal(config: NetworkConfig, spatial: int, size: tuple[int, int]) -> nn.Module:
    """The module that makes f^_p of x_p (P, `spatial`) on a grid (H, W) and e_n; `channels` are those of f^_p.

    Raises:
        ValueError: the configuration names what there is not, or what does not go together.
    """
    chosen("representation", config.representation, REPRESENTATIONS)
    kept = chosen("attention", config.attention, ATTENTIONS)
    words = config.word_channels
    if config.representation == "rmi-lstm":
        return MultimodalLSTM(spatial, words, config.fusion_channels)
    if config.representation == "rrn-cnn" or not any(kept):
        return NoAttention(spatial + words, config.pooling)
    common = (spatial, words, config.attention_channels, config.bounded, config.word_attention_gain)
    if not config.rectified and config.key_pooling == (1, 1, 1):
        return CrossModalSelfAttention(*common, kept, config.pooling)
    if not all(kept):
        raise ValueError(
            f"attention {config.attention!r} does not go with rectified or key_pooling: a ReLU leaves no part of "
            "q_pn to the word alone; choose 'cross-modal' or 'none'"
        )
    return PairwiseSelfAttention(*common, config.pooling, size, config.rectified, config.key_pooling)
