"""Warm start: a run begins with finished weights, perhaps with other words, or without a clip."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from model_training.datasets.scene_batches import tabletop_vocabulary
from model_training.datasets.word_pieces import TOKENIZER
from model_training.learning import checkpoint
from model_training.networks.base import System
from refseg_ros.expression import UNKNOWN, Vocabulary
from refseg_ros.open_vocabulary import OpenVocabulary, Tokenizer


def vocabulary_of(facts: Mapping[str, object]) -> Tokenizer:
    """What turned expressions into ids for trained weights, from the facts in their file; else `tabletop`'s words."""
    if "tokenizer" in facts:
        return OpenVocabulary.parse(str(facts["tokenizer"]).encode(), TOKENIZER)
    words = facts.get("vocabulary")
    return Vocabulary(str(word) for word in words) if isinstance(words, list) else tabletop_vocabulary()


def words_of(weights: Path) -> tuple[str, ...]:
    """The words that finished weights know; none if they read pieces of words.

    Raises:
        ValueError: there is no such file, or it is no checkpoint; the message names it.
    """
    known = vocabulary_of(checkpoint.load(weights)[1])
    return known.words[2:] if isinstance(known, Vocabulary) else ()


def adapted(
    tensors: Mapping[str, Tensor], model: System, theirs: Mapping[str, object], ours: Mapping[str, object]
) -> dict[str, Tensor]:
    """Weights with the facts `theirs` for a model of a run with the facts `ours`.

    A word that both have keeps its trained vector; new words and the unknown one keep the model's initial vectors. Rows
    after the words, such as [CLS], are kept. Parameters of clips are left out if the model has none.

    Raises:
        LookupError: only one of the two reads pieces of words, or both do with different tokenizers.
    """
    state, name = model.state_dict(), model.words_table
    kept = {key: value for key, value in tensors.items() if key in state or not key.startswith(model.of_clips)}
    if theirs.get("tokenizer") != ours.get("tokenizer"):
        raise LookupError(
            "they learned with another tokenizer, or with whole words; begin with others, or give their --tokenizer"
        )
    before, now = vocabulary_of(theirs), vocabulary_of(ours)
    if isinstance(before, OpenVocabulary) or isinstance(now, OpenVocabulary):
        return kept
    if name not in kept or kept[name].shape[1:] != state[name].shape[1:]:
        return kept
    table = state[name].clone()
    ids = {word: index for index, word in enumerate(before.words)}
    for index, word in enumerate(now.words):
        if word in ids and index != UNKNOWN:
            table[index] = kept[name][ids[word]]
    table[len(now) :] = kept[name][len(before) :]
    return kept | {name: table}
