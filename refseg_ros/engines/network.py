"""The two engines of a bundle, encoder and fusion, as one network whose parts fit each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from refseg_ros.engines.contract import Engine
from refseg_ros.engines.manifest import ENCODER, FUSION, Manifest
from refseg_ros.errors import BundleError, EngineError

RING_PREFIX = "ring_"
"""Outputs of the encoder with this prefix are kept in the ring; the others are for answers on their own frame."""

VALID, WORDS = "ring_valid", "words"
"""Inputs of the fusion that do not come from the encoder."""

OUTPUTS = LOGITS, PRESENCE, WORD_ATTENTION = "logits", "presence", "word_attention"
"""Outputs of the fusion."""


class Encoding(NamedTuple):
    """What the encoder makes of one frame; all arrays have a leading axis of 1."""

    features: dict[str, np.ndarray]
    ring: dict[str, np.ndarray]


class Outcome(NamedTuple):
    """What the fusion makes of a frame, its past and one expression."""

    logits: np.ndarray
    """(h, w) float32 over the letterboxed input."""
    presence: float
    """Logit of "the thing is in the frame"."""
    word_attention: np.ndarray
    """(levels, N) float32; rows sum to one over the words of the expression."""


class Network:
    """Encoder and fusion. Which levels there are, and how large, is read from the engines."""

    def __init__(self, encoder: Engine, fusion: Engine, manifest: Manifest, words: int) -> None:
        """Check that the engines fit each other and the manifest, and run them once.

        Args:
            encoder: one image (B, height, width, 3) uint8 RGB -> arrays with a leading B, named as the fusion's inputs.
            fusion: those of one frame, the ring's with a leading T, `VALID` and `WORDS` -> what
                `Outcome` has, with a leading Q.
            manifest: of their bundle.
            words: entries of the vocabulary; the fusion must know the ids of all.

        Raises:
            BundleError: they do not fit.
        """
        self._encoder, self._fusion = encoder, fusion
        if len(encoder.inputs) != 1:
            raise BundleError(
                f"{ENCODER}: wants {len(encoder.inputs)} inputs instead of one image; export the model again"
            )
        missing = set(fusion.inputs) - set(encoder.outputs) - {VALID, WORDS}
        if missing:
            raise BundleError(f"{FUSION}: wants `{min(missing)}`, which {ENCODER} does not give; export both again")
        lacking = set(OUTPUTS) - set(fusion.outputs)
        if lacking:
            raise BundleError(f"{FUSION}: has no output `{min(lacking)}`; export the model again")
        self.levels = self._rehearse(manifest, words)

    def encode(self, image: np.ndarray) -> Encoding:
        """Encode a frame: (height, width, 3) uint8 RGB of the input size.

        Raises:
            EngineError: the encoder failed.
        """
        outputs = self._encoder.run({self._encoder.inputs[0]: image[None]})
        wanted = {name: array for name, array in outputs.items() if name in self._fusion.inputs}
        ring = {name: wanted.pop(name) for name in list(wanted) if name.startswith(RING_PREFIX)}
        return Encoding(wanted, ring)

    def fuse(
        self, features: Mapping[str, np.ndarray], ring: Mapping[str, np.ndarray], valid: np.ndarray, words: np.ndarray
    ) -> list[Outcome]:
        """Answer Q expressions on a frame.

        Args:
            features: of the frame.
            ring: name -> (T, ...) array with all slots of the ring, this frame's among them.
            valid: (T,) bool, which slots hold a frame.
            words: (Q, N) int64 word ids, 0 after the last word.

        Raises:
            EngineError: the fusion failed or returned values that are not numbers.
        """
        outputs = self._fusion.run({**features, **ring, VALID: valid, WORDS: words})
        results = [outputs[name] for name in OUTPUTS]
        if not all(np.isfinite(array).all() for array in results):
            raise EngineError(f"{FUSION} returned values that are not finite numbers")
        if any(len(array) != len(words) for array in results):
            raise EngineError(f"{FUSION} returned {[array.shape for array in results]} for {len(words)} expressions")
        return [
            Outcome(logits, float(presence), attention) for logits, presence, attention in zip(*results, strict=True)
        ]

    def _rehearse(self, manifest: Manifest, words: int) -> int:
        """Run a grey frame and two expressions through, so that a bad bundle is refused now; return the levels."""
        size, slots = manifest.input, manifest.clip.length
        try:
            encoding = self.encode(np.full((size.height, size.width, 3), 128, np.uint8))
            ring = {name: np.repeat(array, slots, axis=0) for name, array in encoding.ring.items()}
            ids = np.full((2, manifest.max_words), words - 1, np.int64)
            outcome = self.fuse(encoding.features, ring, np.ones(slots, bool), ids)[0]
        except (EngineError, TypeError) as error:
            raise BundleError(f"the model does not run as its manifest says ({error}); export it again") from error
        attention = outcome.word_attention.shape
        if outcome.logits.ndim != 2 or len(attention) != 2 or attention[1] != manifest.max_words:
            shapes = f"`{LOGITS}` of {outcome.logits.shape} and `{WORD_ATTENTION}` of {attention} for an expression"
            raise BundleError(f"{FUSION}: gives {shapes} of {manifest.max_words} words; export it again")
        return attention[0]
