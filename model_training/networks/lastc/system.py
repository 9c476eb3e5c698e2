"""LASTC whole: two encoders with their words, and one decoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model_training.networks.base import Answer, Graph, ParameterGroup, System, Window
from model_training.networks.config import chosen
from model_training.networks.lastc.config import LastcConfig
from model_training.networks.lastc.decoder import Decoder
from model_training.networks.lastc.i3d import I3D, Factorised
from model_training.networks.lastc.lasp import Language
from model_training.networks.lastc.stream import Stream, Streamed
from model_training.networks.lastc.words import WordEncoder
from model_training.networks.layers.clips import whole_window, window_of
from model_training.networks.layers.pixels import Pixels
from model_training.networks.layers.presence import Presence
from model_training.networks.layers.residual import StagedResNet
from refseg_ros.engines.reach import IMAGE, PAST, WORDS

SENTENCES = {name: name for name in ("mean", "cmam", "sum")}


class Lastc(System):
    """A 2-D encoder on the target frame and a 3-D encoder on the clip [paper]; the words go into every stage."""

    words_table = "text.table.weight"

    def __init__(self, config: LastcConfig) -> None:
        super().__init__()
        if config.height % 32 or config.width % 32:
            raise ValueError(f"the input is {config.height}x{config.width}; both must be multiples of 32")
        chosen("sent", config.sent, SENTENCES)
        self.config, self.window = config, Window(config.before, config.after)
        text = config.text_channels
        self.pixels = Pixels(config.imagenet_norm)
        self.text = WordEncoder(config.vocabulary, config.word_channels, text)
        self.spatial = Stream(StagedResNet(widths=config.widths), 2, config)
        self.temporal = Stream(Factorised(config.widths) if config.widths else I3D(), 3, config)
        self.join = nn.Linear(2 * text, text)
        encoders = self.spatial.encoder, self.temporal.encoder
        self.decoder = Decoder(encoders[0].channels, encoders[1].channels, config)
        self.presence = Presence(config.decoder_channels, text)

    def forward(self, clip: Tensor, words: Tensor) -> Answer:
        """As System.forward."""
        firsts = self.first(self.pixels(whole_window(clip, self.window)))
        features, mask = self.text(words.flatten(0, 1))
        expressions = words.shape[1]
        answer = self.answer(*(first.repeat_interleave(expressions, 0) for first in firsts), features, mask)
        parts = (answer.logits, answer.presence, answer.word_attention)
        whole, presence, weights = (part.unflatten(0, words.shape[:2]) for part in parts)
        coarse = tuple(mask.unflatten(0, words.shape[:2]) for mask in answer.coarse)
        return Answer(whole, presence, weights, coarse)

    def first(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """A whole window (B, T, 3, H, W) as `pixels` gives it -> the first stages, which no word has reached.

        They are (B, C, H/2, W/2) of the target and (B, C, T_1, H/2, W/2) of the clip.
        """
        return self.spatial.first(frames[:, self.window.before]), self.temporal.first(frames.transpose(1, 2))

    def answer(self, spatial: Tensor, temporal: Tensor, words: Tensor, mask: Tensor) -> Answer:
        """What `first` gave and L (M, N, C_l), (M, N) bool -> an answer without the axis of the expressions."""
        # Both streams start from the same words [code].
        seen, moved = self.spatial(spatial, words, mask), self.temporal(temporal, words, mask)
        language = self.language(seen, moved, mask)
        decoded = self.decoder(seen.features, self.picked(moved), language)
        *coarse, whole = (logits.squeeze(1) for logits in decoded.masks)
        presence = self.presence(decoded.finest, language.sentence, decoded.masks[-1])
        return Answer(whole, presence, torch.cat([seen.weights, moved.weights], 1), tuple(coarse))

    def picked(self, moved: Streamed) -> list[Tensor]:
        """The temporal stages at the target's time: 2, 2, 2, 1, 0 of 4, 4, 4, 2, 1 where it is frame 4 of 8 [code]."""
        place, frames = self.window.before, self.window.frames
        return [stage[:, :, place * stage.shape[2] // frames] for stage in moved.features]

    def language(self, seen: Streamed, moved: Streamed, mask: Tensor) -> Language:
        """What the decoder knows of the words: W [of the spatial stream; of the temporal one]."""
        words = self.join(torch.cat([seen.words, moved.words], -1))
        if self.config.sent == "cmam":
            return Language(self.join(torch.cat([seen.context, moved.context], -1)), words, mask)
        whole = (torch.cat([seen.words, moved.words], -1) * mask[..., None]).sum(1)
        if self.config.sent == "mean":
            whole = whole / mask.sum(-1, keepdim=True)
        return Language(self.join(whole), words, mask)

    def graphs(self) -> list[Graph]:
        """`stem`, all that needs no words, runs once a frame; `text` runs once a query; `answer` is the rest."""
        queries = {0: "queries"}
        firsts = ("spatial_1", "temporal_1")
        return [
            Graph("stem", Stem(self), {PAST + IMAGE: {0: "past"}, IMAGE: {}}, firsts),
            Graph("text", self.text, {WORDS: queries}, ("word_features", "word_mask")),
            Graph(
                "answer",
                AnswerGraph(self),
                {"spatial_1": {}, "temporal_1": {}, "word_features": queries, "word_mask": queries},
                ("logits", "presence", "word_attention"),
            ),
        ]

    def parameter_groups(self) -> list[ParameterGroup]:
        """One rate for all [code]; the encoders are a group of their own, so that `encoder_factor` can slow them."""
        encoders = [*self.spatial.encoder.parameters(), *self.temporal.encoder.parameters()]
        known = {id(parameter) for parameter in encoders}
        rest = [parameter for parameter in self.parameters() if id(parameter) not in known]
        return [ParameterGroup("encoders", encoders, encoder=True), ParameterGroup("rest", rest)]


class Stem(nn.Module):
    """Frames of a stream -> the first stages."""

    def __init__(self, system: Lastc) -> None:
        super().__init__()
        self.system = system

    def forward(self, past: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
        """(L, H, W, 3) the oldest first, and (1, H, W, 3), uint8 RGB."""
        system = self.system
        return system.first(window_of(system.pixels(past), system.pixels(image), system.window)[None])


class AnswerGraph(nn.Module):
    """One frame's first stages and Q expressions -> masks."""

    def __init__(self, system: Lastc) -> None:
        super().__init__()
        self.system = system

    def forward(self, spatial: Tensor, temporal: Tensor, words: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        """(1, ...) and (Q, ...) -> logits (Q, h, w), presence (Q,), word attention (Q, L, N)."""
        count = words.shape[0]
        firsts = (first.expand(count, *first.shape[1:]) for first in (spatial, temporal))
        answer = self.system.answer(*firsts, words, mask)
        return answer.logits, answer.presence, answer.word_attention
