"""The settings of the node `speech`."""

from __future__ import annotations

from dataclasses import dataclass

from refseg_ros.config import Settings, setting

MICROPHONE = "microphone"


@dataclass(frozen=True)
class SpeechConfig(Settings):
    """Settings of the node `speech`."""

    source: str = setting("where the voice comes from: microphone, or a WAV file", default=MICROPHONE, read_only=True)
    device: str = setting(
        "name or number of the microphone (python -m sounddevice lists them); empty: the system's own choice",
        default="",
        read_only=True,
    )
    model: str = setting("the model whose words are listened for, as for the node segment", default="", read_only=True)
    wake_word: str = setting(
        "what has to be said first, in English words; empty: everything said is a query",
        default="robot",
        read_only=True,
    )
    wake_seconds: float = setting(
        "how long after the wake word alone a query is waited for", default=8.0, unit="s", range=(0.0, 600.0)
    )
    minimum_confidence: float = setting(
        "what is heard less surely than this is no query", default=0.5, range=(0.0, 1.0)
    )
    pronunciations: str = setting(
        "dictionary in the format of CMUdict with words of your own; empty: none", default="", read_only=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.source:
            raise ValueError(f"source is empty; it must be {MICROPHONE} or the path of a WAV file")
