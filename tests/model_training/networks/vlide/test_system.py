"""VLIDE whole: what reaches what, what each switch learns, and that its graphs are the network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from model_training import configs
from model_training.configs.head_weights import EFN
from model_training.learning.head_losses import edges, pooled
from model_training.networks.vlide.config import VlideConfig
from model_training.networks.vlide.system import Vlide, of_words
from tests.model_training.networks.systems import (
    clips,
    overfitted,
    squares,
    stirred,
    streaming_error,
    vlide,
    without_gradient,
)

TOGETHER: list[dict[str, Any]] = [
    {},
    {"dec": "efn", "levels": (2, 3, 4, 5), "lang_frames": "shared", "lvam": "dense", "st": "mean", "knorm": "delta"},
    {"levels": (4, 5), "lvam": "coatt", "order": "language-first", "lguide": "gate", "knorm": "softmax9", "refs": 2},
    {"levels": (), "st": "none", "refs": 0, "kgroups": 1, "dils": (1, 2, 3), "c5_stride": 2},
    {"refs": 0, "resid": "norm", "order": "parallel", "scale": False, "lmdf": False},
]
"""Every switch in one of them."""
CLIP, WORDS = clips(2, 2), torch.tensor([[[2, 3, 4], [5, 0, 0]], [[6, 7, 0], [8, 9, 10]]])


@pytest.mark.parametrize("backbone", ["resnet50", "resnet101", "wide_resnet101_2"])
def test_the_published_size_is_the_specifications(backbone: str) -> None:
    with torch.device("meta"):
        system = Vlide(VlideConfig(backbone=backbone))
        x, sizes = system.cnn.stage(0, torch.zeros(1, 3, 320, 320)), []
        for index in range(1, 5):
            x = system.cnn.stage(index, x)
            sizes.append((x.shape[1], x.shape[-1]))
    assert sizes == [(256, 80), (512, 40), (1024, 20), (2048, 20)]
    counts = {"resnet50": 23.5, "resnet101": 42.5, "wide_resnet101_2": 124.8}  # torchvision's, without its last layer
    assert abs(sum(p.numel() for p in system.cnn.parameters()) / 1e6 - counts[backbone]) < 0.1
    assert len(system.bert.encoder["layer"]) == 12 and system.bert.groups == (6, 9, 12)


@pytest.mark.parametrize(
    ("specials", "drawn"), [((101, 102), set()), (None, {"bert.embeddings.word_embeddings.weight"})]
)
def test_what_comes_from_files_learns_at_a_tenth(specials: tuple[int, int] | None, drawn: set[str]) -> None:
    config = replace(configs.load("vlide").network, specials=specials)
    with torch.device("meta"):
        system = Vlide(config)
    factors = {id(part): group.factor for group in system.parameter_groups() for part in group.parameters}
    slow = {name for name, part in system.named_parameters() if factors[id(part)] == 0.1}
    assert slow == {name for name, _ in system.named_parameters() if name.startswith(("cnn.", "bert."))} - drawn
    assert {group.factor for group in vlide().parameter_groups()} == {1.0}


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("levels", [(3, 4, 5), (4, 5), (2, 3, 4, 5)])
def test_starts_as_the_plain_cnn_and_the_plain_language_encoder(levels: tuple[int, ...], train: bool) -> None:
    """With the zero start no VLMG changes anything: C_5 and the words are those of the streams alone."""
    system = vlide(levels=levels).train(train)
    seen: dict[str, torch.Tensor] = {}
    system.vlmg["5"].register_forward_hook(lambda _, __, out: seen.update(features=out.features, states=out.states))
    words = WORDS[:, :1]  # of more the batch is larger, and convolutions round in another way
    system(CLIP, words)
    x = system.pixels(CLIP.flatten(0, 1))
    for index in range(5):
        x = system.cnn.stage(index, x)
    states, mask = system.bert.embed(words.flatten(0, 1))
    for index in range(3):
        states = system.bert.group(index, states, mask)
    assert torch.equal(seen["features"], x)
    assert torch.allclose(seen["states"].unflatten(0, (2, 2))[:, 0][mask], states[mask], atol=1e-6)


def test_the_sentence_of_level_2_depends_on_the_words() -> None:
    """No layer of the language encoder has run there, so [CLS] alone would say the same of every expression."""
    system, told = stirred(vlide(levels=(2, 3, 4, 5))), []
    system.vlmg["2"].sentence.register_forward_hook(lambda _, __, out: told.append(out))
    for words in (WORDS, torch.nn.functional.pad(WORDS, (0, 1))):
        system(CLIP, words)
    one, padded = told
    assert torch.allclose(one, padded) and one.unflatten(0, (4, 2))[:, -1].std(0).min() > 1e-3


def test_level_3_reaches_the_next_group_of_the_language_encoder() -> None:
    system = vlide().double().eval()
    inputs: list[torch.Tensor] = []
    system.bert.encoder["layer"][1].register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
    system(CLIP, WORDS)
    with torch.no_grad():
        system.vlmg["3"].to_words.output.weight.normal_()
    system(CLIP, WORDS)
    assert not torch.allclose(*inputs)
    system(clips(2, 2, seed=5), WORDS)
    assert not torch.allclose(inputs[1], inputs[2])


def test_a_reference_reaches_the_answer_through_lmdf_alone() -> None:
    other = CLIP.clone()
    other[:, 0] = clips(2, 1, seed=5)[:, 0]
    system = stirred(vlide())
    assert not torch.allclose(system(CLIP, WORDS).logits, system(other, WORDS).logits)
    for lmdf in system.lmdf:
        torch.nn.init.zeros_(lmdf.output.weight)
    assert torch.allclose(system(CLIP, WORDS).logits, system(other, WORDS).logits, atol=1e-12, rtol=0)


@pytest.mark.parametrize("fields", [{"refs": 2}, {"refs": 2, "lang_frames": "shared"}])
def test_the_order_of_references_is_nothing(fields: dict[str, Any]) -> None:
    system, clip = stirred(vlide(**fields)), clips(1, 3)
    one, two = (system(frames, WORDS[:1]).logits for frames in (clip, clip[:, [1, 0, 2]]))
    assert torch.allclose(one, two)


@pytest.mark.parametrize("fields", TOGETHER)
def test_padding_and_batches_change_nothing(fields: dict[str, Any]) -> None:
    system = stirred(vlide(**fields))
    whole = system(CLIP, WORDS)
    padded = system(CLIP, torch.nn.functional.pad(WORDS, (0, 3)))
    assert (whole.logits - padded.logits).abs().max() < 1e-9
    assert (whole.presence - padded.presence).abs().max() < 1e-9
    assert (whole.word_attention - padded.word_attention[..., :3]).abs().max() < 1e-9
    assert torch.allclose(whole.word_attention.sum(-1), torch.ones_like(whole.word_attention[..., 0]))
    for frame in range(2):
        for expression in range(2):
            alone = system(CLIP[frame : frame + 1], WORDS[frame : frame + 1, expression : expression + 1])
            assert (alone.logits[0, 0] - whole.logits[frame, expression]).abs().max() < 1e-9


@pytest.mark.parametrize("fields", TOGETHER)
def test_no_word_one_word_and_a_black_frame_are_no_trouble(fields: dict[str, Any]) -> None:
    answer = vlide(**fields).eval()(torch.zeros(1, 1, 64, 64, 3).byte(), torch.tensor([[[0, 0, 0, 0], [2, 0, 0, 0]]]))
    assert all(torch.isfinite(part).all() for part in answer[:3])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_words_of_which_nothing_is_left_share_equally(dtype: torch.dtype) -> None:
    """[CLS] or [SEP] may take all, to the last bit; the answer is worth no less for it."""
    mask = torch.arange(6)[None] < torch.tensor([[5], [5], [2]])
    weights = torch.tensor([[[1, 0, 0, 0, 0, 0]], [[0.2, 0.05, 0.15, 0.4, 0.2, 0]], [[0, 1, 0, 0, 0, 0]]], dtype=dtype)
    wanted = torch.tensor([[[1, 1, 1, 0]], [[0.25, 0.75, 2, 0]], [[3, 0, 0, 0]]], dtype=dtype) / 3
    assert torch.allclose(of_words(weights, mask), wanted, atol=1e-3)


def test_the_heads_go_from_coarse_to_fine() -> None:
    answer = vlide()(CLIP, WORDS)
    assert [tuple(part.shape) for part in (*answer.coarse, answer.logits)] == [
        (2, 2, side, side) for side in (4, 4, 8, 16, 64)
    ]
    assert not answer.edges


def test_edges_and_bodies_are_further_heads_of_efn() -> None:
    answer = vlide(dec="efn")(CLIP, WORDS)
    assert len(answer.edges) == 4 and len(answer.coarse) == 7 and answer.logits.shape == (2, 2, 64, 64)


UNFELT = ("attention.self.key.bias", "down.1.weight")
"""Ends of names that have no gradient by construction: no softmax feels BERT's bias of the keys, and what EFN's first
norm in a warp scales, the second one divides by its scale.
"""


@pytest.mark.parametrize("fields", [{}, {"dec": "efn"}, {"levels": (2, 3, 4, 5), "order": "language-first"}])
def test_every_parameter_learns_in_two_steps(fields: dict[str, Any]) -> None:
    left = [name for name in without_gradient(vlide(**fields).double()) if not name.endswith(UNFELT)]
    if (
        fields.get("order") == "language-first"
    ):  # F shifts C_5 alone then, and the norm that follows takes it away again
        left = [name for name in left if not (name.startswith("vlmg.5.look.") and name.endswith(".bias"))]
    assert left == []


@pytest.mark.parametrize("fields", TOGETHER)
def test_every_switch_overfits_a_batch(fields: dict[str, Any]) -> None:
    assert overfitted(vlide(**fields)) >= 0.9


def test_efn_overfits_a_batch_with_its_own_weights_and_learns_its_outlines() -> None:
    system = vlide(dec="efn", reduced_channels=64)  # its finest map has an eighth of them
    assert overfitted(system, rate=1e-2, weights=EFN) >= 0.9
    clip, words, masks = squares()
    for logits in system(clip, words).edges:
        found, outline = logits > 0, edges((pooled(masks, logits) >= 0.5).float()) > 0
        assert (found & outline).sum() >= 0.9 * (found | outline).sum()


@pytest.mark.parametrize("fields", TOGETHER)
def test_graphs_are_the_network(fields: dict[str, Any]) -> None:
    """However the switches join the layers. In ONNX test_kinds has the default, and test_layers_in_onnx each layer."""
    assert streaming_error(stirred(vlide(**fields))) < 1e-9


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"lmdf": False}, "refs is 1, but without LMDF, .*; set refs to 0"),
        ({"st": "none"}, "refs is 1, but .* with st 'none', .*; set refs to 0"),
        ({"width": 100}, "the input is 64x100; both must be multiples of 32"),
        ({"levels": (1, 3)}, "levels are .*; they must be of 2, 3, 4 and 5"),
        ({"lvam": "x"}, "lvam 'x' is unknown; choose one of pooled, dense, coatt"),
        ({"order": "x"}, "order 'x' is unknown"),
        ({"st": "x"}, "st 'x' is unknown; choose one of attention, mean, none"),
        ({"knorm": "x"}, "knorm 'x' is unknown"),
        ({"dec": "x"}, "dec 'x' is unknown"),
        ({"lang_frames": "x"}, "lang_frames 'x' is unknown"),
        ({"widths": None, "backbone": "x"}, "backbone 'x' is unknown"),
    ],
)
def test_what_there_is_not_is_refused_in_a_line(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        vlide(**fields)
