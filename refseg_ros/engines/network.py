"""The engines of a bundle as one network whose graphs fit each other."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from refseg_ros.engines.array_memory import ArrayMemory
from refseg_ros.engines.clip_memory import ClipMemory, Looked
from refseg_ros.engines.contract import Array, Engine
from refseg_ros.engines.frame_buffer import FrameBuffer
from refseg_ros.engines.manifest import ATTENTION, Manifest
from refseg_ros.engines.reach import IMAGE, PAST, WORDS, kept_arrays, reached, sources_of
from refseg_ros.engines.stage import Stage
from refseg_ros.errors import BundleError, EngineError

OUTPUTS = LOGITS, PRESENCE, WORD_ATTENTION = "logits", "presence", "word_attention"
"""What a network answers with; the last two may be missing."""

EXPRESSIONS_A_RUN = 4
"""Most expressions in one run of the graphs: more take more memory, and save no time."""

Arrays = dict[str, Array]
"""Name -> array."""
Memory = ClipMemory | ArrayMemory
"""The past of one camera."""


class Outcome(NamedTuple):
    """What the network makes of a frame, its past and one expression."""

    logits: np.ndarray
    """(h, w) float32 over the letterboxed input."""
    presence: float
    """Logit of "the thing is in the frame"; the mask's greatest logit if the network has no such output."""
    word_attention: np.ndarray
    """(levels, N) float32; rows sum to one over the words of the expression. No levels where it has none."""


