"""What a VLIDE network is made of, in two sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class VlideConfig:
    """The defaults are the published size, as far as the paper's abstract and its authors' other work tell it."""

    vocabulary: int = 30522
    """Number of word ids; BERT's."""
    height: int = 320
    """Input height in pixels, a multiple of 32 [code: EFN]."""
    width: int = 320
    """Input width in pixels, a multiple of 32 [code: EFN]."""
    padding: int = 0
    """Grey level around an image that does not fill the input, 0 to 255."""
    max_words: int = 20
    """N: words, or pieces of words, that are read; [CLS] and [SEP] come on top."""
    refs: int = 4
    """T_r: reference frames, all before the target; 0 is a still image [inferred], and all that goes without LMDF or
    with `st="none"`, which read none."""

    backbone: str = "resnet50"
    """One of layers.residual.DEPTHS; EFN has wide_resnet101_2 [inferred]."""
    widths: tuple[int, int, int, int, int] | None = None
    """Channels of the five stages of a small backbone in its place [inferred]."""
    c5_stride: int = 1
    """Stride of the last stage: 1 [code: EFN] or 2."""
    text_channels: int = 768
    """Size of a word's state; BERT-base's [inferred]."""
    text_heads: int = 12
    """Of its self-attention."""
    groups: tuple[int, int, int] = (6, 9, 12)
    """After which layers of the language encoder the words meet C3, C4 and C5 [inferred]."""
    positions: int = 512
    """Rows of the language encoder's table of positions; at least `max_words` + 2."""
    specials: tuple[int, int] | None = (101, 102)
    """Ids of [CLS] and [SEP], which the network puts around the words; BERT's. None: two of its own."""
    lang_frames: str = "own"
    """`own`: each frame updates its own copy of the words; `shared`: all use those of the target [inferred]."""

    levels: tuple[int, ...] = (3, 4, 5)
    """Stages of the CNN with a VLMG: also (4, 5), (2, 3, 4, 5) and none [inferred]. Stage 2 meets the embedding of the
    words, and takes their mean for the sentence."""
    guided_channels: int = 512
    """Channels of X and F in VLMG [code: EFN]."""
    pooled_channels: int = 256
    """Channels of the attention by which language guides vision [code: EFN]."""
    scale: bool = True
    """Whether scores of words are divided by the root of their channels [inferred], or not [paper: BRINet-J]."""
    lvam: str = "pooled"
    """How language guides vision: one of guidance.GUIDANCES."""
    resid: str = "plain"
    """`plain`: C' = C + F [inferred]; `norm`: both are first scaled to unit length [code: EFN]."""
    order: str = "vision-first"
    """What is updated first: `vision-first`, the words then read F; `parallel`, the words read X; or `language-first`
    [inferred]."""

    lmdf: bool = True
    """Whether earlier frames update the target's features at all."""
    reduced_channels: int = 256
    """Channels at levels 3, 4 and 5 after the encoder, and in the decoder [inferred]."""
    st: str = "attention"
    """LMDF's spatio-temporal feature: one of lmdf.GATHERINGS [inferred]."""
    lguide: str = "words"
    """How language enters LMDF: one of lmdf.LANGUAGES [inferred]."""
    dils: tuple[int, ...] = (1, 3, 5)
    """Dilations of LMDF's filters [code: HDFNet]."""
    kgroups: int = 64
    """Filters at each position: one per channel (64) [code: HDFNet], or fewer, each for several channels [inferred]."""
    knorm: str = "none"
    """What is done to a filter's nine numbers: one of filtering.NORMALISATIONS."""
    dec: str = "topdown"
    """The decoder: `topdown` [inferred] or `efn` with body and edge apart [code: EFN]."""


SIZES: dict[str, dict[str, Any]] = {
    "published": {},
    "small": {
        "widths": (32, 48, 96, 160, 224),
        "text_channels": 256,
        "text_heads": 4,
        "groups": (2, 3, 4),
        "positions": 22,
        "specials": None,
        "guided_channels": 128,
        "pooled_channels": 64,
        "reduced_channels": 96,
        "kgroups": 24,
    },
}
"""`small` reads the words of this project's vocabulary [inferred]."""


def vlide_config(size: str, **fields: Any) -> VlideConfig:
    """A size; `fields` win over it.

    Raises:
        KeyError: there is no such size.
    """
    return VlideConfig(**(SIZES[size] | fields))
