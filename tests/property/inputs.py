"""Malformed images, texts, calibrations and parameters, drawn from a generator: the same seed gives the same bytes."""

from __future__ import annotations

import array
import dataclasses

import cv2
import numpy as np
from builtin_interfaces.msg import Time
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header, String

from refseg_ros.images.encodings import DEPTH_ENCODINGS, LAYOUTS
from refseg_ros.ros.node_config import SegmentNodeConfig
from tests.property.wire import Wire

LARGEST = 2_000_000
"""Bytes of most images; few are larger. No text that is a piece again and again is longer."""

PIECES = [
    *(b"red", b"the red mug", b"green", b"left of", b"everywhere", b";", b" ", b"\t\n\r\v\f", b"'\"`$(reboot)", b"%n"),
    *(b"\x00", b"\x1b[2J\x1b[31m", b"\x07", b"\x7f", b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"),
    *("\u202e".encode(), "\u05d0\u05d1\u0627".encode(), "\U0001f9ff".encode(), "\u200d\ufeff\u2028\u2029".encode()),
    *(("e" + "\u0301" * 50).encode(), "\ufffd\uffff".encode(), "\x85\xa0".encode(), "\U000e0041".encode()),
]
ODD_SIDES = (0, 1, 2, 3, 4, 5, 7, 16, 17, 33, 64, 240, 320, 321, 641, 16384, 16385, 100_000, 2**26, 2**31, 2**32 - 1)
ODD_NUMBERS = (float("nan"), float("inf"), -float("inf"), 0.0, -0.0, -1.0, 1e-310, 3e38, 0.5, 525.0)
ODD_ENCODINGS = (b"", b"rgb9", b"RGB8", b"rgb8 ", b"jpeg", b"32SC3", b"64FC1", b"8SC3", b"nv24", b"yuv420")
ODD_MODELS = (b"", b"plumb_bob", b"equidistant", b"rational_polynomial", b"fisheye", b"no lens")
DECLARED = [field.name for field in dataclasses.fields(SegmentNodeConfig)]
PARAMETERS = (*DECLARED, "use_sim_time", "qos_overrides./camera/image_raw.subscription.depth", "nonsense", "")


def text(random: np.random.Generator, longest: int = LARGEST) -> bytes:
    """A text: some pieces in a row, mostly few; noise; or a piece again and again, up to `longest` bytes."""
    kind = random.random()
    if kind < 0.1:
        return random.bytes(int(random.integers(0, 200)))
    if kind < 0.12:
        piece = PIECES[random.integers(len(PIECES))]
        return piece * int(min(10 ** random.uniform(2, 6.3), longest) / len(piece))
    return b"".join(PIECES[which] for which in random.integers(0, len(PIECES), random.integers(0, 7)))


def query(random: np.random.Generator) -> Wire:
    """A std_msgs/String."""
    return Wire(String(), {"data": text(random)})


def header(random: np.random.Generator, moment: float) -> tuple[Header, bytes]:
    """A header whose stamp is near a moment, or none, backwards, far ahead or no moment at all; and its frame_id."""
    kind = random.random()
    seconds, nanoseconds = int(moment), int(moment % 1 * 1e9)
    if kind < 0.3:
        seconds = int(random.choice([0, -1, seconds - 3600, seconds + 3600, 2**31 - 1, -(2**31)]))
        nanoseconds = int(random.choice([0, 999_999_999, 10**9, 2**32 - 1]))
    return Header(stamp=Time(sec=seconds, nanosec=nanoseconds)), text(random)[:2000] if kind < 0.5 else b"camera"


def image(
    random: np.random.Generator, moment: float, encodings: tuple[str, ...] = tuple(LAYOUTS), largest: int = LARGEST
) -> Wire:
    """A sensor_msgs/Image; one of its fields or more is mostly wrong. Few have more bytes than `largest`."""
    encoding = str(random.choice(encodings))
    layout = LAYOUTS[encoding]
    height, width = (int(side) for side in random.integers(1, 65, 2) * 2)
    if random.random() < 0.02:
        height, width = 1080, 1920
    if random.random() < 0.25:
        height = int(random.choice(ODD_SIDES))
    if random.random() < 0.25:
        width = int(random.choice(ODD_SIDES))
    step = width * layout.channels * np.dtype(layout.dtype).itemsize
    if random.random() < 0.25:
        step += int(random.choice([-step, -1, 1, 6, 64, 2**32 - 1]))
    step = min(max(step, 0), 2**32 - 1)
    size = int(step * height * (1 + layout.tint_rows))
    if random.random() < 0.25:
        size += int(random.choice([-size, -size // 2, -1, 1, 1000]))
    size = min(max(size, 0), largest if random.random() < 0.98 else 4 * largest)
    name = encoding.encode()
    if random.random() < 0.1:
        name = ODD_ENCODINGS[random.integers(len(ODD_ENCODINGS))]
    elif random.random() < 0.05:
        name = text(random)
    stamped, frame = header(random, moment)
    message = Image(header=stamped, height=height, width=width, step=step, is_bigendian=int(random.choice([0, 1, 255])))
    message.data = array.array("B", _pixels(random, encoding, size))
    return Wire(message, {"header.frame_id": frame, "encoding": name})


def depth(random: np.random.Generator, moment: float) -> Wire:
    """A depth image, as malformed as any other, sometimes of colours."""
    return image(random, moment, DEPTH_ENCODINGS if random.random() < 0.9 else tuple(LAYOUTS))


def _pixels(random: np.random.Generator, encoding: str, size: int) -> bytes:
    if encoding == "32FC1" and random.random() < 0.7:
        return np.resize(random.choice(ODD_NUMBERS, 1000).astype(np.float32), size // 4 + 1).tobytes()[:size]
    few = random.bytes(min(size, 4096))
    return (few * (size // max(len(few), 1) + 1))[:size]


def compressed(random: np.random.Generator, moment: float) -> Wire:
    """A sensor_msgs/CompressedImage: whole, cut, changed in places, or noise."""
    pixels = np.frombuffer(random.bytes(48 * 64 * 3), np.uint8).reshape(48, 64, 3)
    suffix = str(random.choice([".png", ".jpg", ".bmp", ".webp"]))
    data = bytearray(cv2.imencode(suffix, pixels)[1].tobytes())
    kind = random.random()
    if kind < 0.3:
        data = data[: random.integers(0, len(data))]
    elif kind < 0.6:
        for place in random.integers(0, len(data), random.integers(1, 20)):
            data[place] = random.integers(0, 256)
    elif kind < 0.7:
        data = bytearray(random.bytes(int(random.integers(0, 5000))))
    stamped, frame = header(random, moment)
    message = CompressedImage(header=stamped, data=array.array("B", bytes(data)))
    return Wire(message, {"header.frame_id": frame, "format": text(random)[:2000]})


def calibration(random: np.random.Generator, moment: float) -> Wire:
    """A sensor_msgs/CameraInfo with numbers that are none."""

    def numbers(many: int) -> list[float]:
        good = [525.0, 0.0, 160.0, 0.0, 525.0, 120.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]
        return [value if random.random() < 0.8 else float(random.choice(ODD_NUMBERS)) for value in good[:many]]

    message = CameraInfo(header=header(random, moment)[0], k=numbers(9), r=numbers(9), p=numbers(12))
    message.d = [float(value) for value in random.choice(ODD_NUMBERS, random.integers(0, 15))]
    message.height, message.width = (int(side) for side in random.choice(ODD_SIDES, 2))
    message.binning_x, message.binning_y = (int(value) for value in random.choice([0, 1, 2, 2**32 - 1], 2))
    message.roi.x_offset, message.roi.width = (int(value) for value in random.choice(ODD_SIDES, 2))
    model = ODD_MODELS[random.integers(len(ODD_MODELS))] if random.random() < 0.9 else text(random)[:2000]
    return Wire(message, {"distortion_model": model})


def parameter(random: np.random.Generator, longest: int = LARGEST) -> Parameter:
    """One of the node's parameters, or one that it has not, with any value of any type; `longest` is that of `text`."""
    words = [text(random, longest).decode("utf-8", "replace") for _ in range(3)]
    whole = [int(value) for value in random.choice([0, 1, -1, 7, 2**31, -(2**31), 2**62, -(2**63)], 3)]
    value = ParameterValue(type=int(random.integers(10)) if random.random() < 0.99 else 77)
    if value.type == ParameterType.PARAMETER_BOOL:
        value.bool_value = bool(random.integers(2))
    value.integer_value = whole[0]
    value.double_value = float(random.choice(ODD_NUMBERS))
    value.string_value = words[0] if random.random() < 0.8 else str(random.choice(["raw", "cpu", "/camera/image_raw"]))
    value.byte_array_value = [random.bytes(1) for _ in range(3)]
    value.bool_array_value = [True, False]
    value.integer_array_value = whole
    value.double_array_value = [float(one) for one in random.choice(ODD_NUMBERS, 3)]
    value.string_array_value = words
    name = str(random.choice(PARAMETERS)) if random.random() < 0.97 else words[1][:200]
    if name == "image_transport" and value.string_value == "compressed":
        value.string_value = "uncompressed"
    return Parameter(name=name, value=value)


def cut(random: np.random.Generator, data: bytes) -> bytes:
    """The bytes of a message, now and then cut short or with some of the first ones changed: no message any more."""
    kind = random.random()
    if kind < 0.96:
        return data
    if kind < 0.98:
        return data[: random.integers(0, len(data) + 1)]
    changed = bytearray(data)
    for place in random.integers(0, min(len(data), 120), 3):
        changed[place] = random.integers(0, 256)
    return bytes(changed)
