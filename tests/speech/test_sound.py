from __future__ import annotations

import struct
import threading

import numpy as np
import pytest

pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed (the extra `speech`)")

from refseg_ros.speech.sound import CHUNK, RATE, SoundError, play, read_ahead, read_wav, resample, utterances
from tests.speech.voice import needs_espeak, say, write_wav


def tone(rate: int, hertz: float, seconds: float = 0.5) -> np.ndarray:
    return 10_000 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000])
def test_a_tone_survives_any_rate(tmp_path, rate):
    heard = read_wav(write_wav(tmp_path / "tone.wav", tone(rate, 440).astype("<i2"), rate))
    expected = tone(RATE, 440)
    assert abs(len(heard) - len(expected)) <= 2
    middle = slice(1000, 7000)
    assert np.abs(heard[middle] - expected[middle]).max() < 400


def test_what_the_rate_cannot_carry_is_filtered_out():
    assert np.abs(resample(tone(48000, 12_000).astype(np.float32), 48000)[500:-500]).max() < 100


@pytest.mark.parametrize("width, scale, middle", [(1, 1 / 256, 128), (2, 1, 0), (4, 65536, 0)])
def test_widths_and_channels(tmp_path, width, scale, middle):
    left = tone(RATE, 300)
    both = np.stack([left, np.zeros_like(left)], axis=1) * scale + middle
    kind = "u1" if width == 1 else f"<i{width}"
    heard = read_wav(write_wav(tmp_path / "two.wav", np.rint(both).astype(kind), RATE, 2, width))
    assert np.abs(heard - left / 2).max() < 260


@pytest.mark.parametrize("content", [b"", b"RIFF", b"no sound at all" * 100])
def test_what_is_no_wav_file_is_refused_by_name(tmp_path, content):
    (tmp_path / "broken.wav").write_bytes(content)
    with pytest.raises(SoundError, match="broken.wav: no WAV file"):
        read_wav(tmp_path / "broken.wav")


def test_a_file_that_ends_before_its_sound_is_refused_with_the_reason(tmp_path):
    whole = write_wav(tmp_path / "whole.wav", tone(RATE, 440).astype("<i2")).read_bytes()
    for length in [*range(whole.index(b"data")), len(whole) // 2, len(whole) - 2]:
        (tmp_path / "cut.wav").write_bytes(whole[:length])
        with pytest.raises(SoundError, match=r"cut.wav: no WAV file of uncompressed samples \(.+\)$"):
            read_wav(tmp_path / "cut.wav")


def with_format(data: bytes, kind: int, more: bytes = b"") -> bytes:
    """A WAV file that says that its samples are of another format; `more` is appended to its description."""
    begin = b"RIFF" + struct.pack("<I", len(data) - 8 + len(more)) + data[8:16]
    return begin + struct.pack("<IH", 16 + len(more), kind) + data[22:36] + more + data[36:]


def test_samples_of_an_extensible_format_are_read(tmp_path):
    """As FFmpeg and Audacity write them for more than two channels, and some recorders always."""
    path = write_wav(tmp_path / "plain.wav", tone(RATE, 440).astype("<i2"))
    subformat = struct.pack("<HHIH", 22, 16, 4, 1) + bytes.fromhex("000000001000800000aa00389b71")
    (tmp_path / "extensible.wav").write_bytes(with_format(path.read_bytes(), 0xFFFE, subformat))
    np.testing.assert_array_equal(read_wav(tmp_path / "extensible.wav"), read_wav(path))


def test_the_word_for_a_format_in_another_chunk_is_none(tmp_path):
    """Recorders write a description before it, of an odd length, too."""
    path = write_wav(tmp_path / "plain.wav", tone(RATE, 440).astype("<i2"))
    heard, data = read_wav(path), path.read_bytes()
    words = b"converted, fmt is PCM"
    chunks = b"WAVE" + b"bext" + struct.pack("<I", len(words)) + words + b"\0" + data[12:]
    path.write_bytes(b"RIFF" + struct.pack("<I", len(chunks)) + chunks)
    np.testing.assert_array_equal(read_wav(path), heard)


@pytest.mark.parametrize("kind", [3, 6, 7])
def test_samples_that_are_no_whole_numbers_are_refused_with_the_cure(tmp_path, kind):
    path = write_wav(tmp_path / "float.wav", tone(RATE, 440).astype("<i2"))
    path.write_bytes(with_format(path.read_bytes(), kind))
    with pytest.raises(SoundError, match=rf"float.wav: .* of format {kind}, not of 1; save it as 16-bit PCM"):
        read_wav(path)


@pytest.mark.parametrize("size", [0x7FFFF000, 0x80000000, 0xFFFFFFFF])
def test_a_file_that_was_written_to_a_pipe_is_read_to_its_end(tmp_path, size):
    """FFmpeg, SoX and arecord don't know its length when they write its header."""
    path = write_wav(tmp_path / "piped.wav", tone(RATE, 440).astype("<i2"))
    heard, data = read_wav(path), path.read_bytes()
    path.write_bytes(data[:4] + struct.pack("<I", size) + data[8:40] + struct.pack("<I", size) + data[44:])
    np.testing.assert_array_equal(read_wav(path), heard)


def test_a_missing_file_and_a_strange_width_are_refused(tmp_path):
    with pytest.raises(SoundError, match="no such file"):
        read_wav(tmp_path / "nowhere.wav")
    with pytest.raises(SoundError, match="24 bits"):
        read_wav(write_wav(tmp_path / "wide.wav", np.zeros(300, np.uint8), width=3))


@needs_espeak
def test_utterances_are_cut_at_pauses():
    pause = np.zeros(RATE, np.int16)
    sound = np.concatenate([pause, say("the red mug"), pause, say("the blue bowl left of the can"), pause])
    found = list(utterances(np.split(sound[: len(sound) // 480 * 480], len(sound) // 480)))
    assert len(found) == 2 and len(found[0].samples) < len(found[1].samples)
    first, second = found
    assert 0.5 < first.begin < first.end < second.begin < second.end <= len(sound) / RATE
    for one in found:
        assert np.array_equal(one.samples, sound[round(one.begin * RATE) : round(one.end * RATE)])


def test_sound_is_read_while_what_was_said_is_recognised():
    is_read, is_closed = threading.Event(), threading.Event()

    def heard():
        try:
            for number in range(200):
                yield np.full(CHUNK, number, np.int16)
            is_read.set()
            raise SoundError("unplugged")
        finally:
            is_closed.set()

    chunks = read_ahead(heard())
    found = [next(chunks)]
    assert is_read.wait(60), "all of it, though nobody asked for more than the first chunk"
    with pytest.raises(SoundError, match="unplugged"):
        found.extend(chunks)
    assert [int(chunk[0]) for chunk in found] == list(range(200)) and is_closed.wait(60)


def test_the_reading_ends_with_who_listens():
    is_closed = threading.Event()

    def heard():
        try:
            while True:
                yield np.zeros(CHUNK, np.int16)
        finally:
            is_closed.set()

    chunks = read_ahead(heard())
    next(chunks)
    chunks.close()
    assert is_closed.is_set()


def test_silence_has_no_utterance():
    assert not list(utterances(play(np.zeros(RATE // 2, np.int16))))
