"""Batches from readers and from shards: pure functions of (seed, step), in the letterbox that the robot uses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model_training.datasets import shards
from model_training.datasets.batch import Batch
from model_training.datasets.batches import BatchConfig, Batches, prefetched
from model_training.datasets.formats import open_folder
from model_training.datasets.sample import ClipFrames, Reader
from model_training.datasets.shard_batches import LANES, ShardBatches
from refseg_ros.expression import Vocabulary
from refseg_ros.geometry import Letterbox
from tests.model_training.datasets import writers
from tests.model_training.full_disk import full_disk

CONFIG = BatchConfig(height=32, width=40, padding=9, max_words=6, frames=2, expressions=3, seed=5)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Nine frames of one split, of different sizes."""
    folder = writers.write_own_frames(tmp_path_factory.mktemp("own"))
    rows = ["image,expression,mask"]
    for number in range(9):
        writers.write_image(folder / "images" / f"{number}.png", writers.picture(number))
        rows += [f"{number}.png,thing {number} {word},{mask}" for word, mask in (("one", "0.png"), ("none", ""))]
        rows += [f"{number}.png,bar of {number},1.png"] * (number % 2)
    (folder / "expressions.csv").write_text("\n".join(rows) + "\n")
    (found,) = open_folder(folder)
    return found


@pytest.fixture(scope="module")
def vocabulary(reader: Reader) -> Vocabulary:
    return Vocabulary.of_texts(reader.texts("train"))


