"""A data set learned with a tokenizer's pieces of words, the whole way to a bundle."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from model_training import configs, export, train
from model_training.datasets.word_pieces import read_tokenizer
from model_training.learning import checkpoint
from refseg_ros import Segmenter
from refseg_ros.engines.bundle import Bundle
from tests.model_training import folder
from tests.model_training.networks.systems import tiny_config

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "box", "re", "##d", "blue", "gre", "##en", "yellow"]

CONFIG = replace(tiny_config("vlide_small"), name="tiny_pieces", scenes=None)


@pytest.fixture(scope="module", autouse=True)
def known() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(configs.CONFIGS, CONFIG.name, CONFIG)
        yield


def write_tokenizer(path: Path, pieces: list[str]) -> Path:
    """As BERT's: it pads, and puts [CLS] and [SEP] around what it cuts."""
    made = Tokenizer(WordPiece({piece: number for number, piece in enumerate(pieces)}, unk_token="[UNK]"))
    made.pre_tokenizer = Whitespace()
    made.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(name, pieces.index(name)) for name in ("[CLS]", "[SEP]")]
    )
    made.enable_padding(length=12, pad_id=pieces.index("[PAD]"))
    made.save(str(path))
    return path


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tokenizer(tmp_path_factory.mktemp("tokenizer") / "tokenizer.json", PIECES)


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder.write_folder(tmp_path_factory.mktemp("frames"))


def command(out: Path, data: Path, *more: object, config: str = CONFIG.name) -> int:
    arguments = ["--config", config, "--out", out, "--data", data, "--workers", 0, "--device", "cpu", *more]
    return train.main([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def finished(frames: Path, tokenizer: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "pieces"
    assert command(out, frames, "--tokenizer", tokenizer) == 0
    return out / "model.safetensors"


def test_a_run_learns_the_tokenizers_ids_and_marks(finished: Path) -> None:
    weights, facts = checkpoint.load(finished)
    assert weights["bert.embeddings.word_embeddings.weight"].shape[0] == len(PIECES)
    assert facts["network"]["vocabulary"] == len(PIECES) and facts["network"]["specials"] == [2, 3]
    assert "vocabulary" not in facts and json.loads(str(facts["tokenizer"]))["post_processor"] is None


def test_its_bundle_cuts_words_as_training_did_and_weighs_whole_ones(finished: Path, tmp_path: Path) -> None:
    assert export.main([str(finished), str(tmp_path / "bundle")]) == 0
    bundle = Bundle.load(tmp_path / "bundle")
    assert {"tokenizer.json"} == {name for name in bundle.contents if not name.endswith(".onnx")}
    assert bundle.tokenizer().encode("the red box", 6).ids.tolist() == [4, 6, 7, 5, 0, 0]
    answer = Segmenter(tmp_path / "bundle", threads=1).segment(np.zeros((48, 64, 3), np.uint8), "the green box")
    assert answer.words == ("the", "green", "box") and not answer.unknown_words
    assert answer.word_attention.shape[1] == 3
    np.testing.assert_allclose(answer.word_attention.sum(1), 1, rtol=1e-4)


def test_finished_weights_go_on_with_the_same_tokenizer_alone(
    finished: Path, frames: Path, tokenizer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin = ("--start", finished, "--steps", 1)
    assert command(tmp_path / "same", frames, *begin, "--tokenizer", tokenizer) == 0
    other = write_tokenizer(tmp_path / "other.json", [*PIECES[:-1], "purple"])
    for more in ((), ("--tokenizer", other)):
        capsys.readouterr()
        assert command(tmp_path / "other", frames, *begin, *more) == 2
        assert "they learned with another tokenizer, or with whole words" in capsys.readouterr().err


def test_a_tokenizer_without_padding_in_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"other\.json: its id 0 is '\[UNK\]', but networks read that id as padding"):
        read_tokenizer(write_tokenizer(tmp_path / "other.json", [PIECES[1], PIECES[0], *PIECES[2:]]))
    (tmp_path / "none.json").write_text("{}")
    with pytest.raises(ValueError, match=r"none\.json: is no file of the library tokenizers"):
        read_tokenizer(tmp_path / "none.json")


def test_simulated_scenes_have_words_of_their_own(
    tokenizer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(tmp_path / "run", tmp_path, "--tokenizer", tokenizer, config="tabletop") == 2
    assert capsys.readouterr().err == "error: --tokenizer has no effect on simulated scenes\n"
