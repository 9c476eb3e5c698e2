"""The language encoder: BERT's arithmetic in groups of layers."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from model_training.networks.vlide.bert import Bert
from model_training.networks.vlide.config import vlide_config
from tests.model_training.networks.systems import stirred

WORDS = torch.tensor([[3, 4, 5, 0], [6, 0, 0, 0], [0, 0, 0, 0], [2, 3, 4, 5]])


def bert() -> Bert:
    torch.manual_seed(0)
    config = vlide_config("small", vocabulary=12, text_channels=8, text_heads=2, groups=(1, 2, 3), positions=8)
    return stirred(Bert(config))


def test_words_stand_between_the_two_special_ones() -> None:
    module = bert()
    table = module.embeddings.word_embeddings.weight
    states, mask = module.embed(WORDS)
    assert mask.sum(1).tolist() == [5, 3, 2, 6] and states.shape == (4, 6, 8)
    pieces = [[12, 3, 4, 5, 13, 0], [12, 6, 13, 0, 0, 0], [12, 13, 0, 0, 0, 0], [12, 2, 3, 4, 5, 13]]
    places = module.embeddings.position_embeddings.weight[:6] + module.embeddings.token_type_embeddings.weight[0]
    wanted = module.embeddings.LayerNorm(table[torch.tensor(pieces)] + places)
    assert torch.allclose(states, wanted)


def test_a_layer_is_the_frameworks_transformer_layer() -> None:
    """With the same weights as torch.nn.TransformerEncoderLayer, normed after the sums, with the exact GELU."""
    module = bert()
    ours = module.encoder["layer"][0]
    theirs = torch.nn.TransformerEncoderLayer(8, 2, 32, 0.0, F.gelu, 1e-12, batch_first=True).double().eval()
    attention, out = ours.attention["self"], ours.attention["output"]
    parts = [attention.query, attention.key, attention.value]
    theirs.load_state_dict(
        {
            "self_attn.in_proj_weight": torch.cat([part.weight for part in parts]),
            "self_attn.in_proj_bias": torch.cat([part.bias for part in parts]),
            "self_attn.out_proj.weight": out.dense.weight,
            "self_attn.out_proj.bias": out.dense.bias,
            "norm1.weight": out.LayerNorm.weight,
            "norm1.bias": out.LayerNorm.bias,
            "linear1.weight": ours.intermediate["dense"].weight,
            "linear1.bias": ours.intermediate["dense"].bias,
            "linear2.weight": ours.output.dense.weight,
            "linear2.bias": ours.output.dense.bias,
            "norm2.weight": ours.output.LayerNorm.weight,
            "norm2.bias": ours.output.LayerNorm.bias,
        }
    )
    states, mask = module.embed(WORDS)
    with torch.no_grad():
        wanted = theirs(states, src_key_padding_mask=~mask)
        assert torch.allclose(ours(states, mask)[mask], wanted[mask])


def test_padding_is_nothing_to_the_words() -> None:
    module = bert()
    states, mask = module.embed(WORDS)
    longer, more = module.embed(F.pad(WORDS, (0, 2)))
    for index in range(3):
        states, longer = module.group(index, states, mask), module.group(index, longer, more)
    assert torch.allclose(states[mask], longer[more])


def test_names_are_berts() -> None:
    names = set(bert().state_dict())
    assert {
        "embeddings.word_embeddings.weight",
        "embeddings.position_embeddings.weight",
        "embeddings.token_type_embeddings.weight",
        "embeddings.LayerNorm.bias",
        "encoder.layer.2.attention.self.query.weight",
        "encoder.layer.2.attention.output.dense.bias",
        "encoder.layer.2.attention.output.LayerNorm.weight",
        "encoder.layer.2.intermediate.dense.weight",
        "encoder.layer.2.output.dense.weight",
        "encoder.layer.2.output.LayerNorm.weight",
    } <= names
