"""`python -m tests.model_training.train_tiny`: the command `train`, which knows the configurations of the tests.

With DIE=RANK:STEP in the environment the process of that rank kills itself in the middle of a step. It ends with an
error if threads of gloo are left, which can abort Python at its end.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import torch

from model_training import configs, train
from model_training.datasets.batch import Batch
from model_training.learning.training import Training
from tests.model_training import folder, tiny

torch.set_num_threads(1)
train.SAVE_EVERY = train.LOG_EVERY = 2
configs.CONFIGS |= {config.name: config for config in (tiny.CONFIG, folder.SMALL, folder.PAPER)}


def die_at(rank: int, step: int) -> None:
    """Let the process of a rank end as one that is killed."""
    update = Training.update

    def dying(state: Training, batch: Batch) -> dict[str, float]:
        if (state.ranks.rank, state.step) == (rank, step):
            os.kill(os.getpid(), signal.SIGKILL)
        return update(state, batch)

    Training.update = dying


if __name__ == "__main__":
    if "DIE" in os.environ:
        die_at(*map(int, os.environ["DIE"].split(":")))
    code = train.main()
    threads = [comm.read_text().strip() for comm in Path("/proc/self/task").glob("*/comm")]
    sys.exit(code or ", ".join(name for name in threads if "gloo" in name) or 0)
