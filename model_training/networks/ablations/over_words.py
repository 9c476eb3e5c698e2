"""A loop over the words, for as many as there are: in an exported graph too."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch._higher_order_ops.scan import scan

State = tuple[Tensor, ...]


def over_words(step: Callable[..., State], state: State, words: Tensor, mask: Tensor) -> State:
    """The state after the last real word.

    Args:
        step: a word and the state before it, (...) and `state` -> the state after it; in shape and dtype as `state`.
            No part of it may be another's memory.
        state: before the first word.
        words: (N, ...).
        mask: (..., N) bool, True for real words; `state` has its leading dimensions.
    """

    def advance(before: State, word: tuple[Tensor, Tensor]) -> State:
        features, real = word
        after = step(features, *before)
        return tuple(
            torch.where(real[(..., *(None,) * (new.ndim - real.ndim))], new, old)
            for new, old in zip(after, before, strict=True)
        )

    there = mask.movedim(-1, 0)
    if torch.compiler.is_exporting():  # ONNX's Scan; a loop of Python's would hold for this number of words alone
        return scan(lambda before, word: (advance(before, word), ()), state, (words, there))[0]
    for word in zip(words, there, strict=True):
        state = advance(state, word)
    return state
