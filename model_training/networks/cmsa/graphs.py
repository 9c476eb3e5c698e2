"""The graphs of the paper's system on a robot. Each level has a clip and a fusion of its own, so that a CPU runs the
levels side by side: `encoder`, `clip_1` ..., `text`, `level_1` ..., and `fusion`, which joins the levels.
"""

from __future__ import annotations

from torch import Tensor, nn

from model_training.networks.base import Graph
from model_training.networks.cmsa.cfsa import CrossFrameSelfAttention, Past
from model_training.networks.cmsa.encoder import Encoder
from model_training.networks.cmsa.fusion import Fusion
from model_training.networks.cmsa.level import Level, LevelAnswer
from refseg_ros.engines.clip_memory import pair_names
from refseg_ros.engines.network import OUTPUTS
from refseg_ros.engines.reach import IMAGE, PAST, WORDS

PARTS = ("query", "key", "value")
SKIP = "skip"
VECTORS, MASK, WEIGHTS = "word_vectors", "word_mask", "word_weights"


def graphs(encoder: Encoder, fusion: Fusion) -> list[Graph]:
    """`encoder` and the clips, once a frame; `text`, once a query; the levels and `fusion`, for each frame and query.
    A still-image network has no clips.
    """
    levels = [str(index + 1) for index in range(len(encoder.channels))]
    features = [f"feature_{level}" for level in levels]
    ring = {level: [f"ring_{level}_{part}" for part in PARTS] for level in levels} if len(fusion.clip) else {}
    skip = [SKIP] if encoder.skip is not None else []
    outputs = (*features, *(name for names in ring.values() for name in names), *skip)
    made = [Graph("encoder", EncoderGraph(encoder), {IMAGE: {0: "batch"}}, outputs)]
    for level, attention in zip(ring, fusion.clip, strict=True):
        inputs: dict[str, dict[int, str]] = {name: {} for name in (f"feature_{level}", *ring[level])}
        inputs |= {f"{PAST}{level}_{part}": {0: "past"} for part in Past._fields}
        inputs[f"{PAST}{level}_shares"] = {0: "past", 1: "past"}
        module = ClipGraph(attention, fusion.config.cosine_attention)
        made.append(Graph(f"clip_{level}", module, inputs, (f"clip_feature_{level}", *pair_names(level))))
    return [*made, *query_graphs(fusion, [f"clip_{name}" if ring else name for name in features])]


def query_graphs(fusion: Fusion, features: list[str]) -> list[Graph]:
    """`text`, the levels on features of these names, and `fusion`."""
    axes = {0: "queries"}
    weights = [WEIGHTS] if fusion.sentence is not None else []
    rounds = [
        [f"word_{part}_{index}_{number}" for number, one in enumerate(level.attention, start=1) for part in one.reads]
        for index, level in enumerate(fusion.levels, start=1)
    ]
    read = (VECTORS, MASK, *(name for names in rounds for name in names), *weights)
    made, answers = [Graph("text", TextGraph(fusion), {WORDS: axes}, read)], list[str]()
    for index, (level, feature, names) in enumerate(zip(fusion.levels, features, rounds, strict=True), start=1):
        said = tuple(f"{name}_{index}" for name in ("map", "strongest", "attention", "sentence"))
        inputs = {feature: {}} | dict.fromkeys((VECTORS, MASK, *names, *weights), axes)
        made.append(Graph(f"level_{index}", LevelGraph(level, fusion.sentence is not None), inputs, said))
        answers += said
    skip = {SKIP: {}} if fusion.skip is not None else {}
    return [*made, Graph("fusion", FusionGraph(fusion), skip | dict.fromkeys(answers, axes), OUTPUTS)]


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
    """The newest frame of a stream looks back at the frames before it, at one level."""

    def __init__(self, attention: CrossFrameSelfAttention, cosine: bool) -> None:
        super().__init__()
        self.attention, self.cosine = attention, cosine

    def forward(self, feature: Tensor, query: Tensor, key: Tensor, value: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """(1, C, H, W), (1, G, d), (1, P, d), (1, G, d_v) and the fields of `Past` -> the updated feature, and the
        fields of the frame's row and column of `AttentionBlocks`.
        """
        target = feature.flatten(2).transpose(1, 2)
        updated, row, column = self.attention.step(target, query, key, value, Past(*past), self.cosine)
        return (updated.transpose(1, 2).unflatten(-1, feature.shape[-2:]), *row, *column)


class TextGraph(nn.Module):
    """What depends on Q expressions alone, as a flat list."""

    def __init__(self, fusion: Fusion) -> None:
        super().__init__()
        self.fusion = fusion

    def forward(self, words: Tensor) -> tuple[Tensor, ...]:
        """(Q, N) int64 -> the arrays of `Query`."""
        query = self.fusion.read(words[None])
        parts = [part for level in query.levels for read in level for part in read]
        weights = () if query.word_weights is None else (query.word_weights,)
        return tuple(array[0] for array in (query.word_vectors, query.word_mask, *parts, *weights))


class LevelGraph(nn.Module):
    """A level on one frame with Q expressions.

    Args:
        level: of the fusion.
        weighed: whether the word weights come from `TextGraph`, because one vector stands for all words.
    """

    def __init__(self, level: Level, weighed: bool) -> None:
        super().__init__()
        self.level, self.weighed = level, weighed

    def forward(self, feature: Tensor, *words: Tensor) -> tuple[Tensor, ...]:
        """(1, C, H, W) after the clip, and what `TextGraph` gives for it -> the first fields of `LevelAnswer`."""
        arrays = iter(array[None] for array in words)
        e, mask = next(arrays), next(arrays)
        rounds = tuple(tuple(next(arrays) for _ in attention.reads) for attention in self.level.attention)
        last, strongest, attention, sentence, _ = self.level(feature, e, mask, rounds)
        weights = next(arrays) if self.weighed else attention
        return last[0], strongest[0], weights[0], sentence[0]


class FusionGraph(nn.Module):
    """Joins the levels' answers for one frame and Q expressions."""

    def __init__(self, fusion: Fusion) -> None:
        super().__init__()
        self.fusion = fusion

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """The skip if there is one, and what each `LevelGraph` gives -> logits, presence and word attention."""
        arrays = iter(inputs)
        skip = next(arrays) if self.fusion.skip is not None else None
        said = [array[None] for array in arrays]
        fields = len(said) // len(self.fusion.levels)
        levels = [LevelAnswer(*said[start : start + fields]) for start in range(0, len(said), fields)]
        return tuple(part[0] for part in self.fusion.conclude(levels, skip))
