"""Starts the node `speech`: speech from a microphone or a WAV file becomes queries for the node `segment`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from refseg_ros.ros.needed import needed_modules


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node until SIGINT, SIGTERM or the end of the WAV file (exit code 0); exit code 1 if it cannot run."""
    with needed_modules():
        from refseg_ros.errors import BundleError
        from refseg_ros.node.speech_node import SpeechNode
        from refseg_ros.ros.running import run_node
        from refseg_ros.speech.config import SpeechConfig
        from refseg_ros.speech.sound import SoundError
    return run_node("speech", SpeechNode, SpeechConfig, arguments, expected=(BundleError, SoundError))


if __name__ == "__main__":
    sys.exit(main())
