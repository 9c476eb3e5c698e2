"""LASTC and VLIDE: `lastc` and `vlide` in their published sizes, for any data set of videos, and the small ones for the
scenes of `tabletop`. Neither paper's recipe is public [inferred, from code of the same authors].

- The losses and the optimiser of `lastc` are those of CSTM's code [code: CSTM], those of `vlide` LBDT's [code: LBDT].
- A clip has the frames before the target alone, as a robot has them: seven for LASTC, whose predecessor looks at four
  before and three after; four for VLIDE. Each is two frames of the video after the one before it [code: CSTM; inferred
  for VLIDE].
- The small ones see `tabletop`'s clips of four frames, with the optimiser, steps and rate of its joint phase [ours];
  both have LBDT's losses.
"""

from dataclasses import replace

from model_training.configs import shipped
from model_training.configs.head_weights import CSTM, LBDT
from model_training.configs.schema import Config, LossWeights, Phase
from model_training.datasets.sample import ClipFrames
from model_training.networks.lastc.config import lastc_config
from model_training.networks.vlide.config import vlide_config

PUBLISHED = Config(
    name="lastc",
    network=lastc_config("lastc", "published", vocabulary=12112, before=7, after=0),
    phases=(Phase("joint", steps=100_000, frames=4, expressions=1, learning_rate=5e-4, schedule="poly"),),
    losses=LossWeights(dice=0.0, presence=0.1, heads=CSTM),
    clip=ClipFrames(past=7, stride=2),
    clip_interval=0.08,
    optimiser="adam",
    weight_decay=0.0,
)

_TABLETOP = {name: getattr(shipped.NETWORK, name) for name in ("vocabulary", "height", "width", "padding", "max_words")}

SMALL = replace(
    shipped.CONFIG,
    name="lastc_small",
    network=lastc_config(
        "lastc",
        "small",
        **_TABLETOP,
        before=shipped.NETWORK.clip - 1,
    ),
    phases=(Phase("joint", steps=5500, frames=8, expressions=5, learning_rate=1.5e-3),),
    losses=LossWeights(dice=0.0, presence=0.5, heads=LBDT),
)

CONFIGS = (
    PUBLISHED,
    replace(
        PUBLISHED,
        name="vlide",
        network=vlide_config("published", vocabulary=12112, specials=None),
        phases=(Phase("joint", steps=100_000, frames=8, expressions=1, learning_rate=1e-4, schedule="poly"),),
        losses=LossWeights(dice=0.0, presence=0.1, heads=LBDT),
        clip=ClipFrames(past=4, stride=2),
        optimiser="adamw",
        weight_decay=5e-4,
    ),
    SMALL,
    replace(
        SMALL,
        name="vlide_small",
        network=vlide_config(
            "small",
            **_TABLETOP,
            refs=shipped.NETWORK.clip - 1,
        ),
    ),
)