class Network:
    """Graphs that each run only when their sources change: once a frame, once a query, or once for each pair.

    Attributes:
        levels: how many levels of the network weigh the words.
    """

    def __init__(self, engines: Mapping[str, Engine], manifest: Manifest, ids: int, at_once: int = 1) -> None:
        """Check that the engines fit each other and the manifest, and run them once.

        Args:
            engines: file of a graph -> its engine. Engines that only `image` reaches take any number of frames along
                the first axis of all of their arrays; later ones take one frame. Arrays that words reach have a row for
                each expression.
            manifest: of their bundle.
            ids: how many ids the tokenizer has; the network must know all of them.
            at_once: engines of a step that may run at the same time.

        Raises:
            BundleError: they do not fit; the message names the file.
        """
        graphs = {name: engines[name] for name in manifest.graphs}
        self._clip, self._zeros = manifest.clip, next(iter(graphs.values())).zeros
        try:
            reach = reached(graphs)
            sources = {name: sources_of(name, engine, reach) for name, engine in graphs.items()}
            self._kept = () if manifest.clip.memory == ATTENTION else kept_arrays(graphs, reach)
        except ValueError as error:
            raise BundleError(f"{error}; export the model again") from None

        several = at_once > 1 and any(len(step) > 1 for step in manifest.steps)
        pool = ThreadPoolExecutor(at_once - 1, "engines") if several else None

        def stage(belongs: Callable[[frozenset[str]], bool]) -> Stage:
            steps = manifest.steps
            return Stage([{name: graphs[name] for name in step if belongs(sources[name])} for step in steps], pool)

        self._of_image = stage(lambda reach: reach.isdisjoint({WORDS, PAST}))
        self._of_frame = stage(lambda reach: WORDS not in reach and PAST in reach)
        self._of_words = stage(lambda reach: reach == {WORDS})
        self._of_both = stage(lambda reach: WORDS in reach and reach != {WORDS})
        self._check(graphs, manifest)
        self.levels = self._rehearse(manifest, ids)

    def _check(self, graphs: Mapping[str, Engine], manifest: Manifest) -> None:
        for step in manifest.steps:
            for name, beside in itertools.permutations(step, 2):
                if shared := set(graphs[name].inputs).intersection(graphs[beside].outputs):
                    raise BundleError(f"{name}: wants `{min(shared)}` of {beside} in the same step; export it again")
        wanted = {array for engine in graphs.values() for array in engine.inputs}
        self._looked = None
        if manifest.clip.memory == ATTENTION:
            self._looked = Looked.of(sorted(self._of_image.outputs), wanted)
            for name, engine in graphs.items():
                missing = {array for array in engine.inputs if array.startswith(PAST)} - self._looked.past
                if missing:
                    raise BundleError(f"{name}: wants `{min(missing)}`, which nothing keeps; export the model again")
            if lacking := self._looked.brought - self._of_frame.outputs:
                last = list(self._of_frame.engines or graphs)[-1]
                raise BundleError(f"{last}: has no output `{min(lacking)}`; export the model again")
        if LOGITS not in self._of_both.outputs:
            raise BundleError(
                f"{manifest.graphs[-1]}: no graph that image and words reach has an output `{LOGITS}`; "
                "export the model again"
            )
        self._asked = self._of_words.inputs | self._of_both.inputs | set(OUTPUTS)
        brought = self._looked.brought | set(self._looked.ring) if self._looked else set(self._kept)
        self._of_one_frame = self._asked | self._of_frame.inputs | brought

    def memory(self, frames: FrameBuffer) -> Memory:
        """The memory of a stream that begins, for the frames that the buffer chooses."""
        slots = self._clip.length - 1
        if self._looked is None:
            return ArrayMemory(frames, slots, self._zeros, self._kept)
        return ClipMemory(frames, slots, self._zeros, self._looked)

    def encode(self, images: np.ndarray) -> list[Arrays]:
        """Encode frames in one batch, each into arrays of its own with a leading axis of 1.

        Args:
            images: (B, height, width, 3) uint8 RGB of the input size.

        Raises:
            EngineError: an engine failed.
        """
        known = self._of_image.run({IMAGE: images})
        kept = {name: array for name, array in known.items() if name in self._of_one_frame}
        return [{name: array[i : i + 1] for name, array in kept.items()} for i in range(len(images))]

    def look_back(self, frame: Mapping[str, Array], memory: Memory, stamp: float) -> Arrays:
        """Let a frame look back at its past, and become part of it.

        Args:
            frame: as `encode` gives it.
            memory: of the camera. It is cleared when an engine fails.
            stamp: when it was taken, in seconds.

        Returns:
            The arrays that `answer` needs; valid until the next call with this memory.

        Raises:
            ValueError: the stamp is not a finite number.
            EngineError: an engine failed.
        """
        past = memory.admit(stamp, frame)
        try:
            known = self._of_frame.run({**frame, **past})
        except EngineError:
            memory.clear()
            raise
        memory.keep(known)
        return {name: array for name, array in known.items() if name in self._asked}

    def read(self, words: np.ndarray) -> Arrays:
        """Read Q expressions, (Q, N) int64 ids, into arrays that depend on them alone.

        Raises:
            EngineError: an engine failed.
        """
        return self._of_words.run({WORDS: words})

    def answer(self, frame: Mapping[str, Array], query: Mapping[str, Array]) -> list[Outcome]:
        """Answer Q expressions on a frame.

        Args:
            frame: as `look_back` gives it.
            query: as `read` gives it.

        Raises:
            EngineError: an engine failed, or returned values that are not numbers.
        """
        parts = (
            {name: rows[first : first + EXPRESSIONS_A_RUN] for name, rows in query.items()}
            for first in range(0, len(query[WORDS]), EXPRESSIONS_A_RUN)
        )
        return [outcome for part in parts for outcome in self._answer_in_one_run(frame, part)]

    def _answer_in_one_run(self, frame: Mapping[str, Array], query: Mapping[str, Array]) -> list[Outcome]:
        known = self._of_both.run({**frame, **query})
        count, length = query[WORDS].shape
        results = {name: np.asarray(known[name], np.float32) for name in OUTPUTS if name in known}
        last = list(self._of_both.engines)[-1]
        if not all(np.isfinite(array).all() for array in results.values()):
            raise EngineError(f"{last} returned values that are not finite numbers")
        if any(array.shape[:1] != (count,) for array in results.values()):
            shapes = [array.shape for array in results.values()]
            raise EngineError(f"{last} returned {shapes} for {count} expressions")
        presences = results.get(PRESENCE, results[LOGITS].reshape(count, -1).max(1))
        attentions = results.get(WORD_ATTENTION, np.zeros((count, 0, length), np.float32))
        return [
            Outcome(logits, float(presence), attention)
            for logits, presence, attention in zip(results[LOGITS], presences, attentions, strict=True)
        ]

    def _rehearse(self, manifest: Manifest, ids: int) -> int:
        """Run grey frames and two expressions through, so that a bad bundle is refused now; return the levels."""
        size, clip, length = manifest.input, manifest.clip, manifest.text.length
        try:
            memory = self.memory(FrameBuffer(clip.length, clip.interval, 2 * clip.interval))
            for number in range(min(clip.length, 2)):
                (encoded,) = self.encode(np.full((1, size.height, size.width, 3), 128, np.uint8))
                frame = self.look_back(encoded, memory, number * clip.interval)
            first = self.answer(frame, self.read(np.ones((2, length), np.int64)))[0]
        except (EngineError, TypeError, ValueError, IndexError) as error:
            raise BundleError(f"the model does not run as its manifest says ({error}); export it again") from error
        try:
            self.answer(frame, self.read(np.full((2, length), ids - 1, np.int64)))
        except EngineError as error:
            raise BundleError(
                f"{manifest.text.file}: has {ids} ids, more than the network knows; take the tokenizer that it was "
                f"trained with ({error})"
            ) from error
        attention = first.word_attention.shape
        if first.logits.ndim != 2 or len(attention) != 2 or attention[1] != length:
            shapes = f"`{LOGITS}` of {first.logits.shape} and `{WORD_ATTENTION}` of {attention} for an expression"
            raise BundleError(f"{manifest.graphs[-1]}: gives {shapes} of {length} words; export it again")
        return attention[0]
