"""Pictures of attention: what is in them, and the command on an image, a video, a folder and a scene."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from model_training import visualize
from model_training.learning import checkpoint
from model_training.paper.figures import heated, masked
from tests.model_training import tiny
from tests.model_training.datasets.test_photos import save_with_exif

HEIGHT, WIDTH = 60, 80


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "model.safetensors"
    facts: dict[str, object] = {"config": "tiny", "network": asdict(tiny.NETWORK)}
    checkpoint.save(path, tiny.network().state_dict(), facts)
    return path


def write_frames(folder: Path, count: int) -> Path:
    folder.mkdir()
    for index in range(count):
        image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        image[20:40, 5 * index : 5 * index + 20] = (10, 10, 220)
        cv2.imwrite(str(folder / f"{index:03d}.png"), image)
    return folder


def write_video(path: Path, count: int) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (WIDTH, HEIGHT))
    for index in range(count):
        image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        image[20:40, 2 * index : 2 * index + 20] = (10, 10, 220)
        writer.write(image)
    writer.release()
    return path


def drawn(options: list[str], output: Path) -> dict[str, np.ndarray]:
    """Run the command; the pictures by their kind."""
    assert visualize.main([*options, "-o", str(output)]) == 0
    return {path.name.split(".")[-2]: cv2.imread(str(path)) for path in sorted(output.glob("*.png"))}


def test_a_mask_tints_its_pixels_only() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    mask = np.zeros((40, 50), bool)
    mask[10:20, 10:30] = True
    tinted = masked(image, mask)
    changed = (tinted != image).any(-1)
    assert changed[mask].all() and not changed[:8].any() and not changed[22:].any()
    assert np.array_equal(masked(image, np.zeros_like(mask)), image)


def test_heat_goes_from_blue_to_red() -> None:
    heat = np.zeros((10, 10), np.float32)
    heat[:, 5:] = 1
    drawn = heated(np.full((10, 10, 3), 128, np.uint8), heat)
    assert drawn[0, 0, 2] > drawn[0, 0, 0] + 50 and drawn[0, 9, 0] > drawn[0, 9, 2] + 50


def test_an_image_gives_a_row_for_each_expression(weights: Path, tmp_path: Path) -> None:
    image = write_frames(tmp_path / "frames", 1) / "000.png"
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    options = [str(image), "--weights", str(weights)]
    one = drawn([*options, "the red mug"], tmp_path / "one")
    two = drawn([*options, "the red mug", "costs $5 or $6 the can"], tmp_path / "two")
    assert one.keys() == two.keys() == {"expressions", "heat"}
    assert two["expressions"].shape[0] > 1.8 * one["expressions"].shape[0]
    assert two["heat"].shape[1] > 1.4 * one["heat"].shape[1]
    assert all(len(np.unique(picture.reshape(-1, 3), axis=0)) > 100 for picture in (*one.values(), *two.values()))


@pytest.mark.parametrize("kind", ["video", "folder"])
def test_a_video_gives_a_strip_and_the_weights_of_a_clip(kind: str, weights: Path, tmp_path: Path) -> None:
    source = write_video(tmp_path / "v.mp4", 12) if kind == "video" else write_frames(tmp_path / "v", 12)
    (tmp_path / "out").mkdir()
    pictures = drawn([str(source), "the red mug", "--weights", str(weights)], tmp_path / "out")
    assert pictures.keys() == {"video", "clip"}
    assert pictures["video"].shape[1] > 6 * pictures["video"].shape[0]


@pytest.mark.parametrize("kind", ["video", "folder"])
def test_a_video_of_one_frame_is_a_clip_of_one(kind: str, weights: Path, tmp_path: Path) -> None:
    source = write_video(tmp_path / "v.mp4", 1) if kind == "video" else write_frames(tmp_path / "v", 1)
    (tmp_path / "out").mkdir()
    pictures = drawn([str(source), "the red mug", "--weights", str(weights)], tmp_path / "out")
    assert pictures.keys() == {"video", "clip"}


def test_a_folder_s_photos_are_turned_as_their_exif_says(weights: Path, tmp_path: Path) -> None:
    """As a single photo is. Portraits are drawn as wide as landscapes, and so higher."""
    heights = []
    for orientation in (1, 6):
        (folder := tmp_path / f"as_{orientation}").mkdir()
        for index in range(2):
            save_with_exif(folder / f"{index}.jpg", np.full((HEIGHT, WIDTH, 3), 90, np.uint8), orientation)
        heights.append(drawn([str(folder), "the red mug", "--weights", str(weights)], folder)["clip"].shape[0])
    assert heights[1] > 1.2 * heights[0]


def test_a_clip_spans_the_frames_that_its_network_steps_over(tmp_path: Path) -> None:
    """A network of two frames that reads every third sees the past, and the figure has the two that it saw."""
    config, weights = replace(tiny.NETWORK, clip=2, clip_stride=3), tmp_path / "model.safetensors"
    facts: dict[str, object] = {"config": "tiny", "network": asdict(config)}
    checkpoint.save(weights, tiny.network(network=config).state_dict(), facts)
    clips = []
    for count in (1, 30):  # of one frame there is no past; thirty are a second
        (output := tmp_path / f"out_{count}").mkdir()
        frames = write_frames(tmp_path / f"of_{count}", count)
        clips.append(drawn([str(frames), "the red mug", "--weights", str(weights)], output)["clip"])
    assert round(clips[1].shape[1] / clips[0].shape[1]) == 2


def test_a_scene_brings_its_own_expressions(weights: Path, tmp_path: Path) -> None:
    assert drawn(["simulation", "--seed", "3", "--weights", str(weights)], tmp_path).keys() == {"expressions", "heat"}
    assert (tmp_path / "simulation-3.heat.png").exists()


@pytest.mark.parametrize(("length", "expected"), [(4, [4, 6, 8, 10]), (8, [0, 2, 4, 6, 8, 10])])
def test_a_clip_begins_where_the_video_begins(length: int, expected: list[int]) -> None:
    stamps = [0.1 * index for index in range(12)]
    assert visualize.clip_of(10, stamps, length=length, interval=0.2) == expected


def test_weights_bring_their_own_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Words of another data set, as many as those of the simulated tabletop."""
    words = [f"word{number}" for number in range(tiny.NETWORK.vocabulary - 3)] + ["gizmo"]
    facts: dict[str, object] = {"config": "tiny", "network": asdict(tiny.NETWORK), "vocabulary": words}
    weights, image = tmp_path / "model.safetensors", str(write_frames(tmp_path / "frames", 1) / "000.png")
    checkpoint.save(weights, tiny.network().state_dict(), facts)
    assert drawn([image, "gizmo", "--weights", str(weights)], tmp_path).keys() == {"expressions", "heat"}
    assert visualize.main([image, "the red mug", "--weights", str(weights)]) == 2
    assert "the network knows none of these words" in capsys.readouterr().err
    checkpoint.save(weights, tiny.network().state_dict(), facts | {"vocabulary": words[:-1]})
    assert visualize.main([image, "gizmo", "--weights", str(weights)]) == 2
    assert "of 130 words, but it brings 129" in capsys.readouterr().err


def test_what_cannot_be_drawn_is_told_in_one_line(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = str(write_frames(tmp_path / "frames", 1) / "000.png")
    text = tmp_path / "notes.txt"
    text.write_text("no video")
    for options, message in [
        (["nowhere.png", "the can"], "nowhere.png"),
        ([image], "what to look for"),
        ([image, "gizmo"], "gizmo"),
        ([image, "the can", "--seed", "2"], "--seed has no effect without the source simulation"),
        ([str(text), "the can"], "neither an image nor a video"),
        ([image, "the can", "-o", str(text / "pictures")], "notes.txt"),
    ]:
        assert visualize.main(["--weights", str(weights), *options]) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ") and message in error and error.count("\n") == 1
    with pytest.raises(SystemExit) as ended:
        visualize.main(["simulation", "--seed", "-5"])
    assert ended.value.code == 2 and "argument --seed: -5 is below 0" in capsys.readouterr().err
    assert not list(tmp_path.glob("**/*.heat.png"))
