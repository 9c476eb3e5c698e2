"""Sound in the recogniser's format: 16,000 samples per second, one channel, 16 bits."""

from __future__ import annotations

import io
import struct
import threading
import time
import wave
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from queue import Empty, Queue
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pocketsphinx import Endpointer

from refseg_ros.text import one_line

RATE = 16_000
"""Samples per second."""
Samples = npt.NDArray[np.int16]
CHUNK = 480
"""Samples per chunk: 30 ms, the unit in which speech is searched."""
LONGEST = 15.0
"""Seconds after which an utterance is cut: someone talks on and on, or it is noise."""

_AHEAD = round(LONGEST * RATE / CHUNK)
"""Chunks that wait at most while an utterance is recognised."""
_FILTER_LENGTH = 63
_PCM, _EXTENSIBLE = 1, 0xFFFE
"""Formats of a WAV file; the second names the real one further on."""
_RIFF_HEAD = 12
"""Bytes before the first chunk of a WAV file."""
_UNKNOWN_LENGTH = 0x7FFF0000
"""Bytes of samples; a program that writes to a pipe announces as many or more."""


class SoundError(ValueError):
    """The source gives no sound; the message says why."""


def read_wav(path: Path) -> Samples:
    """Read a WAV file of uncompressed samples: 8, 16 or 32 bits, any rate from 8 kHz, channels averaged.

    Returns:
        (n,) int16 at RATE.

    Raises:
        SoundError: the file is missing, cut short or of another format.
    """
    try:
        with wave.open(io.BytesIO(_as_pcm(path.read_bytes())), "rb") as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            data = file.readframes(file.getnframes())
            if len(data) < file.getnframes() * width * channels < _UNKNOWN_LENGTH:
                raise EOFError
    except FileNotFoundError:
        raise SoundError(f"{path}: there is no such file") from None
    except (OSError, EOFError, wave.Error) as error:
        why = str(error) or "it is cut short"  # an EOFError says nothing
        raise SoundError(f"{path}: no WAV file of uncompressed samples ({why})") from error
    if width not in (1, 2, 4) or rate < 8000:
        raise SoundError(f"{path}: {8 * width} bits at {rate} Hz; 8, 16 or 32 bits at 8000 Hz or more are read")
    whole = len(data) // (width * channels) * width * channels
    values = np.frombuffer(data[:whole], f"<{'u' if width == 1 else 'i'}{width}")
    scaled = (values.astype(np.float32) - (128 if width == 1 else 0)) * 2.0 ** (16 - 8 * width)
    return resample(scaled.reshape(-1, channels).mean(axis=1), rate)


def _as_pcm(data: bytes) -> bytes:
    """A WAV file of PCM as it is, and an extensible one of PCM as such, because `wave` reads that from Python 3.12 on.

    Raises:
        wave.Error: its samples are of another format.
    """
    place = _RIFF_HEAD
    while place + 8 <= len(data) and data[place : place + 4] != b"fmt ":
        (size,) = struct.unpack_from("<I", data, place + 4)
        place += 8 + size + size % 2
    place += 8
    if len(data) < place + 26:
        return data  # which `wave` refuses
    (kind,) = struct.unpack_from("<H", data, place)
    if kind == _EXTENSIBLE:
        (kind,) = struct.unpack_from("<H", data, place + 24)
    if kind != _PCM:
        raise wave.Error(f"its samples are of format {kind}, not of {_PCM}; save it as 16-bit PCM")
    return data[:place] + struct.pack("<H", _PCM) + data[place + 2 :]


def resample(samples: npt.NDArray[np.float32], rate: int) -> Samples:
    """Resample (n,) samples in the range of int16 from `rate` to RATE; frequencies too high for RATE are removed."""
    if rate > RATE:
        lags = np.arange(_FILTER_LENGTH) - _FILTER_LENGTH // 2
        low_pass = np.sinc(lags * 0.9 * RATE / rate) * np.hamming(_FILTER_LENGTH)
        samples = np.convolve(samples, low_pass / low_pass.sum(), "same")
    if rate != RATE and len(samples):
        moments = np.arange(int(len(samples) * RATE / rate)) * (rate / RATE)
        samples = np.interp(moments, np.arange(len(samples)), samples)
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)


def play(samples: Samples) -> Generator[Samples, None, None]:
    """Give the samples chunk by chunk in real time, and half a second of silence after them."""
    began = time.monotonic()
    padded = np.concatenate([samples, np.zeros(RATE // 2 + CHUNK, np.int16)])
    for start in range(0, len(padded) - CHUNK + 1, CHUNK):
        time.sleep(max(0.0, began + (start + CHUNK) / RATE - time.monotonic()))
        yield padded[start : start + CHUNK]


def read_ahead(chunks: Generator[Samples, None, None]) -> Generator[Samples, None, None]:
    """Give the same chunks, read ahead by a separate thread.

    The caller does not read while it recognises an utterance; a microphone drops what its buffer cannot hold.

    Raises:
        Exception: those of `chunks`.
    """
    waiting: Queue[Samples | Exception | None] = Queue(_AHEAD)
    is_over = threading.Event()

    def read() -> None:
        end: Exception | None = None
        try:
            with closing(chunks):
                for chunk in chunks:
                    waiting.put(chunk)
                    if is_over.is_set():
                        return
        except Exception as error:  # it is raised where the chunks are read
            end = error
        waiting.put(end)

    reader = threading.Thread(target=read, name="microphone", daemon=True)
    reader.start()
    try:
        while isinstance(chunk := waiting.get(), np.ndarray):
            yield chunk
        if chunk is not None:
            raise chunk
    finally:
        is_over.set()
        with suppress(Empty):
            while True:
                waiting.get_nowait()  # the thread may wait for a place
        reader.join()  # PortAudio is shut down with the process, and no thread may be in it then


def microphone(device: str) -> Generator[Samples, None, None]:
    """Give the sound of a microphone chunk by chunk, for ever.

    Args:
        device: name or number, as listed by `python -m sounddevice`; empty for the system's default.

    Raises:
        SoundError: the microphone cannot be opened, or was unplugged.
    """
    try:
        import sounddevice
    except OSError as error:
        raise SoundError("the microphone needs PortAudio: sudo apt install libportaudio2") from error
    chosen = int(device) if device.isdecimal() else device or None
    try:
        with sounddevice.RawInputStream(RATE, CHUNK, chosen, channels=1, dtype="int16") as stream:
            while True:
                yield np.frombuffer(bytes(stream.read(CHUNK)[0]), np.int16)
    except (sounddevice.PortAudioError, ValueError) as error:
        raise SoundError(f"the microphone {ascii(device)} cannot be heard ({one_line(error)})") from error


class Utterance(NamedTuple):
    """What was said without a pause."""

    samples: Samples
    begin: float
    """When it began, in seconds of the sound."""
    end: float


def utterances(chunks: Iterable[Samples]) -> Iterator[Utterance]:
    """Cut utterances out of chunks of sound, at the pauses; each is given as soon as it ends."""
    finder, spoken, end = Endpointer(sample_rate=RATE), list[Samples](), 0.0
    for chunk in chunks:
        speech = finder.process(chunk.astype("<i2").tobytes())
        if speech is not None:
            spoken.append(np.frombuffer(speech, "<i2").astype(np.int16))
        if spoken and (not finder.in_speech or sum(map(len, spoken)) > LONGEST * RATE):
            samples, begin = np.concatenate(spoken), max(finder.speech_start, end)  # or where the last one was cut
            end = begin + len(samples) / RATE
            yield Utterance(samples, begin, end)
            spoken = []
