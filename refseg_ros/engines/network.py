"""The engines of a bundle - encoder, clip and fusion - as one network whose parts fit each other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from refseg_ros.engines.clip_memory import MERGED, Blocks, ClipMemory, NewPairs, past_name
from refseg_ros.engines.contract import Array, Engine
from refseg_ros.engines.manifest import CLIP, ENCODER, FUSION, Manifest
from refseg_ros.errors import BundleError, EngineError
from refseg_ros.frame_buffer import FrameBuffer

RING_NAME = re.compile(r"ring_([^_]+)_[^_]+")
"""Outputs of the encoder that the clip's later frames look back at: `ring_LEVEL_PART`."""

WORDS = "words"
"""The input of the fusion that comes from no other engine."""

OUTPUTS = LOGITS, PRESENCE, WORD_ATTENTION = "logits", "presence", "word_attention"
"""Outputs of the fusion."""


class Encoding(NamedTuple):
    """What the encoder makes of one frame; all arrays have a leading axis of 1."""

    features: dict[str, Array]
    ring: dict[str, Array]


class Recall(NamedTuple):
    """What the clip makes of a frame and its past."""

    features: dict[str, Array]
    """What the fusion wants to know of the frame."""
    pairs: dict[str, NewPairs]
    """By level: what the clip's memory keeps."""


class Outcome(NamedTuple):
    """What the fusion makes of a frame, its past and one expression."""

    logits: np.ndarray
    """(h, w) float32 over the letterboxed input."""
    presence: float
    """Logit of "the thing is in the frame"."""
    word_attention: np.ndarray
    """(levels, N) float32; rows sum to one over the words of the expression."""


