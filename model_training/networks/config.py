"""What a network is made of: one frozen dataclass, from which everything is assembled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

_NO_CMSA = ("rmi-lstm", "rrn-cnn")
"""Representations that stand in the place of CMSA."""


def chosen(field: str, name: str, table: Mapping[str, T]) -> T:
    """The entry of a table under the name that a field of a configuration gives.

    Raises:
        ValueError: the table has no such name.
    """
    if name not in table:
        raise ValueError(f"{field} {name!r} is unknown; choose one of {', '.join(table)}")
    return table[name]


@dataclass(frozen=True)
class NetworkConfig:
    """The network's shape. The defaults are the paper's; `model_training/configs` names the ones in use.

    Fields under "beyond the paper" are off by default; `docs/architecture.md` says why the small model has them.
    """

    vocabulary: int
    """Number of word ids, the two special ones included."""
    height: int = 320
    """Input height in pixels, a multiple of 16."""
    width: int = 320
    """Input width in pixels, a multiple of 16."""
    padding: int = 0
    """Grey level around an image that does not fill the input, 0 to 255; 0 in the authors' code."""
    max_words: int = 20
    """N: words of an expression that are read."""

    backbone: str = "resnet101"
    """One of cmsa.encoder.BACKBONES."""
    stem_channels: int = 64
    """Channels of the backbone's first convolution; 64 takes torchvision's and DeepLab's weights."""
    output_stride: int = 8
    """Stride of Res4 and Res5 (dilated from there on): 8 (the paper's) or 16."""
    pixel_mean: tuple[float, float, float] = (122.679, 116.669, 104.007)
    """Subtracted from R, G, B in 0..255."""
    pixel_std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Divides R, G, B after that."""
    bgr: bool = True
    """Whether the backbone reads B, G, R (DeepLab's weights do) instead of R, G, B."""

    word_channels: int = 1000
    """C_l: size of a word embedding."""
    attention_channels: int = 512
    """d: size of queries, keys and values of CMSA (Eq. 2)."""
    normalise: bool = True
    """Whether v_p and e_n are L2-normalised (Eq. 1)."""
    word_attention_gain: float = 1.0
    """Factor on the received attention r, which sums to N over N words, before the softmax of Eq. 4."""
    fusion_channels: int = 500
    """Channels of X^i (Sec. 3.3)."""

    clip: int = 11
    """T: frames of a clip for CFSA (Sec. 3.4); 1 is a still image and has no CFSA."""
    clip_channels: int = 512
    """Size of queries and keys of CFSA, and of projected values; the paper does not give it."""
    clip_values: str = "raw"
    """What CFSA sums up, one of cmsa.cfsa.CLIP_VALUES: the features themselves, as Eq. 9 has them, or a projection,
    which has an output projection too."""

    # What the paper compares itself with (Tables 1, 2 and 7) and the form of its code; docs/ablations.md describes each
    pooling: str = "word"
    """How features of the words become one: one of ablations.pooling.POOLINGS (Table 1)."""
    attention: str = "cross-modal"
    """What CMSA attends to: one of ablations.attention.ATTENTIONS (Table 2, top)."""
    representation: str = "words"
    """How words and pixels are joined: one of ablations.choice.REPRESENTATIONS (Table 2, middle)."""
    fusion: str = "gmlf"
    """How the levels become one map: one of ablations.map_fusion.FUSIONS (Table 2, bottom)."""
    clip_stride: int = 1
    """Step between the frames of a clip, counted back from the target: 3 takes every third frame."""
    rectified: bool = False
    """Whether CMSA's projections and X^i go through a ReLU, as in the code of the CVPR paper."""
    key_pooling: tuple[int, int, int] = (1, 1, 1)
    """Words, rows and columns over which CMSA max-pools what it attends to; (2, 2, 2) in the code of the CVPR paper."""

    # Beyond the paper
    cosine_attention: bool = False
    """Cosine queries and keys in CMSA and CFSA, with a learnable, bounded scale: a small network learns in thousands of
    steps instead of hundreds of thousands."""
    pooled_attention: bool = False
    """CMSA in its pooled form, which gives what the paired form gives with N times less work; for cosine attention."""
    batch_norm: bool = False
    """Whether X^i goes through batch norm and ReLU."""
    word_layers: int = 0
    """Transformer layers over the words, with positions; without them "left of" and its reverse look the same."""
    colour_channels: int = 0
    """Unless 0, the backbone reads luminance alone, and a small colour stem adds this many channels to each of its
    levels: what a thing is should not depend on its colour."""
    clip_coordinates: bool = False
    """Whether CFSA sees the coordinates s_p and sines of them beside v_p: where a thing was, and so where it is
    going."""
    clip_cell: int = 0
    """Side in pixels of the cells that CFSA attends to: at finer levels, queries and values come from the mean over
    each cell. 0: from every position."""
    rounds: tuple[int, int, int] = (1, 1, 1)
    """CMSA rounds at Res3, Res4 and Res5; a later round reads what the one before it found. More than one needs
    `batch_norm`."""
    modulation: bool = False
    """Whether X^i, after batch norm, is scaled and shifted channel by channel by the attended words."""
    shuffle: int = 1
    """Sub-pixel factor of the mask head over the finest level."""
    skip_channels: int = 0
    """Unless 0, the mask head also sees this many channels at stride 4, from the backbone: thin things are lost on
    coarser grids."""
    attention_heads: int = 1
    """Heads of CMSA, each with its share of `attention_channels` and a softmax of its own."""
    counting_channels: int = 0
    """Unless 0, each round after the first adds this many sums, over the positions, of what the round before it found:
    a softmax gives means, which are the same for one mug and for three."""

    def __post_init__(self) -> None:
        """Refuse unsafe combinations, and fields that have no effect beside others.

        Raises:
            ValueError: two fields do not go together; the message says what to choose.
        """
        by_pairs = self.rectified or tuple(self.key_pooling) != (1, 1, 1)
        if self.pooled_attention and not self.cosine_attention:
            raise ValueError("pooled_attention is unsafe without bounded logits; set cosine_attention too")
        if self.pooled_attention and (by_pairs or self.pooling == "max"):
            raise ValueError(
                "pooled_attention has no effect with rectified, key_pooling or pooling 'max', which compute every pair;"
                " set it to False"
            )
        if self.backbone.startswith("efficientnet") and (self.stem_channels, self.output_stride) != (32, 16):
            raise ValueError(f"backbone {self.backbone!r} has 32 stem_channels and an output_stride of 16; set these")
        if self.skip_channels and (self.shuffle % 2 or self.fusion == "deconvolution"):
            raise ValueError(
                "skip_channels belong to a mask head that goes on from stride 8 to 4 and finer; set shuffle to 2 or 4, "
                "and fusion to another than 'deconvolution'"
            )
        if self.attention_heads > 1:
            if by_pairs or (self.attention, self.pooling) != ("cross-modal", "word") or self.representation in _NO_CMSA:
                raise ValueError("attention_heads are CMSA's own; they go with none of what may stand in its place")
            if self.attention_channels % self.attention_heads:
                raise ValueError(f"attention_channels must be a multiple of the {self.attention_heads} attention_heads")
        if self.counting_channels and max(self.rounds) == 1:
            raise ValueError("counting_channels count what an earlier round found; set rounds to (1, 2, 2), say")
        if self.modulation and not self.batch_norm:
            raise ValueError("modulation has no effect without batch_norm; set batch_norm too")
        if max(self.rounds) > 1 and not self.batch_norm:
            raise ValueError(f"rounds {self.rounds}: later rounds need batch_norm; set it, or rounds to (1, 1, 1)")
        if by_pairs and self.attention not in ("cross-modal", "none"):
            raise ValueError(
                f"attention {self.attention!r} does not go with rectified or key_pooling, which leave no part of q_pn "
                "to the word alone; choose 'cross-modal'"
            )
        if self.key_pooling[0] > 1 and self.pooling == "word":
            raise ValueError(
                f"key_pooling {self.key_pooling} merges words, but pooling 'word' needs the attention of each; "
                f"choose (1, {self.key_pooling[1]}, {self.key_pooling[2]}), or pooling 'mean' or 'max'"
            )
        received = self.attention != "none" and (self.pooling, self.representation) == ("word", "words")
        if self.word_attention_gain != 1 and not received:
            raise ValueError(
                "word_attention_gain has no effect unless words are pooled by the attention that they receive (pooling "
                "'word', representation 'words', any attention but 'none'); set it to 1.0"
            )
        if self.representation == "sentence" and self.pooling != "word":
            raise ValueError(
                f"pooling {self.pooling!r} has no effect with representation 'sentence', which is a single vector; "
                "leave it at 'word'"
            )
        if self.representation in _NO_CMSA and (self.attention, self.pooling) != ("cross-modal", "word"):
            raise ValueError(
                f"representation {self.representation!r} stands in the place of CMSA: attention and pooling have no "
                "effect; leave them at 'cross-modal' and 'word'"
            )
        if tuple(self.key_pooling) != (1, 1, 1) and (self.attention == "none" or self.representation in _NO_CMSA):
            raise ValueError("key_pooling has no effect without attention; set it to (1, 1, 1)")
        if self.pooled_attention and (self.attention == "none" or self.representation in _NO_CMSA):
            raise ValueError("pooled_attention has no effect without CMSA's attention; set it to False")
