"""What `model_training.compare` compares: CMSA with CFSA, LASTC and VLIDE, each also without one of its modules.

All see the same simulated scenes with clips, at half of `tabletop`'s width and height, in which things also begin to
move and stop at different times. All learn from masks and presence alone, from random weights, for the same steps. The
losses of the masks differ, as they do in `systems.py`.
"""

from dataclasses import replace

from model_training.configs import shipped
from model_training.configs.head_weights import LBDT
from model_training.configs.schema import Config, LossWeights, Phase
from model_training.datasets.rendering import SceneSet
from model_training.datasets.scene_batches import tabletop_vocabulary
from model_training.networks.lastc.config import lastc_config
from model_training.networks.vlide.config import vlide_config

HEIGHT, WIDTH, CLIP = 96, 128, 4

_INPUT = {
    "vocabulary": len(tabletop_vocabulary(events=True)),
    "height": HEIGHT,
    "width": WIDTH,
    "padding": shipped.NETWORK.padding,
    "max_words": shipped.NETWORK.max_words,
}

_CMSA = Config(
    name="cmsa_compared",
    network=replace(shipped.NETWORK, clip=CLIP, **_INPUT),
    scenes=SceneSet(
        scenes=4096, height=HEIGHT, width=WIDTH, clip=CLIP, moving_share=0.5, interval=(0.25, 0.4), events=True
    ),
    phases=(Phase("joint", steps=3000, frames=8, expressions=5, learning_rate=1.5e-3),),
    losses=LossWeights(dice=1.0, presence=0.5),
    clip_interval=0.3,
    moving_share=0.5,
    contrasts=("order", "motion", "event"),
)

_HEADS = LossWeights(dice=0.0, presence=0.5, heads=LBDT)
_LASTC = replace(
    _CMSA, name="lastc_compared", network=lastc_config("lastc", "small", **_INPUT, before=CLIP - 1), losses=_HEADS
)
_VLIDE = replace(_CMSA, name="vlide_compared", network=vlide_config("small", **_INPUT, refs=CLIP - 1), losses=_HEADS)

CONFIGS = (
    _CMSA,
    replace(_CMSA, name="cmsa_without_cfsa", network=replace(_CMSA.network, clip=1)),
    _LASTC,
    replace(_LASTC, name="lastc_without_cmam_plus", network=replace(_LASTC.network, update="none")),
    replace(_LASTC, name="lastc_without_lasp", network=replace(_LASTC.network, lasp="none")),
    _VLIDE,
    replace(_VLIDE, name="vlide_without_vlmg", network=replace(_VLIDE.network, levels=())),
    replace(_VLIDE, name="vlide_without_lmdf", network=replace(_VLIDE.network, lmdf=False, refs=0)),
)
