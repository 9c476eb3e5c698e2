"""A data set of referring segmentation: expressions and masks, from a folder in its own format, or from shards."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from torch.utils.data import Dataset

from model_training.configs.schema import Config
from model_training.datasets.batch import Batch
from model_training.datasets.batches import Batches
from model_training.datasets.digest import digest_of, digest_of_list
from model_training.datasets.formats import open_folder
from model_training.datasets.sample import STILL, Reader, as_one
from model_training.datasets.shard_batches import ShardBatches, vocabulary_of
from model_training.datasets.shards import INDEX
from model_training.datasets.splits import described, to_validate
from model_training.datasets.word_pieces import read_tokenizer, specials_of
from model_training.learning.ranks import ALONE, Ranks
from model_training.learning.validation import SplitScores, score_split
from model_training.networks.base import System
from model_training.networks.vlide.config import VlideConfig
from model_training.sources.source import Source, batch_config
from refseg_ros.expression import Vocabulary
from refseg_ros.open_vocabulary import OpenVocabulary

VALIDATED, EXPRESSIONS = 128, 4
"""Frames that validation looks at, and expressions on each."""


class DataSet(Source):
    """A data set.

    Args:
        config: of the run; the vocabulary is that of the split to learn.
        data: folder of one data set or of several, or of shards; or the address of shards.
        workers: processes that make batches.
        cache: folder that keeps still images at the size of the input.
        images: folder of COCO's images, if not in a usual place.
        ranks: the processes that share each batch.
        tokenizer: file that cuts words into pieces, see `read_tokenizer`; None: the words of the split are learned.

    Raises:
        ValueError, OSError: the data cannot be used; the message names the file.
    """

    def __init__(
        self,
        config: Config,
        data: str,
        workers: int,
        cache: Path,
        images: Path | None = None,
        ranks: Ranks = ALONE,
        tokenizer: Path | None = None,
    ) -> None:
        self._data, self.workers, self._ranks = data, workers, ranks
        self._cache = cache if config.clip == STILL else None
        self._reader: Reader | None = None
        if "://" in data or (Path(data) / INDEX).exists():
            self.vocabulary, name = vocabulary_of(data), data
            version = digest_of_list(f"{data.rstrip('/')}/{INDEX}")
        else:
            readers = open_folder(Path(data), images, config.dataset)
            for reader in readers if ranks.first else ():
                for remark in reader.remarks:
                    print(f"{reader.folder}: {remark}", file=sys.stderr)
            self._reader = as_one(readers)
            self.vocabulary, name = Vocabulary.of_texts(self._reader.texts(config.split)), self._reader.name
            version = digest_of(self._reader, config.split)
        self.facts = {"data": name, "split": config.split, "truth": "dilated" if config.dilated_truth else "by share"}
        network = config.network
        if tokenizer is None:
            self.facts["vocabulary"] = list(self.vocabulary.words[2:])
        else:
            self.facts["tokenizer"] = text = read_tokenizer(tokenizer)
            self.vocabulary = OpenVocabulary.parse(text.encode(), str(tokenizer))
            if isinstance(network, VlideConfig):
                network = replace(network, specials=specials_of(text))
        self.facts["version of the data"] = version
        self.config = replace(config, network=replace(network, vocabulary=len(self.vocabulary)))

    def drawn(self, phase: int) -> Dataset[Batch]:
        """See `Source`."""
        current = self.config.phases[phase]
        config = batch_config(self.config, current.frames, current.expressions, self.config.seed + phase)
        dilated = self.config.dilated_truth
        config = replace(config, rank=self._ranks.rank, ranks=self._ranks.count, dilated=dilated)
        if self._reader is None:
            return ShardBatches(self._data, self.vocabulary, config, self.config.split)
        return Batches(self._reader, self.config.split, self.vocabulary, config, self._cache)

    def validation(self, model: System) -> SplitScores:
        """Score a split that training does not learn, or else training data; the scores name the split.

        The expressions are the same each time.
        """
        learned = self.config.split
        config = batch_config(self.config, 1, EXPRESSIONS, seed=2**31)
        if self._reader is None:
            shards = ShardBatches(self._data, self.vocabulary, config, learned)
            return score_split(model, shards, VALIDATED, described(learned, (learned,), (learned,)))
        split = to_validate(self._reader, learned)
        batches = Batches(self._reader, split, self.vocabulary, config, self._cache)
        count = min(VALIDATED, len(self._reader.of_split(split)))
        return score_split(model, batches, count, described(split, self._reader.splits, (learned,)))
