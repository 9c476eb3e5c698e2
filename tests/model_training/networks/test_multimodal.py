"""Every way to make f^_p: against the equations as written, and padding, which must not change it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from model_training.networks.ablations.attention import ATTENTIONS
from model_training.networks.ablations.choice import multimodal
from model_training.networks.ablations.pairwise import PairwiseSelfAttention
from model_training.networks.ablations.pooling import POOLINGS
from model_training.networks.ablations.recurrent import MultimodalLSTM, Sentence
from model_training.networks.cmsa.attention import CrossModalSelfAttention
from model_training.networks.config import NetworkConfig
from tests.model_training import literal
from tests.model_training.comparing import VALUES, asked, check_equal, draw, randomise

SIZE = (3, 2)
POSITIONS, WORDS, SPATIAL, LANGUAGE = 6, 3, 7 + 8, 4
CONFIG = NetworkConfig(vocabulary=9, word_channels=LANGUAGE, attention_channels=3, fusion_channels=5)
ATTEND = [name for name in ATTENTIONS if name != "none"]
FORMS = {
    "plain": {},
    "cosine": {"cosine_attention": True},
    "pooled": {"cosine_attention": True, "pooled_attention": True},
}
POOL = pytest.mark.parametrize("pooling", POOLINGS)


def module(config: NetworkConfig) -> nn.Module:
    return randomise(multimodal(config, SPATIAL, SIZE))


def everything(words: int) -> Tensor:
    return torch.ones(words, dtype=torch.bool)


def inputs() -> tuple[Tensor, Tensor]:
    return draw(POSITIONS, SPATIAL), draw(WORDS, LANGUAGE, seed=1)


@pytest.mark.parametrize(
    ("form", "pooling"),  # the greatest over words has no pooled form
    [(form, pooling) for form in FORMS for pooling in POOLINGS if (form, pooling) != ("pooled", "max")],
)
@pytest.mark.parametrize("attention", ATTEND)
def test_each_attention_and_pooling_equals_its_equations(attention: str, pooling: str, form: str) -> None:
    gain = 2.0 if pooling == "word" else 1.0
    made = module(replace(CONFIG, attention=attention, pooling=pooling, word_attention_gain=gain, **FORMS[form]))
    assert isinstance(made, CrossModalSelfAttention)
    x, e = inputs()

    def theirs() -> list[Tensor]:
        attended = literal.cross_modal(made, x, e, pooling)
        return [attended.pooled, attended.words]

    check_equal(lambda: asked(made, x, e, everything(WORDS))[:2], theirs, [x, e, *made.parameters()])


@POOL
def test_without_attention_the_features_are_pooled_as_they_are(pooling: str) -> None:
    made = module(replace(CONFIG, attention="none", pooling=pooling))
    assert list(made.parameters()) == []
    x, e = inputs()
    equal = "mean" if pooling == "word" else pooling  # no word receives attention

    def theirs() -> list[Tensor]:
        return list(literal.pool(equal, literal.multimodal(x, e), torch.zeros(WORDS), 1.0))[::-1]

    check_equal(lambda: asked(made, x, e, everything(WORDS))[:2], theirs, [x, e])


@pytest.mark.parametrize("cosine", [False, True], ids=["plain", "cosine"])
@pytest.mark.parametrize("rectified", [False, True], ids=["linear", "rectified"])
@pytest.mark.parametrize(
    ("key_pooling", "pooling"),
    [(window, pooling) for window in ((1, 1, 1), (1, 2, 2)) for pooling in POOLINGS]
    + [((2, 2, 2), pooling) for pooling in ("max", "mean")],
    ids=str,
)
def test_the_cvpr_form_equals_its_equations(
    key_pooling: tuple[int, int, int], rectified: bool, pooling: str, cosine: bool
) -> None:
    made = PairwiseSelfAttention(SPATIAL, LANGUAGE, 12, cosine, 2.0, pooling, SIZE, rectified, key_pooling)
    randomise(made)
    x, e = inputs()

    def theirs() -> list[Tensor]:
        return list(literal.pairwise(made, x, e, pooling))[::-1]

    check_equal(lambda: asked(made, x, e, everything(WORDS))[:2], theirs, [x, e, *made.parameters()])


def test_without_relu_and_pooling_the_cvpr_form_is_the_paper_s() -> None:
    form = PairwiseSelfAttention(SPATIAL, LANGUAGE, 3, False, 2.0, "word", SIZE, False, (1, 1, 1))
    randomise(form)
    paper = CrossModalSelfAttention(SPATIAL, LANGUAGE, 3, gain=2.0).double()
    paper.load_state_dict(form.state_dict())
    x, e = inputs()
    for a, b in zip(asked(form, x, e, everything(WORDS)), asked(paper, x, e, everything(WORDS)), strict=True):
        assert (a - b).abs().max() < VALUES


def test_the_multimodal_lstm_equals_its_equations() -> None:
    made = module(replace(CONFIG, representation="rmi-lstm"))
    assert isinstance(made, MultimodalLSTM)
    x, e = inputs()

    def ours() -> list[Tensor]:
        features, _, sentence = asked(made, x[None], e[None], everything(WORDS)[None])
        return [features[0], sentence[0]]

    check_equal(ours, lambda: literal.multimodal_lstm(made, x, e), [x, e, *made.parameters()])


def test_a_sentence_is_the_last_state_of_an_lstm() -> None:
    sentence = Sentence(LANGUAGE)
    randomise(sentence)
    e = draw(2, WORDS, LANGUAGE)
    mask = torch.tensor([[True, True, True], [True, True, False]])

    def ours() -> list[Tensor]:
        vectors, there, weights = sentence(e, mask)
        assert there.tolist() == [[True], [True]]
        assert weights.tolist() == [[1 / 3] * 3, [0.5, 0.5, 0]]
        return [vectors[:, 0]]

    def theirs() -> list[Tensor]:
        return [torch.stack([literal.lstm(sentence.lstm, e[0])[-1], literal.lstm(sentence.lstm, e[1, :2])[-1]])]

    check_equal(ours, theirs, [e, *sentence.parameters()])


SWITCHES = {
    "max": {"pooling": "max"},
    "mean": {"pooling": "mean"},
    "word": {"attention": "word"},
    "pixel": {"attention": "pixel"},
    "pair": {"attention": "pair", "cosine_attention": True, "pooled_attention": True},
    "none": {"attention": "none"},
    "none, max": {"attention": "none", "pooling": "max"},
    "rectified": {"rectified": True},
    "keys": {"key_pooling": (1, 2, 2), "cosine_attention": True},
    "cvpr": {"rectified": True, "key_pooling": (2, 2, 2), "pooling": "mean"},
    "cvpr, max": {"rectified": True, "key_pooling": (2, 2, 2), "pooling": "max"},
    "rmi-lstm": {"representation": "rmi-lstm"},
    "rrn-cnn": {"representation": "rrn-cnn"},
}


@pytest.mark.parametrize("switch", SWITCHES)
def test_padding_changes_nothing_and_expressions_are_independent(switch: str) -> None:
    made = module(replace(CONFIG, **SWITCHES[switch]))
    x, e = draw(2, 1, POSITIONS, SPATIAL), draw(2, 3, 5, LANGUAGE, seed=1)
    lengths = [[5, 3, 1], [2, 4, 5]]
    mask = torch.arange(5) < torch.tensor(lengths)[..., None]
    together = asked(made, x, e, mask)
    assert together.features.shape == (2, 3, POSITIONS, made.channels)
    assert (together.weights.sum(-1) - 1).abs().max() < VALUES and (together.weights[~mask] == 0).all()
    for b, i in ((0, 1), (1, 0), (1, 2)):
        n = lengths[b][i]
        alone = asked(made, x[b, :1], e[b, i : i + 1, :n], everything(n)[None])
        assert (together.features[b, i] - alone.features[0]).abs().max() < VALUES
        assert (together.weights[b, i, :n] - alone.weights[0]).abs().max() < VALUES
        assert (together.sentence[b, i] - alone.sentence[0]).abs().max() < VALUES


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"pooling": "sum"}, "pooling 'sum' is unknown; choose one of max, mean, word"),
        ({"attention": "self"}, "attention 'self' is unknown; choose one of none, word, pixel, pair, cross-modal"),
        (
            {"representation": "bert"},
            "representation 'bert' is unknown; choose one of words, sentence, rmi-lstm, rrn-cnn",
        ),
    ],
)
def test_what_there_is_not_is_named(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        multimodal(replace(CONFIG, **wrong), SPATIAL, SIZE)
