"""What a network is made of: one frozen dataclass, from which everything is assembled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


def chosen(field: str, name: str, table: Mapping[str, T]) -> T:
    """What a table has under the name that a field of NetworkConfig gives.

    Raises:
        ValueError: there is nothing of that name.
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
    max_words: int = 20
    """N: words of an expression that are read."""

    backbone: str = "resnet101"
    """One of backbone.DEPTHS."""
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
    """Size of queries, keys and values of CFSA; the paper does not give it."""

    # What the paper compares itself with (Tables 1, 2 and 7) and the form of its code; docs/ablations.md describes each
    pooling: str = "word"
    """How features of the words become one: one of pooling.POOLINGS (Table 1)."""
    attention: str = "cross-modal"
    """What CMSA attends to: one of cmsa.ATTENTIONS (Table 2, top)."""
    representation: str = "words"
    """What words and pixels become together: one of multimodal.REPRESENTATIONS (Table 2, middle)."""
    fusion: str = "gmlf"
    """How the levels become one map: one of fusion.FUSIONS (Table 2, bottom)."""
    clip_stride: int = 1
    """A clip takes every so manyth frame, back from the target. Times `clip` it is how far CFSA looks back."""
    rectified: bool = False
    """Whether CMSA's projections and X^i go through a ReLU, as in the code of the CVPR paper."""
    key_pooling: tuple[int, int, int] = (1, 1, 1)
    """Words, rows and columns over which CMSA max-pools what it attends to; (2, 2, 2) in the code of the CVPR paper."""

    # Beyond the paper
    bounded: bool = False
    """Cosine queries and keys with a learnable, bounded scale: a small network learns in thousands of steps instead of
    hundreds of thousands, and the pooled form of CMSA is safe."""
    word_layers: int = 0
    """Transformer layers over the words, with positions; without them "left of" and its reverse look the same."""
    colour_channels: int = 0
    """Where this is not 0 the backbone reads luminance alone, and so many channels of a small colour stem stand beside
    each of its levels: what a thing is does not hang on its colour."""
    clip_coordinates: bool = False
    """Whether CFSA sees the coordinates s_p beside v_p, and waves of them: where a thing was, and so where it is
    going."""
    clip_cell: int = 0
    """Side in pixels of the cells that CFSA attends to: at levels whose positions are finer, queries and values are of
    the mean over each cell. 0: of every position."""
    rounds: tuple[int, int, int] = (1, 1, 1)
    """CMSA rounds at Res3, Res4 and Res5; a later round reads what the one before it found."""
    modulation: bool = False
    """Whether X^i is scaled and shifted channel by channel by the attended words."""
    shuffle: int = 1
    """Sub-pixel factor of the mask head over the finest level."""
