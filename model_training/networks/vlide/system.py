"""VLIDE whole: a CNN and a language encoder that run stage by stage together, and one decoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model_training.networks.base import Answer, Graph, ParameterGroup, System, Window
from model_training.networks.config import chosen
from model_training.networks.layers.blocks import convolution
from model_training.networks.layers.clips import whole_window, window_of
from model_training.networks.layers.pixels import Pixels
from model_training.networks.layers.presence import Presence
from model_training.networks.layers.residual import StagedResNet
from model_training.networks.vlide.bert import Bert
from model_training.networks.vlide.config import VlideConfig
from model_training.networks.vlide.decoder import TopDown
from model_training.networks.vlide.efn import EfnDecoder
from model_training.networks.vlide.lmdf import LMDF
from model_training.networks.vlide.vlmg import VLMG
from refseg_ros.engines.reach import IMAGE, PAST, WORDS

LEVELS = (3, 4, 5)
"""Stages of the CNN that meet a group of the language encoder's layers, and that LMDF updates."""

FLOOR = 1e-4
"""The least attention of a word before [CLS] and [SEP] are left out; 16 bits hold it."""

DECODERS = {"topdown": TopDown, "efn": EfnDecoder}
LANGUAGE_OF_FRAMES = {name: name for name in ("own", "shared")}


