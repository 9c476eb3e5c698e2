"""The graphs of the paper's system on a robot: encoder, clip, text and fusion."""

from __future__ import annotations

from torch import Tensor, nn

from model_training.networks.base import Graph
from model_training.networks.cmsa.cfsa import Past
from model_training.networks.cmsa.encoder import Encoder
from model_training.networks.cmsa.fusion import ClipFeatures, Fusion, Query
from refseg_ros.engines.clip_memory import pair_names
from refseg_ros.engines.network import OUTPUTS
from refseg_ros.engines.reach import IMAGE, PAST, WORDS

PARTS = ("query", "key", "value")
SKIP = "skip"


def graphs(encoder: Encoder, fusion: Fusion) -> list[Graph]:
    """`encoder` and `clip`, once a frame; `text`, once a query; `fusion`, for each frame and query. There is no clip of
    one frame.
    """
    levels = [str(index + 1) for index in range(len(encoder.channels))]
    features = [f"feature_{level}" for level in levels]
    with_clip = len(fusion.clip) > 0
    ring = [f"ring_{level}_{part}" for level in levels for part in PARTS] if with_clip else []
    skip = [SKIP] if encoder.skip is not None else []
    made = [Graph("encoder", EncoderGraph(encoder), {IMAGE: {0: "batch"}}, (*features, *ring, *skip))]
    if with_clip:
        inputs: dict[str, dict[int, str]] = {}
        outputs: list[str] = []
        for level in levels:
            inputs |= {name: {} for name in (f"feature_{level}", *(f"ring_{level}_{part}" for part in PARTS))}
            inputs |= {f"{PAST}{level}_{part}": {0: "past"} for part in Past._fields}
            inputs[f"{PAST}{level}_shares"] = {0: "past", 1: "past"}
            outputs += [f"clip_feature_{level}", *pair_names(level)]
        made.append(Graph("clip", ClipGraph(fusion), inputs, tuple(outputs)))
        features = [f"clip_feature_{level}" for level in levels]
    return [*made, *query_graphs(fusion, [*features, *skip])]


def query_graphs(fusion: Fusion, features: list[str]) -> list[Graph]:
    """`text` and `fusion`, on features of these names, the skip among them if there is one."""
    axes = {0: "queries"}
    text, read = TextGraph(fusion), read_names(fusion)
    inputs = dict.fromkeys(features, {}) | dict.fromkeys(read, axes)
    return [Graph("text", text, {WORDS: axes}, tuple(read)), Graph("fusion", FusionGraph(fusion), inputs, OUTPUTS)]


def read_names(fusion: Fusion) -> list[str]:
    """Names of the arrays of a `Query`."""
    names = ["word_vectors", "word_mask"]
    for index, level in enumerate(fusion.levels, start=1):
        for number, attention in enumerate(level.attention, start=1):
            names += [f"word_{part}_{index}_{number}" for part in attention.reads]
    return names if fusion.sentence is None else [*names, "word_weights"]


class EncoderGraph(nn.Module):
    """The encoder with the flat list of outputs that a bundle's encoder has."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """(B, H, W, 3) uint8 RGB -> features, then query, key and value per level, and the skip if there is one."""
        features, ring, skip = self.encoder(image)
        return (*features, *(part for level in ring for part in level), *(() if skip is None else (skip,)))


class ClipGraph(nn.Module):
    """The newest frame of a stream looks back at the frames before it, with the flat lists of a bundle's clip."""

    def __init__(self, fusion: Fusion) -> None:
        super().__init__()
        self.attention, self.cosine = fusion.clip, fusion.config.cosine_attention
        self.sizes = [level.size for level in fusion.levels]

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Per level: feature (1, C, H, W), query (1, G, d), key (1, P, d), value (1, G, d_v), the fields of `Past` ->
        per level: the updated feature, and the fields of the frame's row and column of `AttentionBlocks`.
        """
        outputs: list[Tensor] = []
        count = len(inputs) // len(self.sizes)
        for index, (attention, size) in enumerate(zip(self.attention, self.sizes, strict=True)):
            feature, query, key, value, *past = inputs[index * count : (index + 1) * count]
            target = feature.flatten(2).transpose(1, 2)
            updated, row, column = attention.step(target, query, key, value, Past(*past), self.cosine)
            outputs += [updated.transpose(1, 2).unflatten(-1, size), *row, *column]
        return tuple(outputs)


class TextGraph(nn.Module):
    """What hangs on Q expressions alone, as a flat list."""

    def __init__(self, fusion: Fusion) -> None:
        super().__init__()
        self.fusion = fusion

    def forward(self, words: Tensor) -> tuple[Tensor, ...]:
        """(Q, N) int64 -> the arrays of `Query`."""
        query = self.fusion.read(words[None])
        parts = [part for level in query.levels for read in level for part in read]
        weights = () if query.word_weights is None else (query.word_weights,)
        return tuple(array[0] for array in (query.word_vectors, query.word_mask, *parts, *weights))


class FusionGraph(nn.Module):
    """The fusion of one frame with Q expressions, with the flat list of inputs that a bundle's fusion has."""

    def __init__(self, fusion: Fusion) -> None:
        super().__init__()
        self.fusion = fusion

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features (1, C, H, W) per level, after the clip, the skip if there is one, and what `TextGraph` gives."""
        levels, arrays = self.fusion.levels, iter(inputs)
        features = tuple(next(arrays) for _ in levels)
        skip = next(arrays) if self.fusion.skip is not None else None
        words = (array[None] for array in arrays)
        e, mask = next(words), next(words)
        rounds = tuple(
            tuple(tuple(next(words) for _ in attention.reads) for attention in level.attention) for level in levels
        )
        fused = self.fusion.answer(ClipFeatures(features, skip=skip), Query(e, mask, rounds, next(words, None)))
        return fused.logits[0], fused.presence[0], fused.word_attention[0]
