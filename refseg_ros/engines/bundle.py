"""Reading a model bundle, and writing one. The SHA-256 of each file is checked before anything of it is parsed."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from refseg_ros.engines.external_data import external_files
from refseg_ros.engines.manifest import SYNONYMS, WORDS, Manifest
from refseg_ros.errors import BundleError, UnavailableError
from refseg_ros.expression import Vocabulary, parse_synonyms
from refseg_ros.files import expanded, write_bytes
from refseg_ros.open_vocabulary import OpenVocabulary, Tokenizer

MANIFEST = "manifest.json"
MODELS = Path(__file__).parent.parent / "models"
"""Folder of the bundles that ship with the package; each can be named instead of a folder."""
TABLETOP = MODELS / "tabletop"
"""The one that knows the simulator's things."""
DEFAULT = MODELS / "household"
"""The one that knows real things, and is taken where none is named."""


@dataclass(frozen=True)
class Bundle:
    """A bundle whose files match the hashes in its manifest."""

    folder: Path
    manifest: Manifest
    contents: Mapping[str, bytes] = field(repr=False)
    """File name -> its bytes, the very ones that were checked."""

    @classmethod
    def load(cls, model: str | Path) -> Bundle:
        """Read and check a bundle.

        Args:
            model: its folder, or the name of one that ships, if there is no folder of that name.

        Raises:
            BundleError: the folder or a file is missing, empty, damaged, of another format or wants other files.
        """
        folder = expanded(model)
        if not folder.is_dir():
            shipped = {path.name: path for path in sorted(MODELS.iterdir()) if (path / MANIFEST).is_file()}
            if str(model) not in shipped:
                raise BundleError(
                    f"{folder}: there is no such folder; a model is a folder with a {MANIFEST}, or one of those that "
                    f"ship: {', '.join(shipped)}"
                )
            folder = shipped[str(model)]
        try:
            manifest = Manifest.parse(_read(folder / MANIFEST))
        except BundleError:
            raise
        except ValueError as error:
            raise BundleError(f"{folder / MANIFEST}: {error}; export the model again or install its version") from None
        contents = {name: _read(folder / name) for name in manifest.files}
        for name, data in contents.items():
            if hashlib.sha256(data).hexdigest() != manifest.files[name]:
                raise BundleError(
                    f"{folder / name}: its SHA-256 is not the one in {MANIFEST} (damaged, cut short or changed); "
                    "copy the whole bundle again"
                )
        for name, data in contents.items():
            if name.endswith(".onnx"):
                _check_onnx(folder / name, data)
        return cls(folder, manifest, contents)

    def tokenizer(self) -> Tokenizer:
        """What turns an expression into ids.

        Raises:
            BundleError: a file of it is broken, or the library that reads it is not installed.
        """
        text = self.manifest.text
        path, synonyms = str(self.folder / text.file), str(self.folder / SYNONYMS)
        try:
            if text.tokenizer != WORDS:
                return OpenVocabulary.parse(self.contents[text.file], path)
            known = Vocabulary.parse(self.contents[text.file], path)
            if SYNONYMS not in self.contents:
                return known
            return known.with_synonyms(parse_synonyms(self.contents[SYNONYMS], synonyms), synonyms)
        except UnavailableError:
            raise
        except ValueError as error:
            raise BundleError(f"{error}; export the model again") from None

    def vocabulary(self) -> Vocabulary:
        """The words that the model knows, and their synonyms.

        Raises:
            BundleError: the model has no list of words, or a file is broken.
        """
        tokenizer = self.tokenizer()
        if isinstance(tokenizer, OpenVocabulary):
            raise BundleError(
                f"{self.folder}: the model has an open vocabulary and no list of words, which this wants; "
                "take a model with a word list"
            )
        return tokenizer


def write(folder: Path, manifest: Manifest, contents: Mapping[str, bytes]) -> Manifest:
    """Write a bundle. The manifest comes last, so that a half-written bundle is refused.

    Args:
        folder: is made if it does not exist.
        manifest: its `files` are replaced by the hashes of `contents`.
        contents: file name -> bytes.

    Returns:
        The manifest as written.

    Raises:
        OSError: a file cannot be written.
    """
    manifest = dataclasses.replace(
        manifest, files={name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    )
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in contents.items():
        write_bytes(folder / name, data)
    write_bytes(folder / MANIFEST, manifest.dump().encode())
    return manifest


def _read(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror}); copy the whole bundle again") from None
    if not data:
        raise BundleError(f"{path}: is empty; copy the whole bundle again")
    return data


def _check_onnx(path: Path, data: bytes) -> None:
    try:
        others = external_files(data)
    except ValueError as error:
        raise BundleError(f"{path}: is not an ONNX file ({error}); export the model again") from None
    if others:
        raise BundleError(f"{path}: wants to read {min(others)!r}; export it with its weights inside the file")
