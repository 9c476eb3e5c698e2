"""Words as vectors: the lookup table, and the word encoder over it."""

from __future__ import annotations

import pytest
import torch

from model_training.networks.config import NetworkConfig
from model_training.networks.layers.language import Language
from refseg_ros.expression import UNKNOWN
from tests.model_training.comparing import VALUES, randomise

LAYERS = pytest.mark.parametrize("layers", [0, 2])


def language(layers: int) -> Language:
    torch.manual_seed(0)
    module = Language(NetworkConfig(vocabulary=12, word_channels=8, max_words=6, word_layers=layers))
    return module.double().eval()


def test_the_plain_table_gives_each_word_its_row() -> None:
    module = language(0)
    vectors, mask = module(torch.tensor([[3, 5, 3, 0]]))
    assert torch.equal(vectors[0, :3], module.table.weight[[3, 5, 3]]) and mask.tolist() == [[True, True, True, False]]
    assert module.table.weight.abs().max() <= 0.08


@LAYERS
def test_padding_is_zero_and_changes_no_other_word(layers: int) -> None:
    module = language(layers)
    randomise(module)
    short = module(torch.tensor([[3, 5, 7]]))[0]
    vectors, mask = module(torch.tensor([[3, 5, 7, 0, 0, 0], [3, 5, 7, 9, 2, 4]]))
    assert (vectors[0, :3] - short[0]).abs().max() < VALUES and (vectors[0, 3:] == 0).all()
    assert mask.sum(-1).tolist() == [3, 6]


@LAYERS
def test_an_expression_without_words_keeps_one_place_open(layers: int) -> None:
    vectors, mask = language(layers)(torch.zeros(2, 4, dtype=torch.long))
    assert mask.tolist() == [[True, False, False, False]] * 2 and torch.isfinite(vectors).all()


def test_the_word_encoder_knows_the_order_and_the_table_does_not() -> None:
    there, back = torch.tensor([[3, 4, 5]]), torch.tensor([[5, 4, 3]])
    plain, encoder = language(0), language(1)
    assert torch.equal(plain(there)[0].flip(1), plain(back)[0])
    assert (encoder(there)[0].flip(1) - encoder(back)[0]).abs().max() > 0.1


@pytest.mark.parametrize("decay", [0.0, 0.1])
@LAYERS
def test_the_vector_of_unknown_words_stays_zero_where_no_text_has_any(layers: int, decay: float) -> None:
    module = language(layers).train()
    optimiser = torch.optim.AdamW(module.parameters(), lr=0.1, weight_decay=decay)
    before = module.table.weight.clone()
    for _ in range(3):
        optimiser.zero_grad()
        module(torch.randint(2, 12, (4, 6)))[0].square().sum().backward()
        optimiser.step()
    assert (module.table.weight[UNKNOWN] == 0).all() and (module.table.weight[2:] != before[2:]).any(1).all()
