"""Warm start: a run begins with finished weights, perhaps with other words, or without a clip."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from model_training.datasets.scene_batches import tabletop_vocabulary
from model_training.networks.base import System
from refseg_ros.expression import UNKNOWN, Vocabulary


def vocabulary_of(facts: Mapping[str, object]) -> Vocabulary:
    """The words of trained weights, from the facts in their file; without a list, those of `tabletop`."""
    words = facts.get("vocabulary")
    return Vocabulary(str(word) for word in words) if isinstance(words, list) else tabletop_vocabulary()


def adapted(tensors: Mapping[str, Tensor], model: System, theirs: Vocabulary, ours: Vocabulary) -> dict[str, Tensor]:
    """Weights of a network with the words `theirs` for a model with `ours`.

    A word that both have keeps its trained vector; new words and the unknown one keep the model's initial vectors. Rows
    after the words, such as [CLS], are kept. Parameters of clips are left out if the model has none.
    """
    state, name = model.state_dict(), model.words_table
    kept = {key: value for key, value in tensors.items() if key in state or not key.startswith(model.of_clips)}
    if name not in kept or kept[name].shape[1:] != state[name].shape[1:]:
        return kept
    table = state[name].clone()
    ids = {word: index for index, word in enumerate(theirs.words)}
    for index, word in enumerate(ours.words):
        if word in ids and index != UNKNOWN:
            table[index] = kept[name][ids[word]]
    table[len(ours) :] = kept[name][len(theirs) :]
    return kept | {name: table}