class Network:
    """Encoder, clip and fusion. Which levels there are, and how large, is read from the engines."""

    def __init__(self, encoder: Engine, clip: Engine | None, fusion: Engine, manifest: Manifest, words: int) -> None:
        """Check that the engines fit each other and the manifest, and run them once.

        Args:
            encoder: images (B, height, width, 3) uint8 RGB -> arrays with a leading B.
            clip: those of one frame that it names, and what `ClipMemory.admit` gives of the frames before -> arrays for
                the fusion, and `row_LEVEL_*`, `column_LEVEL_*`, the fields of `NewPairs`. None for a clip of one frame.
            fusion: arrays of the two by their names, and `WORDS` -> what `Outcome` has, with a leading Q.
            manifest: of their bundle.
            words: entries of the vocabulary; the fusion must know the ids of all.

        Raises:
            BundleError: they do not fit.
        """
        self._encoder, self._clip, self._fusion = encoder, clip, fusion
        self._slots = manifest.clip.length - 1
        if len(encoder.inputs) != 1:
            raise BundleError(
                f"{ENCODER}: wants {len(encoder.inputs)} inputs instead of one image; export the model again"
            )
        wanted = () if clip is None else clip.inputs
        self._ring = tuple(name for name in encoder.outputs if RING_NAME.fullmatch(name) and name in wanted)
        if clip is not None:
            levels = {name.split("_")[1] for name in self._ring}
            past = {past_name(name) for name in self._ring} | {f"past_{i}_{part}" for i in levels for part in MERGED}
            _check_inputs(CLIP, clip, {*encoder.outputs, *past})
        self._levels = [
            level for level in sorted({name.split("_")[1] for name in self._ring}) if f"past_{level}_shares" in wanted
        ]
        lacking = {name for level in self._levels for name in pair_names(level)} - set(clip.outputs if clip else ())
        if lacking:
            raise BundleError(f"{CLIP}: has no output `{min(lacking)}`; export the model again")
        given = {*encoder.outputs, *(clip.outputs if clip else ()), WORDS}
        _check_inputs(FUSION, fusion, given)
        lacking = set(OUTPUTS) - set(fusion.outputs)
        if lacking:
            raise BundleError(f"{FUSION}: has no output `{min(lacking)}`; export the model again")
        self.levels = self._rehearse(manifest, words)

    def memory(self, frames: FrameBuffer) -> ClipMemory:
        """The memory of a stream that begins, for the frames that the buffer chooses."""
        return ClipMemory(frames, self._slots, (self._clip or self._encoder).zeros)

    def encode(self, images: np.ndarray) -> list[Encoding]:
        """Encode frames: (B, height, width, 3) uint8 RGB of the input size.

        Raises:
            EngineError: the encoder failed.
        """
        outputs = self._encoder.run({self._encoder.inputs[0]: images})
        wanted = {*self._fusion.inputs, *(self._clip.inputs if self._clip else ())} - set(self._ring)
        return [
            Encoding(
                {name: array[i : i + 1] for name, array in outputs.items() if name in wanted},
                {name: outputs[name][i : i + 1] for name in self._ring},
            )
            for i in range(len(images))
        ]

    def recall(self, encoding: Encoding, past: Mapping[str, Array]) -> Recall:
        """Let a frame look back at its past, as `ClipMemory.admit` gives it.

        Raises:
            EngineError: the engine failed.
        """
        if self._clip is None:
            return Recall(encoding.features, {})
        known = {**encoding.features, **encoding.ring, **past}
        outputs = self._clip.run({name: known[name] for name in self._clip.inputs})
        pairs = {}
        for level in self._levels:
            row_sum, row, column_sum, column = (outputs[name] for name in pair_names(level))
            pairs[level] = NewPairs(Blocks(row_sum, row), Blocks(column_sum, column))
        known.update(outputs)
        return Recall({name: known[name] for name in self._fusion.inputs if name != WORDS}, pairs)

    def fuse(self, features: Mapping[str, Array], words: np.ndarray) -> list[Outcome]:
        """Answer Q expressions on a frame.

        Args:
            features: of the frame, as `recall` gives them.
            words: (Q, N) int64 word ids, 0 after the last word.

        Raises:
            EngineError: the fusion failed or returned values that are not numbers.
        """
        outputs = self._fusion.run({**features, WORDS: words})
        results = [np.asarray(outputs[name], np.float32) for name in OUTPUTS]
        if not all(np.isfinite(array).all() for array in results):
            raise EngineError(f"{FUSION} returned values that are not finite numbers")
        if any(len(array) != len(words) for array in results):
            raise EngineError(f"{FUSION} returned {[array.shape for array in results]} for {len(words)} expressions")
        return [
            Outcome(logits, float(presence), attention) for logits, presence, attention in zip(*results, strict=True)
        ]

    def _rehearse(self, manifest: Manifest, words: int) -> int:
        """Run grey frames and two expressions through, so that a bad bundle is refused now; return the levels."""
        size, clip = manifest.input, manifest.clip
        try:
            memory = self.memory(FrameBuffer(clip.length, clip.interval, 2 * clip.interval))
            for frame in range(min(clip.length, 2)):
                (encoding,) = self.encode(np.full((1, size.height, size.width, 3), 128, np.uint8))
                recall = self.recall(encoding, memory.admit(frame * clip.interval, encoding.ring))
                memory.keep(recall.pairs)
            ids = np.full((2, manifest.max_words), words - 1, np.int64)
            outcome = self.fuse(recall.features, ids)[0]
        except (EngineError, TypeError, ValueError, IndexError) as error:
            raise BundleError(f"the model does not run as its manifest says ({error}); export it again") from error
        attention = outcome.word_attention.shape
        if outcome.logits.ndim != 2 or len(attention) != 2 or attention[1] != manifest.max_words:
            shapes = f"`{LOGITS}` of {outcome.logits.shape} and `{WORD_ATTENTION}` of {attention} for an expression"
            raise BundleError(f"{FUSION}: gives {shapes} of {manifest.max_words} words; export it again")
        return attention[0]


def pair_names(level: str) -> tuple[str, ...]:
    """Names of the outputs of the clip that `NewPairs` of a level is made of, in the order of its fields."""
    return tuple(f"{side}_{level}_{part}" for side in NewPairs._fields for part in Blocks._fields)


def _check_inputs(file: str, engine: Engine, given: set[str]) -> None:
    missing = set(engine.inputs) - given
    if missing:
        raise BundleError(f"{file}: wants `{min(missing)}`, which no engine before it gives; export the model again")
