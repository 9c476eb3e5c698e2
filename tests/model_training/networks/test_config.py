"""A field of NetworkConfig that would do nothing, or harm, is refused with what to choose instead."""

from __future__ import annotations

import pytest

from model_training import configs
from model_training.networks.config import NetworkConfig

COSINE = {"cosine_attention": True}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"pooled_attention": True}, "pooled_attention is unsafe without bounded logits; set cosine_attention"),
        ({**COSINE, "pooled_attention": True, "pooling": "max"}, "pooled_attention has no effect"),
        ({**COSINE, "pooled_attention": True, "rectified": True}, "pooled_attention has no effect"),
        ({**COSINE, "pooled_attention": True, "key_pooling": (1, 2, 2)}, "pooled_attention has no effect"),
        ({**COSINE, "pooled_attention": True, "attention": "none"}, "pooled_attention has no effect without CMSA"),
        ({**COSINE, "pooled_attention": True, "representation": "rmi-lstm"}, "pooled_attention has no effect without"),
        ({"modulation": True}, "modulation has no effect without batch_norm"),
        ({"rounds": (1, 2, 1)}, r"rounds \(1, 2, 1\): later rounds need batch_norm"),
        ({"attention": "word", "rectified": True}, "attention 'word' does not go with rectified"),
        ({"key_pooling": (2, 2, 2)}, r"key_pooling \(2, 2, 2\) merges words"),
        ({"word_attention_gain": 2.0, "pooling": "mean"}, "word_attention_gain has no effect unless"),
        ({"word_attention_gain": 2.0, "attention": "none"}, "word_attention_gain has no effect unless"),
        ({"word_attention_gain": 2.0, "representation": "rmi-lstm"}, "word_attention_gain has no effect unless"),
        ({"word_attention_gain": 2.0, "representation": "sentence"}, "word_attention_gain has no effect unless"),
        ({"representation": "sentence", "pooling": "mean"}, "pooling 'mean' has no effect with representation 'sent"),
        ({"representation": "rmi-lstm", "attention": "pixel"}, "'rmi-lstm' stands in the place of CMSA"),
        ({"representation": "rrn-cnn", "pooling": "max"}, "'rrn-cnn' stands in the place of CMSA"),
        ({"attention": "none", "key_pooling": (1, 2, 2)}, "key_pooling has no effect without attention"),
    ],
)
def test_what_has_no_effect_is_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NetworkConfig(vocabulary=9, **wrong)


@pytest.mark.parametrize("fields", [{"batch_norm": True}, COSINE, {**COSINE, "pooled_attention": True}])
def test_each_of_the_three_stands_alone(fields: dict[str, bool]) -> None:
    assert NetworkConfig(vocabulary=9, **fields)


@pytest.mark.parametrize("name", [name for name in configs.CONFIGS if name.startswith("paper")])
def test_the_paper_s_configurations_have_nothing_beyond_the_paper(name: str) -> None:
    network = configs.load(name).network
    own = NetworkConfig(network.vocabulary, clip=network.clip)
    assert network == own and own.clip_values == "raw"
