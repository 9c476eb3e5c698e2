"""Scoring on folders of benchmarks, with the model whose answers are known (tests/bundles.py)."""

from __future__ import annotations

import json
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from model_training import evaluate
from model_training.datasets.formats import open_folder
from model_training.datasets.sample import ClipFrames
from model_training.paper.tables import TABLES, markdown, table_of
from model_training.scoring.benchmark import Benchmark, BenchmarkScores, clip_of, scored
from refseg_ros.engines.bundle import Bundle
from refseg_ros.engines.manifest import ARRAYS

HEIGHT, WIDTH = 96, 128
COLOURS = {"red": (220, 10, 10), "blue": (10, 10, 220)}
Box = tuple[int, int, int, int]
"""x, y, width, height."""


def picture(**boxes: Box) -> np.ndarray:
    image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    for colour, (x, y, width, height) in boxes.items():
        image[y : y + height, x : x + width] = COLOURS[colour]
    return image


def write_unc(root: Path, images: int = 40) -> Path:
    """`root/refcoco` as UNC: a red and a blue box on each image, in `val` but for the last image."""
    folder = root / "refcoco"
    (folder / "images").mkdir(parents=True)
    refs, annotations = [], []
    for image in range(images):
        boxes = {"red": (4 + image, 8, 32, 40), "blue": (72, 20 + image, 24, 24)}
        cv2.imwrite(str(folder / "images" / f"{image}.png"), picture(**boxes)[..., ::-1])
        for colour, (x, y, width, height) in boxes.items():
            number = len(refs)
            polygon = [x, y, x + width, y, x + width, y + height, x, y + height]
            # The last image's things are wrongly named: what is red is said to be the blue one.
            said = f"the {colour} mug" if image < images - 1 else "the blue mug"
            annotations.append({"id": number, "image_id": image, "segmentation": [polygon], "category_id": 1})
            split = "val" if image < images - 1 else "testA"
            refs.append({"ref_id": number, "ann_id": number, "image_id": image, "split": split, "category_id": 1,
                         "sentences": [{"sent": said, "sent_id": number}]})  # fmt: skip
    (folder / "refs(unc).p").write_bytes(pickle.dumps(refs, protocol=2))
    listed = [{"id": image, "file_name": f"{image}.png", "height": HEIGHT, "width": WIDTH} for image in range(images)]
    (folder / "instances.json").write_text(json.dumps({"images": listed, "annotations": annotations}))
    return folder


def write_videos(folder: Path) -> Path:
    """Ref-YouTube-VOS: a red box that moves, and is gone in the last of four frames."""
    video, names = "0a49f5265b", [f"{5 * index:05d}" for index in range(4)]
    for part in ("JPEGImages", "Annotations"):
        (folder / "train" / part / video).mkdir(parents=True)
    for index, name in enumerate(names):
        box = (8 + 16 * index, 16, 32, 32) if index < 3 else (0, 0, 0, 0)
        cv2.imwrite(str(folder / "train" / "JPEGImages" / video / f"{name}.jpg"), picture(red=box)[..., ::-1])
        ids = np.zeros((HEIGHT, WIDTH), np.uint8)
        ids[box[1] : box[1] + box[3], box[0] : box[0] + box[2]] = 1
        mask = Image.fromarray(ids, "P")
        mask.putpalette([0, 0, 0, 255, 0, 0])
        mask.save(folder / "train" / "Annotations" / video / f"{name}.png")
    told = {"0": {"exp": "the red mug", "obj_id": "1"}, "1": {"exp": "redder", "obj_id": "1"}}
    meta = folder / "meta_expressions" / "train" / "meta_expressions.json"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"videos": {video: {"frames": names, "expressions": told}}}))
    return folder


@pytest.fixture(scope="module")
def unc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_unc(tmp_path_factory.mktemp("unc"))


def scores_on(folder: Path, bundle: Path, split: str, processes: int = 1, **settings: int | bool) -> BenchmarkScores:
    (reader,) = open_folder(folder)
    return scored(Benchmark(bundle, folder, **settings), reader, 0, split, processes)


def test_boxes_are_found_and_wrong_ones_are_not(unc: Path, bundle_folder: Path) -> None:
    right = scores_on(unc, bundle_folder, "val")
    assert len(right.scores) == 78 and right.presence.accuracy == 1.0
    assert right.scores.ious.min() > 0.7 and right.scores.overall > 0.8
    assert "J" not in right.figures() and right.figures()["expressions"] == 78
    wrong = scores_on(unc, bundle_folder, "testA")
    assert sorted(wrong.scores.ious > 0.7) == [False, True]


