"""What a LASTC network is made of, and the four presets in two sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LastcConfig:
    """The defaults are those of preset `lastc`, in the published size."""

    vocabulary: int
    """Number of word ids, the two special ones included."""
    height: int = 320
    """Input height in pixels, a multiple of 32 [code]."""
    width: int = 320
    """Input width in pixels, a multiple of 32 [code]."""
    padding: int = 0
    """Grey level around an image that does not fill the input, 0 to 255."""
    max_words: int = 20
    """N: words of an expression that are read [code]."""
    before: int = 4
    """Frames of the clip before the target [code]."""
    after: int = 3
    """Frames of the clip after the target [code]."""

    widths: tuple[int, int, int, int, int] | None = None
    """Channels of the five stages of two small encoders, 3-D convolutions factorised [inferred]. None: ResNet-50 and
    I3D [code]."""
    word_channels: int = 300
    """Size of a word's entry in the table; GloVe's [code]."""
    text_channels: int = 512
    """C_l: size of a word's feature L_n [code]."""
    decoder_channels: int = 256
    """Channels of the decoder's maps [code]."""
    imagenet_norm: bool = True
    """Whether pixels are normalised by ImageNet's statistics [inferred], instead of scaled to [0, 1] [code]."""

    attn_scale: str = "l2"
    """How CMAM scales the words' scores: one of cmam.SCALES. `l2` is literal, and nearly flat [code]."""
    q_norm: str = "ln"
    """Norm of CMAM's queries: `ln`, LayerNorm [inferred], or `bn`, BatchNorm that sees padding too [code]."""
    cmam_conv: str = "full"
    """CMAM's 3x3 convolution: `full` [code], or the lighter `bottleneck4` or `dw` (depth-wise) [inferred]."""
    zero_init: bool = True
    """V' = V + U (gamma - 0.5) with W and b zero at the start, instead of V' = V + U gamma [code has both]."""
    update: str = "xattn"
    """How CMAM+ updates the words: one of words_update.UPDATES; `none` is CMAM [inferred]."""
    sent: str = "mean"
    """The decoder's sentence: `mean` of the words, `cmam`, the last CMAM's l, or `sum` of the words [inferred]."""
    fuse: str = "concat"
    """How the streams become one map: `concat` [code], or LGFS as one of lgfs.SELECTIONS [inferred]."""
    lasp: str = "map"
    """LASP: one of lasp.PROPAGATIONS, or `none` [inferred]."""
    lasp_channels: int = 128
    """d: size of what LASP carries [inferred]."""
    lasp_maps: int = 16
    """K: how many things LASP samples; the published number is unknown [inferred]."""
    reuse: bool = False
    """Whether `lasp="word"` distributes by the map that it gathered with, as LSCM's code does."""
    suppress: bool = False
    """Whether LASP multiplies the background down, instead of raising the foreground alone [inferred]."""
    head320: bool = True
    """Whether the last head works at the size of the input [code]; else the map at half that size is upsampled."""


_CSTM = {"update": "none", "fuse": "concat", "lasp": "none", "q_norm": "bn", "imagenet_norm": False}
_LASTC = {"update": "xattn", "fuse": "concat", "lasp": "map", "q_norm": "ln", "imagenet_norm": True}

PRESETS: dict[str, dict[str, Any]] = {
    "cstm_code": _CSTM,
    "cstm_paper": _CSTM | {"fuse": "softmax"},
    "lastc": _LASTC,
    "lastc_full": _LASTC | {"fuse": "softmax"},
}
"""In this order: CSTM as released, CSTM with the LGFS that its paper names, LASTC as in its abstract, and LASTC with
LGFS. docs/systems.md lists what still differs from the released code."""

SIZES: dict[str, dict[str, Any]] = {
    "published": {},
    "small": {
        "widths": (32, 48, 96, 160, 224),
        "text_channels": 128,
        "decoder_channels": 48,
        "head320": False,
        "before": 7,
        "after": 0,
    },
}
"""`small` looks at the past alone, as a robot can [inferred]."""


def lastc_config(preset: str, size: str, **fields: Any) -> LastcConfig:
    """A preset in a size; `fields` win over both, and hold `vocabulary` at least.

    Raises:
        KeyError: there is no such preset or size.
    """
    return LastcConfig(**(PRESETS[preset] | SIZES[size] | fields))
