"""Finished weights as the beginning of another run, with other words perhaps, or without a clip."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from model_training.datasets.tabletop import tabletop_vocabulary
from refseg_ros.expression import Vocabulary

WORDS = "fusion.language.table.weight"
OF_CLIPS = ("encoder.clip.", "fusion.clip.")


def vocabulary_of(facts: Mapping[str, object]) -> Vocabulary:
    """The words of trained weights, from what is noted with them."""
    words = facts.get("vocabulary")
    return Vocabulary(str(word) for word in words) if isinstance(words, list) else tabletop_vocabulary()


def adapted(tensors: Mapping[str, Tensor], model: nn.Module, theirs: Vocabulary, ours: Vocabulary) -> dict[str, Tensor]:
    """Weights of a network with the words `theirs` for a model with `ours`.

    Each word that both have keeps its vector, a new one has that which the model was drawn with. What belongs to clips
    is left out where the model has none.
    """
    state = model.state_dict()
    kept = {name: value for name, value in tensors.items() if name in state or not name.startswith(OF_CLIPS)}
    if WORDS not in kept or kept[WORDS].shape[1:] != state[WORDS].shape[1:]:
        return kept
    table = state[WORDS].clone()
    ids = {word: index for index, word in enumerate(theirs.words)}
    for index, word in enumerate(ours.words):
        if word in ids:
            table[index] = kept[WORDS][ids[word]]
    return kept | {WORDS: table}
