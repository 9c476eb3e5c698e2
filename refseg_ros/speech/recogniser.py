"""Recognises speech offline: pocketsphinx with a language model and a dictionary built from a model's vocabulary."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pocketsphinx
from pocketsphinx.lm import ArpaBoLM

from refseg_ros.expression import tokenise
from refseg_ros.speech.pronunciations import dictionary_lines, pronounce
from refseg_ros.speech.requests import CLOSINGS, COURTESIES, HESITATIONS, REQUESTS
from refseg_ros.speech.sentences import Sentences
from refseg_ros.speech.sound import RATE, Samples

SENTENCES = 6_000
"""How many sentences the language model is trained on."""
PAUSE = 0.3
"""Seconds of silence added before and after an utterance, so that its first and last sounds are recognised."""
NOISE = 30.0
"""Standard deviation of noise added to samples; the recogniser's noise removal turns digital silence into sounds."""


@dataclass(frozen=True)
class Heard:
    """The words understood from an utterance."""

    text: str
    """Words in lower case; empty if no word was heard."""
    confidence: float
    """0 to 1: geometric mean of the words' posterior probabilities."""


class Recogniser:
    """Recognises sentences in a vocabulary. The same sound always gives the same words, whatever was heard before."""

    def __init__(self, vocabulary: Collection[str], wake_word: str = "", pronunciations: Path | None = None) -> None:
        """Build the language model and the dictionary, and load the recogniser.

        Args:
            vocabulary: the words of a model.
            wake_word: words that may be said first; may be empty.
            pronunciations: a dictionary in the format of CMUdict that takes precedence over pocketsphinx's own.

        Raises:
            ValueError: the vocabulary has no noun, or a wake word has no known pronunciation.
            OSError: the dictionary cannot be read.
        """
        model = Path(pocketsphinx.get_model_path("en-us"))
        wake = tokenise(wake_word)
        around = {word for text in (*REQUESTS, *COURTESIES, *CLOSINGS, *HESITATIONS) for word in text.split()}
        sounds, missing = pronounce({*vocabulary, *around, *wake}, model / "cmudict-en-us.dict", pronunciations)
        if silent := [word for word in wake if word in missing]:
            raise ValueError(f"the wake word {silent[0]!r} has no known pronunciation; add one to `pronunciations`")
        self.unpronounceable = tuple(word for word in missing if word in vocabulary)
        """Words of the vocabulary without a known pronunciation; they cannot be heard."""
        with tempfile.TemporaryDirectory(prefix="refseg_speech_") as folder:
            dictionary, language = Path(folder) / "words.dict", Path(folder) / "sentences.arpa"
            dictionary.write_text("".join(dictionary_lines(sounds)), encoding="utf-8")
            learnt = ArpaBoLM(add_start=True)
            said = Sentences([word for word in vocabulary if word in sounds]).draw(SENTENCES)
            learnt.read_corpus(f"{' '.join(wake)} {text}" if index % 2 else text for index, text in enumerate(said))
            learnt.read_corpus([" ".join(wake)] * (SENTENCES // 50) if wake else [])
            learnt.compute()
            learnt.write_file(str(language))
            self._decoder = pocketsphinx.Decoder(
                hmm=str(model / "en-us"), dict=str(dictionary), lm=str(language), loglevel="FATAL"
            )

    def hear(self, samples: Samples) -> Heard:
        """Recognise one utterance, (n,) int16 at RATE."""
        silence = np.zeros(round(PAUSE * RATE))
        sound = np.concatenate([silence, samples, silence])
        sound += np.random.default_rng(0).normal(0.0, NOISE, len(sound))
        decoder = self._decoder
        decoder.reinit_feat()  # forgets the noise estimate of the utterance before
        decoder.start_utt()
        decoder.process_raw(np.clip(sound, -32768, 32767).astype("<i2").tobytes(), full_utt=True)
        decoder.end_utt()
        best = decoder.hyp()
        if best is None or not best.hypstr:
            return Heard("", 0.0)
        return Heard(best.hypstr, self._confidence())

    def _confidence(self) -> float:
        words = [part.prob for part in self._decoder.seg() if part.word[0] not in "<["]
        logarithms = np.log(np.clip(words, 1e-9, 1.0))
        return float(np.exp(logarithms.mean())) if words else 0.0