@pytest.fixture(scope="module")
def sharded(reader: Reader, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in five shards."""
    folder = tmp_path_factory.mktemp("shards")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "SAMPLES_PER_SHARD", 2)
        assert len(shards.write_shards(reader, "train", folder)) == 5
    return folder


def check_same(one: Batch, other: Batch) -> None:
    assert one.labels is other.labels is None
    for a, b in zip(one[:4], other[:4], strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def words_of(batch: Batch, vocabulary: Vocabulary) -> list[list[str]]:
    return [[" ".join(vocabulary.words[i] for i in row if i) for row in told] for told in batch.words]


def test_dilated_truth_is_whole_where_a_thing_covers_anything(
    reader: Reader, vocabulary: Vocabulary, sharded: Path
) -> None:
    odd = replace(CONFIG, height=28, width=36)  # so no edge of a thing is an edge of a pixel
    configs = odd, replace(odd, dilated=True)
    of_folder = [Batches(reader, "train", vocabulary, config)[3] for config in configs]
    of_shards = [ShardBatches(str(sharded), vocabulary, config)[3] for config in configs]
    for plain, other in (of_folder, of_shards):
        assert other.masks.dtype == np.float32 and other.masks.sum() > plain.masks.sum()
        check_same(other, plain._replace(masks=np.ceil(plain.masks)))


def test_a_batch_shows_what_the_data_set_says(reader: Reader, vocabulary: Vocabulary) -> None:
    batch = Batches(reader, "train", vocabulary, CONFIG)[3]
    assert batch.clips.shape == (2, 1, 32, 40, 3) and batch.clips.dtype == np.uint8
    assert batch.words.shape == (2, 3, 6) and batch.words.dtype == np.int64
    assert batch.masks.shape == (2, 3, 32, 40) and batch.masks.dtype == np.float32
    assert batch.present.shape == (2, 3) and batch.present.dtype == np.float32
    fit = Letterbox.fit(writers.HEIGHT, writers.WIDTH, 32, 40)
    area = {
        "one": fit.apply(writers.BOXES[0].astype(np.uint8) * 255, 0) / np.float32(255),
        "bar": fit.apply(writers.BOXES[1].astype(np.uint8) * 255, 0) / np.float32(255),
        "none": np.zeros((32, 40), np.float32),
    }
    for frame, told in enumerate(words_of(batch, vocabulary)):
        (number,) = {word for text in told for word in text.split() if word.isdigit()}
        np.testing.assert_array_equal(batch.clips[frame, -1], fit.apply(writers.picture(int(number)), 9))
        for row, text in enumerate(told):
            (kind,) = area.keys() & set(text.split())
            np.testing.assert_array_equal(batch.masks[frame, row], area[kind])
            assert batch.present[frame, row] == (kind != "none")


def test_an_epoch_shows_every_frame_once(reader: Reader, vocabulary: Vocabulary) -> None:
    batches = Batches(reader, "train", vocabulary, replace(CONFIG, frames=3))
    epochs = []
    for epoch in range(2):
        told = [text for step in range(3) for text in words_of(batches[3 * epoch + step], vocabulary)]
        epochs.append([{word for text in texts for word in text.split() if word.isdigit()}.pop() for texts in told])
        assert sorted(epochs[-1]) == [str(number) for number in range(9)]
        for texts in told:
            assert len(set(texts)) == min(3, 2 + int(texts[0].split()[-1 if "bar" in texts[0] else 1]) % 2)
    assert epochs[0] != epochs[1]


@pytest.mark.parametrize("source", ["folder", "cache", "shards"])
def test_a_batch_depends_on_seed_and_step_alone(
    source: str, reader: Reader, vocabulary: Vocabulary, sharded: Path, tmp_path: Path
) -> None:
    def make(config: BatchConfig) -> Batches | ShardBatches:
        if source == "shards":
            return ShardBatches(str(sharded), vocabulary, config)
        return Batches(reader, "train", vocabulary, config, tmp_path if source == "cache" else None)

    first, second = make(CONFIG), make(CONFIG)
    forward = [first[step] for step in range(12)]
    for step in reversed(range(12)):
        check_same(second[step], forward[step])
    workers = 2 * (source == "shards")  # whose batches keep most in memory from one step to the next
    loaded = list(prefetched(make(CONFIG), range(2, 8), workers))
    for step, batch in enumerate(loaded, start=2):
        check_same(batch, forward[step])
    assert any((first[step].clips != make(replace(CONFIG, seed=6))[step].clips).any() for step in range(3))
    for step in (0, 7):
        halves = [make(replace(CONFIG, rank=rank, ranks=2))[step] for rank in range(2)]
        check_same(Batch(*(np.concatenate(parts) for parts in list(zip(*halves, strict=True))[:4])), forward[step])


def test_the_cache_changes_nothing_and_notices_a_change(vocabulary: Vocabulary, tmp_path: Path) -> None:
    folder = writers.write_own_frames(tmp_path / "own")
    (own,) = open_folder(folder)
    plain, cached = (Batches(own, "train", vocabulary, CONFIG, cache) for cache in (None, tmp_path / "cache"))
    for _ in range(2):
        for step in range(4):
            check_same(plain[step], cached[step])
    (kept,) = (tmp_path / "cache").rglob("*.safetensors")
    kept.write_bytes(kept.read_bytes()[:100])
    check_same(plain[0], cached[0])
    writers.write_image(folder / "masks" / "0.png", np.full((writers.HEIGHT, writers.WIDTH, 3), 255))
    check_same(plain[0], cached[0])
    assert len(list((tmp_path / "cache").rglob("*.safetensors"))) == 2


def test_a_full_disk_is_an_error_that_names_the_file(reader: Reader, vocabulary: Vocabulary, tmp_path: Path) -> None:
    message = rf"File too large: '{tmp_path}/../\w{{30}}\.safetensors'"
    with full_disk(1000), pytest.raises(OSError, match=message):
        Batches(reader, "train", vocabulary, CONFIG, tmp_path)[0]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_the_cache_notices_which_mask_is_whose(vocabulary: Vocabulary, tmp_path: Path) -> None:
    """The same files, but the lists say something else of them."""
    own = writers.write_own_frames(tmp_path / "own")
    videos = writers.write_referring_videos(tmp_path / "videos")
    table, listed = own / "expressions.csv", videos / "meta_expressions" / "train" / "meta_expressions.json"
    config, before = replace(CONFIG, frames=1), []
    table.write_text("image,expression,mask\na.png,red mug,0.png\na.png,blue mug,\n")
    for corrected in (False, True):
        if corrected:
            table.write_text("image,expression,mask\na.png,red mug,\na.png,blue mug,0.png\n")
            listed.write_text(listed.read_text().replace('"obj_id": "1"', '"obj_id": "9"'))
        for folder in (own, videos):
            (reader,) = open_folder(folder)
            plain, cached = (Batches(reader, "train", vocabulary, config, c) for c in (None, tmp_path / "cache"))
            before.append([plain[step] for step in range(4)])
            for step, batch in enumerate(before[-1]):
                check_same(cached[step], batch)
    for one, other in ((0, 2), (1, 3)):
        assert any((a.masks != b.masks).any() for a, b in zip(before[one], before[other], strict=True))


def test_clips_of_a_video(tmp_path: Path, vocabulary: Vocabulary) -> None:
    (videos,) = open_folder(writers.write_jhmdb(tmp_path / "jhmdb"))
    config = replace(CONFIG, frames=4, expressions=1, clip=ClipFrames(past=2, future=1))
    batch = Batches(videos, "test", vocabulary, config)[0]
    assert batch.clips.shape == (4, 4, 32, 40, 3)  # the video of one frame stands still


def test_what_cannot_be_trained_on_is_refused(tmp_path: Path, reader: Reader, vocabulary: Vocabulary) -> None:
    (videos,) = open_folder(writers.write_referring_videos(tmp_path))
    with pytest.raises(ValueError, match="the masks of the split valid are not published"):
        Batches(videos, "valid", vocabulary, CONFIG)
    with pytest.raises(ValueError, match=r"own frames of own\d has no split 'val'; it has train"):
        Batches(reader, "val", vocabulary, CONFIG)
    with pytest.raises(ValueError, match="frames is 2; it must be a multiple of the 3 ranks"):
        replace(CONFIG, ranks=3)
    with pytest.raises(ValueError, match="expressions is 0; it must be a whole number from 1"):
        replace(CONFIG, expressions=0)


def test_an_error_of_a_worker_is_one_line(tmp_path: Path, vocabulary: Vocabulary) -> None:
    folder = writers.write_own_frames(tmp_path)
    (own,) = open_folder(folder)
    (folder / "masks" / "1.png").unlink()
    with pytest.raises(FileNotFoundError) as caught:
        list(prefetched(Batches(own, "train", vocabulary, CONFIG), range(4), workers=1))
    assert str(caught.value) == f"{folder / 'masks' / '1.png'}: expected, but not there"


def test_shards_hold_what_the_reader_has(tmp_path: Path) -> None:
    for write, split, clip in (
        (writers.write_refer, "train", ClipFrames()),
        (writers.write_own_frames, "test", ClipFrames()),
        (writers.write_a2d, "train", ClipFrames(1, 2)),
        (writers.write_referring_videos, "train", ClipFrames(1, 0)),
    ):
        source = tmp_path / write.__name__
        (data,) = open_folder(write(source / "data"))
        out = source / "shards"
        shards.write_shards(data, split, out, clip)
        words = Vocabulary.load(out / shards.VOCABULARY)
        streamed = ShardBatches(str(out), words, replace(CONFIG, clip=clip), split)
        found = {record.id: record for record in streamed._read(0)}
        assert found.keys() == {record.id for record in data.of_split(split)}
        for record in data.of_split(split):
            of_shard, of_folder = shards.load(found[record.id]), data.load(record, clip)
            assert found[record.id].expressions == record.expressions
            np.testing.assert_array_equal(of_shard.frames, of_folder.frames)
            np.testing.assert_array_equal(of_shard.masks, of_folder.masks)


def test_the_lanes_show_every_sample_once(sharded: Path, vocabulary: Vocabulary) -> None:
    """Five shards of nine samples in four lanes: the first lane has two shards."""
    batches = ShardBatches(str(sharded), vocabulary, replace(CONFIG, frames=1))
    for epoch in range(2):
        seen = []
        for lane, size in enumerate((3, 2, 2, 2)):
            for turn in range(epoch * size, (epoch + 1) * size):
                (told,) = words_of(batches[turn * LANES + lane], vocabulary)
                seen.append({word for text in told for word in text.split() if word.isdigit()}.pop())
        assert sorted(seen) == [str(number) for number in range(9)]


def test_a_broken_shard_is_named(sharded: Path, vocabulary: Vocabulary, tmp_path: Path) -> None:
    for path in sharded.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    for path in tmp_path.glob("*.tar"):
        path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(ValueError, match=r"train-00000\d\.tar: (not a shard|has)"):
        ShardBatches(str(tmp_path), vocabulary, CONFIG)[0]
    index = tmp_path / shards.INDEX
    index.write_text(index.read_text().replace("train-000000.tar", "../../x.tar; ls #"))
    with pytest.raises(ValueError, match=r"shards\.json: not a list of shards that can be used"):
        ShardBatches(str(tmp_path), vocabulary, CONFIG)
    with pytest.raises(FileNotFoundError, match=r"nothing/shards\.json"):
        ShardBatches(str(tmp_path / "nothing"), vocabulary, CONFIG)
