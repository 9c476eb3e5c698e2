"""The log of a run: `log.csv`, and the same for TensorBoard."""

from __future__ import annotations

import csv
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from refseg_ros.files import replacing


class RunLog:
    """The terms of the loss, step by step. A resumed run first drops the rows after its checkpoint.

    Args:
        folder: of the run; gets `log.csv` and `tensorboard/`.
        steps: of each phase.
        phase, step: where the run stands.

    Raises:
        ValueError: `log.csv` is there, but is not such a log.
        OSError: the folder cannot be written to.
    """

    def __init__(self, folder: Path, steps: list[int], phase: int, step: int) -> None:
        self._path, self._steps = folder / "log.csv", steps
        folder.mkdir(parents=True, exist_ok=True)
        rows: list[list[str]] = []
        try:
            if self._path.exists():
                with self._path.open(newline="") as file:
                    rows = [row for row in csv.reader(file) if (int(row[0]), int(row[1])) <= (phase, step)]
        except (ValueError, IndexError) as error:
            raise ValueError(f"{self._path}: not a log of this program ({error}); move it away") from None
        with replacing(self._path) as temporary, temporary.open("w", newline="") as file:
            csv.writer(file).writerows(rows)
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=self._total(phase, step) + 1)

    def write(self, phase: int, step: int, terms: dict[str, float], rate: float) -> None:
        """Append phase, step, and each term as `name=value`; to TensorBoard the learning rate, too."""
        with self._path.open("a", newline="") as file:
            csv.writer(file).writerow([phase, step, *[f"{name}={value:.5f}" for name, value in terms.items()]])
        for name, value in terms.items():
            self._board.add_scalar(f"loss/{name}", value, self._total(phase, step))
        self._board.add_scalar("learning rate", rate, self._total(phase, step))

    def validated(self, phase: int, step: int, overall: float, mean: float) -> None:
        """Overall and mean IoU, for TensorBoard."""
        self._board.add_scalar("validation/overall IoU", overall, self._total(phase, step))
        self._board.add_scalar("validation/mean IoU", mean, self._total(phase, step))

    def close(self) -> None:
        """Write out what is left."""
        self._board.close()

    def _total(self, phase: int, step: int) -> int:
        """Steps of all phases so far."""
        return sum(self._steps[:phase]) + step