def test_the_way_of_the_released_code_compares_by_another_truth(
    unc: Path, bundle_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = [scores_on(unc, bundle_folder, "val", as_released=how) for how in (False, True)]
    assert both[0].presence == both[1].presence
    plain, released = (one.scores for one in both)
    assert min(released.truths) > max(plain.truths[1::2]) and released.truths != plain.truths
    assert sum(released.truths) > sum(plain.truths) and released.ious.min() > 0.6
    bundle = Path(shutil.copytree(bundle_folder, tmp_path / "bundle"))
    asked = ["--bundle", str(bundle), "--data", str(unc), "--set", "testA", "--as-released", "--write"]
    assert evaluate.main(asked) == 0 and "| by-hand, scored as released | testA | 50.00 |" in capsys.readouterr().out
    assert list(Bundle.load(bundle).manifest.metrics) == ["evaluate UNC --set testA --as-released"]


def test_the_truth_itself_has_every_figure_in_full() -> None:
    """Where a frame shows nothing too: two empty masks are alike, and the figures say how many there were."""
    perfect = BenchmarkScores()
    for frame, size in enumerate((20, 3, 0)):
        truth = np.zeros((40, 50), bool)
        truth[5 : 5 + size, 8 : 8 + size] = True
        perfect.scores.add(truth, truth, 0.9)
        perfect.presence.add(size > 0, size > 0)
        perfect.sequences.add(f"video/{frame % 2}", truth, truth)
    figures = perfect.figures()
    assert (figures.pop("expressions"), figures.pop("both empty")) == (3, 1)
    assert len(figures) == 13 and set(figures.values()) == {1.0}
    assert "both empty 1" in markdown(TABLES["UNC"], "ours", {"val": perfect.figures()})
    assert "| 48.7 |" in markdown(TABLES["A2D-Sentences"], "ours", {"test": {"overall IoU": 0.48746}}), "rounded once"


def test_processes_share_the_work(unc: Path, bundle_folder: Path) -> None:
    alone, shared = (scores_on(unc, bundle_folder, "val", processes).figures() for processes in (1, 2))
    assert shared == alone


def test_a_video_is_seen_with_what_is_around_each_frame(tmp_path: Path, bundle_folder: Path) -> None:
    folder = write_videos(tmp_path / "videos")
    found = scores_on(folder, bundle_folder, "train", stride=1)
    assert len(found.scores) == 8 and len(found.sequences) == 2
    assert found.sequences.sums["0a49f5265b/0"][2] == 4
    now, ever = (found.sequences.sums[f"0a49f5265b/{key}"][0] / 4 for key in (0, 1))
    assert now > 0.75 and ever < 0.75 * now  # "redder" means all that was red in the clip
    # On the first frame there is no past, but the box of the frame after it.
    assert found.scores.ious[1] < 0.8 * found.scores.ious[0]
    # In the last frame "the red mug" is rightly called absent, "redder" is not.
    assert (found.presence.right, found.presence.total) == (7, 8)
    assert {"J", "F", "J&F", "mean P@0.5:0.95", "COCO AP"} <= found.figures().keys()


def test_a_clip_has_both_sides_only_where_their_order_is_nothing(bundle_folder: Path) -> None:
    manifest = Bundle.load(bundle_folder).manifest
    five = replace(manifest, clip=replace(manifest.clip, length=6), training={})
    assert clip_of(five) == ClipFrames(past=3, future=2)
    in_order = replace(five, clip=replace(five.clip, memory=ARRAYS), training={"stride": 2})
    assert clip_of(in_order) == ClipFrames(past=5, stride=2)
    assert clip_of(in_order, 3) == ClipFrames(past=5, stride=3)


def test_a_split_that_cannot_be_scored_is_told_before_another_is(
    unc: Path, bundle_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--bundle", str(bundle_folder), "--set", "val", "--set", "tets", "--data", str(unc)]
    assert evaluate.main(asked) == 2
    assert capsys.readouterr().err == f"error: {unc}: UNC has no split 'tets'; it has val, testA\n"
    videos = write_videos(tmp_path / "videos")
    shutil.rmtree(videos / "train" / "Annotations")
    for option in ("--data", "--real"):
        assert evaluate.main([*asked[:2], option, str(videos)]) == 2
        message = f"error: {videos}: the masks of the split train of Ref-YouTube-VOS are not published\n"
        assert capsys.readouterr().err == message


def test_a_table_in_the_paper_s_layout() -> None:
    figures = {"P@0.5": 0.5, "P@0.6": 0.4, "P@0.7": 0.3, "P@0.8": 0.2, "P@0.9": 0.12345, "overall IoU": 0.6}
    text = markdown(TABLES["UNC"], "ours", {"testB": figures | {"mean IoU": 0.55, "expressions": 12.0}})
    assert text.splitlines() == [
        "Table 3: UNC",
        "",
        "| Method | Set | prec@0.5 | prec@0.6 | prec@0.7 | prec@0.8 | prec@0.9 | Overall IoU |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| Ye et al. | testB | 64.55 | 56.62 | 47.11 | 34.41 | 12.78 | 56.03 |",
        "| ours | testB | 50.00 | 40.00 | 30.00 | 20.00 | 12.35 | 60.00 |",
        "",
        "testB: mean IoU 55.00, expressions 12",
    ]


def test_tables_of_videos_have_no_sets_and_a_mean() -> None:
    assert table_of("A2D-Sentences").columns[-1] == "mean IoU"
    lines = markdown(table_of("JHMDB-Sentences"), "ours", {"test": {"overall IoU": 0.5}}).splitlines()
    assert lines[2].startswith("| Method | prec@0.5 |") and lines[2].endswith("| Overall IoU | Mean IoU |")
    assert lines[5] == "| Ye et al. | 76.4 | 62.5 | 38.9 | 9.0 | 0.1 | 62.8 | 58.1 |"
    assert all(len(row.values) == len(table.columns) for table in TABLES.values() for row in table.rows)


def test_the_command_prints_and_keeps(
    unc: Path, bundle_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = Path(shutil.copytree(bundle_folder, tmp_path / "bundle"))
    assert (
        evaluate.main(
            ["--bundle", str(bundle), "--data", str(unc), "--set", "testA", "--outlines", "dense_crf", "--write"]
        )
        == 0
    )
    out = capsys.readouterr().out
    assert "Table 3: UNC" in out and "| by-hand + DenseCRF | testA | 50.00 |" in out
    metrics = Bundle.load(bundle).manifest.metrics
    assert list(metrics) == ["evaluate UNC --set testA --outlines dense_crf"]
    assert metrics["evaluate UNC --set testA --outlines dense_crf"]["P@0.5"] == 0.5


def test_figures_of_another_stride_are_kept_apart(
    bundle_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, videos = Path(shutil.copytree(bundle_folder, tmp_path / "bundle")), write_videos(tmp_path / "videos")
    asked = ["--bundle", str(bundle), "--data", str(videos), "--write"]
    assert evaluate.main(asked) == evaluate.main([*asked, "--stride", "2", "--as-released"]) == 0
    out = capsys.readouterr().out
    assert "| by-hand | train" in out and "| by-hand, stride 2, scored as released | train" in out
    plain, strided = Bundle.load(bundle).manifest.metrics
    assert strided == f"{plain} --stride 2 --as-released"


def test_of_several_lists_of_the_same_images_the_named_one_is_scored(
    bundle_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_unc(tmp_path, images=3)
    (folder / "refs(google).p").write_bytes((folder / "refs(unc).p").read_bytes().replace(b"testA", b"train"))
    asked = ["--bundle", str(bundle_folder), "--set", "testA", "--processes", "2", "--data"]
    assert evaluate.main([*asked, str(folder)]) == 2
    told = capsys.readouterr().err
    assert f"'{folder}/refs(unc).p' (UNC)" in told and told.count("\n") == 1
    assert evaluate.main([*asked, str(folder / "refs(unc).p")]) == 0
    out = capsys.readouterr().out
    assert out.count("Table 3: UNC") == 1 and "| testA |" in out and "together" not in out


def test_several_data_sets_of_a_folder_are_scored_together_too(
    unc: Path, bundle_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(unc, tmp_path / "data" / "one")
    write_unc(tmp_path / "data", images=2).rename(tmp_path / "data" / "two")
    asked = ["--bundle", str(bundle_folder), "--data", str(tmp_path / "data")]
    assert evaluate.main([*asked, "--set", "val", "--set", "testA"]) == 0
    together = capsys.readouterr().out.splitlines()[-1]
    # Of 80 things in one set and 4 in the other one each is wrongly named.
    assert "all 2 data sets together: P@0.5 0.9762" in together and "expressions 84" in together


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data", "nowhere"], "nowhere"),
        (["--data", "UNC", "--set", "testC"], "testC"),
        (["--data", "UNC", "--processes", "0"], "--processes"),
    ],
)
def test_what_cannot_be_scored_is_told_in_one_line(
    options: list[str], message: str, unc: Path, bundle_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [str(unc) if option == "UNC" else option for option in options]
    assert evaluate.main(["--bundle", str(bundle_folder), *asked]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error and error.count("\n") == 1