class Vlide(System):
    """At level i the CNN's stage and the language encoder's group run on what the level before has made of both
    [paper]; the reference frames go through the same encoder [inferred].
    """

    words_table = "bert.embeddings.word_embeddings.weight"

    def __init__(self, config: VlideConfig) -> None:
        super().__init__()
        if config.height % 32 or config.width % 32:
            raise ValueError(f"the input is {config.height}x{config.width}; both must be multiples of 32")
        if not set(config.levels) <= {2, *LEVELS}:
            raise ValueError(f"levels are {config.levels}; they must be of 2, 3, 4 and 5")
        if config.refs and (not config.lmdf or config.st == "none"):
            raise ValueError(
                f"refs is {config.refs}, but without LMDF, or with st 'none', such frames have no effect; set refs to 0"
            )
        self.config, self.window = config, Window(config.refs)
        self.own_words = chosen("lang_frames", config.lang_frames, LANGUAGE_OF_FRAMES) == "own"
        self.pixels = Pixels(imagenet_norm=True)
        self.cnn = StagedResNet(config.backbone, config.widths, config.c5_stride)
        self.bert = Bert(config)
        channels = self.cnn.channels
        self.vlmg = nn.ModuleDict({str(i): VLMG(channels[i - 1], config, encoded=i in LEVELS) for i in config.levels})
        self.reduce = nn.ModuleList(convolution(channels[i - 1], config.reduced_channels, 1) for i in LEVELS)
        self.lmdf = nn.ModuleList(LMDF(config) for _ in LEVELS) if config.lmdf else None
        decoder = chosen("dec", config.dec, DECODERS)
        self.decoder = decoder(config.reduced_channels, channels[1], channels[0])
        self.presence = Presence(self.decoder.finest_channels, config.text_channels)
        self.wordless = min(config.levels, default=5)
        """The last stage that runs before any word comes in."""
        self.kept = tuple(range(min(3, self.wordless), self.wordless + 1))
        """Those of these stages that the reference frames need too."""
        self.read = 2 if 2 in config.levels else 3
        """`text` runs the language layers up to this level; at 2 it is the embedding alone."""

    def forward(self, clip: Tensor, words: Tensor) -> Answer:
        """As System.forward."""
        clip = whole_window(clip, self.window)
        stages = {
            index: repeated(stage.unflatten(0, clip.shape[:2]), words.shape[1])
            for index, stage in self.stem(clip.flatten(0, 1)).items()
        }
        answer = self.answer(stages, *self.text(words.flatten(0, 1)))
        lead = words.shape[:2]
        whole = (part.unflatten(0, lead) for part in answer[:3])
        heads = (tuple(part.unflatten(0, lead) for part in parts) for parts in answer[3:])
        return Answer(*whole, *heads)

    def stem(self, images: Tensor) -> dict[int, Tensor]:
        """(B, H, W, 3) uint8 -> the stages that no word reaches, (B, C_i, h_i, w_i) by i; stage 1 after max-pooling."""
        x = self.cnn.stage(0, self.pixels(images))
        stages = {1: self.cnn.maxpool(x)}
        for index in range(2, self.wordless + 1):
            stages[index] = x = self.cnn.stage(index - 1, x)
        return stages

    def text(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """(M, N) ids -> states (M, N + 2, C_l) before they meet the CNN, and (M, N + 2) bool."""
        states, mask = self.bert.embed(words)
        return (self.bert.group(0, states, mask) if self.read == 3 else states), mask

    def answer(self, stages: dict[int, Tensor], states: Tensor, mask: Tensor) -> Answer:
        """Stages from `stem` of F frames, (M, F, C, h, w) by stage with the target last, and the result of `text` for M
        expressions -> an answer without the axis of the expressions.

        Stages that are not `kept` may have the target alone.
        """
        count, frames = stages[self.wordless].shape[:2]
        copies = frames if self.own_words else 1
        states, own_mask, each_mask = repeated(states, copies), repeated(mask, copies), repeated(mask, frames)
        c2, reduced, weights = stages[2][:, -1], [], []
        x = stages[self.kept[0]]
        for level in range(self.kept[0], 6):
            x = stages[level].flatten(0, 1) if level in self.kept else self.cnn.stage(level - 1, x)
            if level > self.read:
                states = self.bert.group(level - 3, states, own_mask)
            if level in self.config.levels:
                x, told, listened = self.vlmg[str(level)](x, repeated(states, frames // copies), each_mask)
                states = told.unflatten(0, (count, frames))[:, -copies:].flatten(0, 1)
                weights.append(listened.unflatten(0, (count, frames))[:, -1])
            by_frame, of_target = x.unflatten(0, (count, frames)), states.unflatten(0, (count, copies))[:, -1]
            if level == 2:
                c2 = by_frame[:, -1]
            else:
                reduced.append(self.updated(level, by_frame, of_target, mask))
        decoded = self.decoder(reduced, c2, stages[1][:, -1])
        presence = self.presence(decoded.finest, of_target[:, 0], decoded.mask)
        attention = torch.stack(weights, 1) if weights else torch.ones_like(states[:, None, :, 0])[:count]
        coarse, edges = (tuple(part.squeeze(1) for part in parts) for parts in (decoded.coarse, decoded.edges))
        return Answer(decoded.mask.squeeze(1), presence, of_words(attention, mask), coarse, edges)

    def updated(self, level: int, features: Tensor, states: Tensor, mask: Tensor) -> Tensor:
        """C_i (M, F, C, h, w) and the target's words -> X' (M, C', h, w) of the target."""
        lead = features.shape[:2]
        reduced = self.reduce[level - 3](features.flatten(0, 1)).unflatten(0, lead)
        if self.lmdf is None:
            return reduced[:, -1]
        return self.lmdf[level - 3](reduced[:, -1], reduced[:, :-1], states, mask)

    def graphs(self) -> list[Graph]:
        """`stem`, all that needs no words, runs once a frame; `text` runs once a query; `answer` is the rest."""
        names = [f"c{index}" for index in range(1, self.wordless + 1)]
        past = {f"{PAST}c{index}": {0: "past"} for index in self.kept} if self.config.refs else {}
        queries = {0: "queries"}
        joined = {"word_states": queries, "word_mask": queries}
        return [
            Graph("stem", Stem(self), {IMAGE: {0: "batch"}}, tuple(names)),
            Graph("text", Text(self), {WORDS: queries}, tuple(joined)),
            Graph(
                "answer",
                AnswerGraph(self),
                past | {name: {} for name in names} | joined,
                ("logits", "presence", "word_attention"),
            ),
        ]

    def parameter_groups(self) -> list[ParameterGroup]:
        """In the published size the CNN and BERT come from files, and learn at a tenth of the rate [inferred from
        LBDT's code]. What starts from random weights learns at the full rate: a word table that is not BERT's, and both
        encoders of the small size.
        """
        cnn, bert = list(self.cnn.parameters()), list(self.bert.parameters())
        if self.config.specials is None:
            table = self.bert.embeddings.word_embeddings.weight
            bert = [parameter for parameter in bert if parameter is not table]
        known = {id(parameter) for parameter in (*cnn, *bert)}
        rest = [parameter for parameter in self.parameters() if id(parameter) not in known]
        factor = 0.1 if self.config.widths is None else 1.0
        return [
            ParameterGroup("cnn", cnn, factor, encoder=True),
            ParameterGroup("bert", bert, factor),
            ParameterGroup("rest", rest),
        ]


def repeated(rows: Tensor, times: int) -> Tensor:
    """(M, ...) -> (M * times, ...), the copies of a row side by side."""
    return rows.repeat_interleave(times, 0) if times > 1 else rows


def of_words(weights: Tensor, mask: Tensor) -> Tensor:
    """(M, L, N + 2) attention -> (M, L, N) without [CLS] and [SEP], rows sum to one; an expression without words leaves
    all to its first place. Where [CLS] and [SEP] have taken all, the words share it equally: each has the floor, which
    moves the other shares by no more than their fourth digit.
    """
    real = mask[:, 2:] | (torch.arange(mask.shape[1] - 2, device=mask.device) == 0)
    kept = weights[..., 1:-1].clamp(min=FLOOR) * real[:, None]
    return kept / kept.sum(-1, keepdim=True)


class Stem(nn.Module):
    """A frame -> the stages that no word reaches."""

    def __init__(self, system: Vlide) -> None:
        super().__init__()
        self.system = system

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """(B, H, W, 3) uint8 RGB."""
        return tuple(self.system.stem(image).values())


class Text(nn.Module):
    """Expressions -> states and mask."""

    def __init__(self, system: Vlide) -> None:
        super().__init__()
        self.system = system

    def forward(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """(Q, N) int64."""
        return self.system.text(words)


class AnswerGraph(nn.Module):
    """One frame's stages, those of earlier frames, and Q expressions -> masks."""

    def __init__(self, system: Vlide) -> None:
        super().__init__()
        self.system = system

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """The inputs as `Vlide.graphs` names them -> logits (Q, h, w), presence (Q,), word attention (Q, L, N)."""
        system = self.system
        *arrays, states, mask = inputs
        now = arrays[-system.wordless :]
        stages = {index: stage[None] for index, stage in enumerate(now, 1)}
        for index, past in zip(system.kept, arrays[: -system.wordless], strict=False):
            stages[index] = window_of(past, now[index - 1], system.window)[None]
        count = states.shape[0]
        shared = {index: stage.expand(count, *stage.shape[1:]) for index, stage in stages.items()}
        answer = system.answer(shared, states, mask)
        return answer.logits, answer.presence, answer.word_attention
