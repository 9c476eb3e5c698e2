"""Which source of data a configuration learns from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from model_training.configs.schema import Config
from model_training.datasets.formats import is_data_set
from model_training.learning.ranks import ALONE, Ranks
from model_training.learning.warm_start import words_of
from model_training.sources.data_set import DataSet
from model_training.sources.mixture import Mixture
from model_training.sources.scenes import SimulatedScenes
from model_training.sources.source import Source


def source_of(
    config: Config,
    data: Path | str,
    workers: int,
    cache: Path,
    images: Path | None = None,
    ranks: Ranks = ALONE,
    objects: Path | None = None,
    photos: Sequence[Path] = (),
    tokenizer: Path | None = None,
    frames: Sequence[Path] = (),
    start: Path | None = None,
) -> Source:
    """The source that a configuration learns from.

    Args:
        config: of the run.
        data: folder of rendered scenes, or of a data set, or of shards; or the address of shards.
        workers: processes that render, or make batches.
        cache: folder that keeps still images of a data set at the size of the input.
        images: folder of COCO's images, if not in a usual place.
        ranks: the processes that share each batch.
        objects, photos, frames: folder of scans, and folders of photos and of frames, for a configuration that mixes
            them in; see `Mixture`.
        tokenizer: file that cuts the words of a data set into pieces; see `DataSet`.
        start: finished weights that the run begins with; a mixture keeps their words.

    Raises:
        ValueError, OSError: the data cannot be used, or is a data set where the configuration renders scenes.
    """
    if config.scenes is not None and ("://" in str(data) or is_data_set(Path(data))):
        raise ValueError(
            f"{data}: is a data set, and the configuration {config.name} learns scenes that it renders; give --data "
            "another folder for these, or choose a configuration for data sets (docs/training.md lists them)"
        )
    if config.mix is not None:
        words = words_of(start) if start else ()
        return Mixture(config, Path(data), objects, photos, workers, ranks, frames, words)
    if objects or photos or frames:
        raise ValueError(
            f"the configuration {config.name} mixes nothing in; --objects, --photos and --frames go with others"
        )
    if config.scenes is not None:
        return SimulatedScenes(config, Path(data), workers, ranks)
    return DataSet(config, str(data), workers, cache, images, ranks, tokenizer)
