"""Which module stands where: the paper's own, or what a NetworkConfig names in its place."""

from __future__ import annotations

from model_training.networks.ablations.attention import ATTENTIONS, NoAttention, PartialSelfAttention
from model_training.networks.ablations.map_fusion import FUSIONS
from model_training.networks.ablations.pairwise import PairwiseSelfAttention
from model_training.networks.ablations.pooling import POOLINGS
from model_training.networks.ablations.recurrent import MultimodalLSTM, Sentence
from model_training.networks.cmsa.attention import CrossModalSelfAttention
from model_training.networks.cmsa.fusion import Parts
from model_training.networks.cmsa.multimodal import Multimodal
from model_training.networks.config import NetworkConfig, chosen

REPRESENTATIONS = {"words": False, "sentence": True, "rmi-lstm": False, "rrn-cnn": True}
"""Name -> whether an LSTM makes one vector of the sentence. In this order: CMSA over the words (CMSA-W) or over that
vector (CMSA-S); the multimodal LSTM of RMI; the vector beside each pixel's feature and a 1x1 convolution, as in RRN."""


def chosen_parts(config: NetworkConfig) -> Parts:
    """The parts of a network.

    Raises:
        ValueError: the configuration names something that does not exist.
    """
    return Parts(
        sentence=Sentence if chosen("representation", config.representation, REPRESENTATIONS) else None,
        multimodal=multimodal,
        map_fusion=chosen("fusion", config.fusion, FUSIONS),
    )


def multimodal(config: NetworkConfig, spatial: int, size: tuple[int, int]) -> Multimodal:
    """The module that makes f^_p from x_p (P, `spatial`), on a grid (H, W), and e_n.

    Raises:
        ValueError: the configuration names something that does not exist.
    """
    chosen("representation", config.representation, REPRESENTATIONS)
    chosen("pooling", config.pooling, POOLINGS)
    kept = chosen("attention", config.attention, ATTENTIONS)
    words = config.word_channels
    if config.representation == "rmi-lstm":
        return MultimodalLSTM(spatial, words, config.fusion_channels)
    if config.representation == "rrn-cnn" or not any(kept):
        return NoAttention(spatial + words, config.pooling)
    size_and_form = (spatial, words, config.attention_channels, config.cosine_attention)
    gain = config.word_attention_gain
    if config.rectified or config.key_pooling != (1, 1, 1):
        return PairwiseSelfAttention(*size_and_form, gain, config.pooling, size, config.rectified, config.key_pooling)
    if all(kept) and config.pooling == "word":
        return CrossModalSelfAttention(*size_and_form, config.pooled_attention, gain, config.attention_heads)
    return PartialSelfAttention(*size_and_form, config.pooled_attention, gain, kept, config.pooling)
