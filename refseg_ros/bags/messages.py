"""Reads the messages of a bag from its files, in the order of time. Without ROS.

Only the files say what is in a bag: its metadata.yaml may list other topics, or files in another order. What the bag
says of the types of its messages is not read either: the types that are read here are the same in all distributions,
and a type that cannot be understood would make all other topics unreadable.
"""

from __future__ import annotations

import heapq
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from rosbags.interfaces import Connection
from rosbags.rosbag1 import Reader as Ros1Reader
from rosbags.rosbag2 import Reader
from rosbags.rosbag2.reader import DirectoryReader
from rosbags.typesys import Stores, get_typestore

from refseg_ros.bags.files import METADATA, STORAGES, SUFFIXES, is_file_of_bag, is_packed, meant, one_recording
from refseg_ros.text import one_line

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_ZSTD_BEGIN = b"\x28\xb5\x2f\xfd"
"""First bytes of a compressed message; no other message of ROS 2 begins with them."""


class BagError(ValueError):
    """A bag or a topic cannot be read; the message gives the reason in one line."""


class RawMessage(NamedTuple):
    """A message as it lies in a bag."""

    kind: str
    """Its type, such as sensor_msgs/msg/Image."""
    data: bytes


class _File(Protocol):
    connections: list[Connection]

    def messages(
        self, connections: Collection[Connection], start: int | None = None
    ) -> Iterator[tuple[Connection, int, bytes]]: ...


class Bag:
    """An open bag.

    Attributes:
        path: of the bag.
        topics: (name, type of its messages), each once, in alphabetical order.
        lost: a line for each of its files that cannot be read.
    """

    def __init__(
        self,
        path: Path,
        files: Sequence[tuple[int, _File]],
        deserialize: Callable[[bytes, str], Any],
        lost: Sequence[str] = (),
    ) -> None:
        """Take the files, each with its earliest time in nanoseconds, and what makes a message of bytes and type."""
        self.path, self._files, self._deserialize, self.lost = path, files, deserialize, list(lost)
        self.topics = sorted(
            {(connection.topic, connection.msgtype) for _, file in files for connection in file.connections}
        )

    def messages(
        self, topic: str, kinds: Collection[str], since: int | None = None
    ) -> Iterator[tuple[int, RawMessage]]:
        """The messages of a topic that are of some types, each with its time in nanoseconds, in the order of time.

        Args:
            topic: its name.
            kinds: the types.
            since: where to begin, in nanoseconds; None for the beginning of the bag.

        Raises:
            Exception: of any kind, where a file is damaged; for use inside `readable`.
        """
        parts = [_part(file, start, topic, kinds, since) for start, file in self._files]
        for moment, message in heapq.merge(*parts, key=itemgetter(0)):
            if message is not None:
                yield moment, message

    def deserialize(self, message: RawMessage) -> Any:
        """The fields of a message.

        Raises:
            Exception: of any kind, where its bytes are damaged.
        """
        return self._deserialize(message.data, message.kind)


def _part(
    file: _File, start: int, topic: str, kinds: Collection[str], since: int | None
) -> Iterator[tuple[int, RawMessage | None]]:
    connections = [one for one in file.connections if one.topic == topic and one.msgtype in kinds]
    if connections:
        yield start, None  # holds the place of a file that is not read before its time, for a bag may have hundreds
        for connection, moment, data in file.messages(connections, since):
            yield moment, RawMessage(connection.msgtype, data)


@contextmanager
def open_bag(path: Path) -> Iterator[Bag]:
    """Open a bag.

    Args:
        path: folder of rosbag2, with metadata.yaml or without; a single .mcap or .db3 file; or a .bag of ROS 1.
            metadata.yaml means its folder.

    Raises:
        BagError: there is no such bag, or it cannot be read.
    """
    path = meant(path)
    with ExitStack() as stack:
        with readable(path):
            if not path.exists():
                raise BagError(f"{path}: there is no such bag")
            bag = _ros1(path, stack) if _is_ros1(path) else _ros2(path, stack)
        yield bag


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn the errors of storages and decoders on a damaged bag, which have no common base, into a BagError."""
    try:
        yield
    except BagError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.strerror:  # such as a folder of somebody else's: nothing is damaged
            raise BagError(f"{path}: cannot be read ({error.strerror})") from error
        cure = "`rosbag reindex` mends it" if _is_ros1(path) else "mend it with `mcap recover` or `ros2 bag reindex`"
        reason = f"{path}: not a bag that can be read ({one_line(error).rstrip('.')})"
        raise BagError(f"{reason}; if it was cut off, {cure}") from error


def _is_ros1(path: Path) -> bool:
    return path.suffix.lower() == ".bag" and not path.is_dir()


def _ros1(path: Path, stack: ExitStack) -> Bag:
    reader = stack.enter_context(Ros1Reader(path))
    return Bag(path, [(reader.start_time, reader)], get_typestore(Stores.ROS1_NOETIC).deserialize_ros1)


def _ros2(path: Path, stack: ExitStack) -> Bag:
    lost: list[str] = []
    if (path / METADATA).is_file():
        folder = DirectoryReader(path)
        folder.open()
        stack.callback(folder.close)
        files = folder.storages
    else:
        files, names = [], _files_of(path)
        for name in names:  # a recorder that was killed leaves the last one cut off
            try:
                with readable(name):
                    file = Reader.STORAGE_PLUGINS[name.suffix.lower()](name)
                    file.open()
            except BagError as error:
                lost.append(str(error))
                if len(lost) == len(names):
                    raise
            else:
                files.append(file)
                stack.callback(file.close)
    types = get_typestore(Stores.ROS2_HUMBLE)

    def deserialize(data: bytes, kind: str) -> Any:
        return types.deserialize_cdr(zstd.decompress(data) if data.startswith(_ZSTD_BEGIN) else data, kind)

    return Bag(path, [(file.metadata.start_time, file) for file in files], deserialize, lost)


def _files_of(path: Path) -> list[Path]:
    """The files of a bag of rosbag2 that has no metadata.yaml.

    Raises:
        BagError: it is no bag, or holds several.
    """
    if is_packed(path):
        raise BagError(f"{path}: is packed; give its folder with {METADATA}, or unpack it with `zstd -d`")
    known = ", ".join(SUFFIXES)
    if not path.is_dir():
        if path.suffix.lower() in STORAGES:
            return [path]
        raise BagError(f"{path}: not a bag: neither a folder nor a file that ends in {known}")
    if files := one_recording(path):
        return files
    inside = sorted(file.name for file in path.iterdir() if is_file_of_bag(file))
    if not inside:
        raise BagError(f"{path}: not a bag: it has neither {METADATA} nor a file that ends in {known}")
    raise BagError(f"{path}: has no {METADATA}; give one of its files, such as {inside[0]}, or run `ros2 bag reindex`")
