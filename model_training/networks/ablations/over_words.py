"""A loop over any number of words, in an exported graph too."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch._higher_order_ops.scan import scan

State = tuple[Tensor, ...]


def over_words(step: Callable[..., State], state: State, words: Tensor, mask: Tensor) -> State:
    """The state after the last real word.

    Args:
        step: a word (...) and the parts of the state before it -> the state after it, in shape and dtype as `state`.
            The parts must not share memory.
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
    if torch.compiler.is_exporting():  # becomes ONNX's Scan; a Python loop would fix the number of words
        return scan(lambda before, word: (advance(before, word), ()), state, (words, there))[0]
    for word in zip(words, there, strict=True):
        state = advance(state, word)
    return state
