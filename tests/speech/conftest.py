"""A recogniser for the words of the model of the demos; it takes seconds to make."""

from __future__ import annotations

import pytest

from refseg_ros.engines.bundle import TABLETOP
from refseg_ros.engines.manifest import VOCABULARY
from refseg_ros.expression import Vocabulary


@pytest.fixture(scope="session")
def words() -> tuple[str, ...]:
    return Vocabulary.load(TABLETOP / VOCABULARY).words[2:]


@pytest.fixture(scope="session")
def recogniser(words):
    pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed (the extra `speech`)")
    from refseg_ros.speech.recogniser import Recogniser

    return Recogniser(words, "robot")
