"""Turns speech from the browser's microphone into a query, with the recogniser of `speech/`, on this machine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from refseg_ros.speech.config import SpeechConfig
from refseg_ros.speech.sentences import nouns


@dataclass(frozen=True)
class Heard:
    """What became of an utterance."""

    text: str
    query: str = ""
    why: str = ""
    """Why it is no query."""


class Listening:
    """A recogniser that is loaded with the first utterance."""

    most_bytes = 16_000 * 2 * 20
    """Size of an utterance of 20 s."""

    def __init__(self, vocabulary: Collection[str]) -> None:
        """`vocabulary` has the words that are listened for."""
        self._vocabulary = vocabulary
        self._lock = threading.Lock()
        self._recogniser: Any = None

    @property
    def available(self) -> bool:
        """Whether pocketsphinx, the extra `speech`, is installed."""
        return find_spec("pocketsphinx") is not None

    async def hear(self, said: bytes) -> Heard:
        """Recognise 16-bit little-endian samples at 16 kHz."""
        if not self.available:
            return Heard("", why="pip install pocketsphinx on the robot, and speak again")
        return await asyncio.to_thread(self._hear, said)

    def _hear(self, said: bytes) -> Heard:
        from refseg_ros.speech.attention import Attention, Ignored
        from refseg_ros.speech.recogniser import Recogniser

        samples = np.frombuffer(said[: len(said) // 2 * 2], "<i2").astype(np.int16)
        with self._lock:
            if self._recogniser is None:
                self._recogniser = Recogniser(self._vocabulary)
            heard = self._recogniser.hear(samples)
        found = Attention("", nouns(self._vocabulary)).query_in(heard, 0.0, 0.0, SpeechConfig.minimum_confidence, 0.0)
        return Heard(heard.text, why=found.value) if isinstance(found, Ignored) else Heard(heard.text, query=found)
