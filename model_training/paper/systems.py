"""The systems in the paper's Tables 1 and 2, as switches of one network, with the paper's figures."""

from __future__ import annotations

from dataclasses import dataclass

EVERY_PAIR: dict[str, object] = {"pooled_attention": False}
"""For systems that are computed pair by pair, or that attend to nothing."""

VARIANTS: dict[str, dict[str, object]] = {
    "max-pooling": {"pooling": "max", "fusion": "none", **EVERY_PAIR},
    "mean-pooling": {"pooling": "mean", "fusion": "none"},
    "cmsa": {"fusion": "none"},
    "no-attention": {"attention": "none", "fusion": "none", **EVERY_PAIR},
    "word-attention": {"attention": "word", "fusion": "none"},
    "pixel-attention": {"attention": "pixel", "fusion": "none"},
    "pair-attention": {"attention": "pair", "fusion": "none"},
    "rmi-lstm": {"representation": "rmi-lstm", "fusion": "none", **EVERY_PAIR},
    "rrn-cnn": {"representation": "rrn-cnn", "fusion": "none", **EVERY_PAIR},
    "sentence": {"representation": "sentence", "fusion": "none"},
    "ppm": {"fusion": "ppm"},
    "deconvolution": {"fusion": "deconvolution"},
    "convlstm": {"fusion": "convlstm"},
    "gated": {"fusion": "gated"},
    "gmlf": {},
    "no-cfsa": {"clip": 1},
    "short-clip": {"clip": 2},
    "sparse-clip": {"clip": 2, "clip_stride": 3},
    "sharp-words": {"word_attention_gain": 4.0},
    "cvpr-projections": {"rectified": True, **EVERY_PAIR},
    "cvpr-keys": {"key_pooling": (1, 2, 2), **EVERY_PAIR},
    "cvpr-gates": {"fusion": "gmlf-channels"},
    "cvpr": {
        "rectified": True,
        "key_pooling": (2, 2, 2),
        "pooling": "mean",
        "fusion": "gmlf-channels",
        **EVERY_PAIR,
    },
}
"""Name -> its changes of the network's configuration."""


@dataclass(frozen=True)
class Row:
    """One system in one of the paper's tables."""

    title: str
    """Name in the paper."""
    variant: str
    published: tuple[float, ...]
    """Overall IoU in percent, in the order of the group's columns."""


@dataclass(frozen=True)
class Group:
    """Systems that are compared with each other."""

    title: str
    columns: tuple[str, ...]
    """Sets with an overall IoU in the paper; the first is UNC val."""
    rows: tuple[Row, ...]


ALL_SETS = (
    "UNC val",
    "UNC testA",
    "UNC testB",
    "UNC+ val",
    "UNC+ testA",
    "UNC+ testB",
    "G-Ref val",
    "ReferIt test",
)

TABLE_1 = Group(
    "Pooling",
    ALL_SETS,
    (
        Row("max pooling", "max-pooling", (49.90, 50.91, 46.34, 31.85, 34.66, 29.07, 32.96, 57.92)),
        Row("average pooling", "mean-pooling", (50.12, 51.22, 46.85, 32.14, 34.98, 30.31, 33.41, 58.53)),
        Row("word attention-aware pooling", "cmsa", (50.95, 51.79, 47.54, 34.60, 37.40, 32.02, 37.35, 59.95)),
    ),
)

TABLE_2 = (
    Group(
        "Attention method",
        ALL_SETS[:1],
        (
            Row("No attention", "no-attention", (45.63,)),
            Row("Word attention", "word-attention", (47.01,)),
            Row("Pixel attention", "pixel-attention", (47.84,)),
            Row("Word-pixel pair attention", "pair-attention", (47.57,)),
            Row("Cross-modal self-attention", "cmsa", (50.95,)),
        ),
    ),
    Group(
        "Multimodal feature representation",
        ALL_SETS[:1],
        (
            Row("RMI-LSTM", "rmi-lstm", (45.18,)),
            Row("RRN-CNN", "rrn-cnn", (46.95,)),
            Row("CMSA-S", "sentence", (48.53,)),
            Row("CMSA-W", "cmsa", (50.95,)),
        ),
    ),
    Group(
        "Multi-level feature fusion",
        ALL_SETS[:1],
        (
            Row("CMSA+PPM", "ppm", (53.54,)),
            Row("CMSA+Deconv", "deconvolution", (54.18,)),
            Row("CMSA+ConvLSTM", "convlstm", (56.56,)),
            Row("CMSA+Gated", "gated", (57.08,)),
            Row("CMSA+GMLF", "gmlf", (58.92,)),
        ),
    ),
)

OF_THE_TABLES = tuple(dict.fromkeys(row.variant for group in (TABLE_1, *TABLE_2) for row in group.rows))
"""The variants in Tables 1 and 2."""
