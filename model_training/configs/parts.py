"""`parts`: the network of `household` goes on learning with a person's own meshes among the simulator's things."""

from dataclasses import replace

from model_training.configs import household

CONFIG = replace(
    household.CONFIG,
    name="parts",
    goes_on=True,
    scenes=replace(household.CONFIG.scenes, scenes=1024),
    mix=replace(
        household.CONFIG.mix,
        tables=0.3,
        scans=0.7,
        photos=0.0,
        scan_scenes=replace(household.CONFIG.mix.scan_scenes, scenes=2048),
    ),
    phases=(replace(household.CONFIG.phases[-1], steps=1500, expressions=5, learning_rate=7e-4),),
)
