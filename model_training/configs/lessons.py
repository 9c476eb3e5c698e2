"""`lessons`: the network of `household` goes on learning with a person's own frames, among simulated tables.

The image encoder stays as it is, because a few frames would bend it to what they show. With the tables
the rest forgets less.
"""

from dataclasses import replace

from model_training.configs import household

CONFIG = replace(
    household.CONFIG,
    name="lessons",
    goes_on=True,
    scenes=replace(household.CONFIG.scenes, scenes=1024),
    mix=replace(household.CONFIG.mix, tables=0.5, scans=0.0, photos=0.0, frames=0.5),
    phases=(
        replace(
            household.CONFIG.phases[-1],
            steps=120,
            expressions=4,
            learning_rate=3e-4,
            encoder_factor=0.0,
            frozen_norm=True,
            warm_up=20,
        ),
    ),
)
