"""Each effect on pictures: repeatable, its input left alone, and what it is for can be measured."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from model_training.pictures import effects
from model_training.pictures.effects import Picture
from model_training.pictures.taking import TakingConfig, seen_after, take
from refseg_ros.simulation.tabletop import ObjectTruth

HEIGHT, WIDTH = 72, 96


def picture() -> Picture:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    rgb = np.stack([x * 2 + 20, y * 2 + 40, np.full_like(x, 90)], -1).astype(np.uint8)
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    labels[30:50, 40:60] = 3
    rgb[labels == 3] = (230, 20, 20)
    return Picture(rgb, labels)


def hand(shape: tuple[int, int] = (40, 30)) -> np.ndarray:
    return np.dstack([np.full((*shape, 3), (10, 200, 10), np.uint8), np.full(shape, 255, np.uint8)])


def occluded(given: Picture, rng: np.random.Generator) -> Picture:
    return effects.occluder(given, rng, hand())


TONES = [effects.white_balance, effects.exposure, effects.blur, effects.noise, effects.jpeg]
EFFECTS = [*TONES, effects.lens_distortion, occluded]


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize("seed", range(8))
def test_an_effect_is_a_function_of_picture_and_generator(effect: Callable[..., Picture], seed: int) -> None:
    given = picture()
    once, again = (effect(given, np.random.default_rng(seed)) for _ in range(2))
    assert np.array_equal(once.rgb, again.rgb) and np.array_equal(once.labels, again.labels)
    assert once.rgb.shape == (HEIGHT, WIDTH, 3) and once.rgb.dtype == once.labels.dtype == np.uint8
    assert np.array_equal(given.rgb, picture().rgb) and np.array_equal(given.labels, picture().labels)
    assert {*np.unique(once.labels)} <= {0, 3}


@pytest.mark.parametrize("effect", TONES)
def test_what_changes_pixels_alone_leaves_the_labels(effect: Callable[..., Picture]) -> None:
    for seed in range(8):
        taken = effect(picture(), np.random.default_rng(seed))
        assert np.array_equal(taken.labels, picture().labels)
    assert not np.array_equal(taken.rgb, picture().rgb)


def test_white_balance_keeps_black_and_moves_grey_both_ways() -> None:
    grey = Picture(np.full((4, 4, 3), 128, np.uint8), np.zeros((4, 4), np.uint8))
    black = grey._replace(rgb=np.zeros((4, 4, 3), np.uint8))
    warmth = []
    for seed in range(40):
        assert not effects.white_balance(black, np.random.default_rng(seed)).rgb.any()
        red, _, blue = effects.white_balance(grey, np.random.default_rng(seed)).rgb[0, 0].astype(int)
        warmth.append(red - blue)
    assert min(warmth) < -10 and max(warmth) > 10


def test_exposure_is_brighter_and_darker_and_keeps_the_order_of_tones() -> None:
    ramp = Picture(np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, 2), np.zeros((1, 256), np.uint8))
    means = []
    for seed in range(40):
        tones = effects.exposure(ramp, np.random.default_rng(seed)).rgb[0, :, 0].astype(int)
        assert (np.diff(tones) >= 0).all()
        means.append(tones.mean())
    assert min(means) < 115 and max(means) > 140


def test_blur_takes_detail_and_noise_gives_it() -> None:
    def detail(given: Picture) -> float:
        return float(np.abs(np.diff(given.rgb.astype(int), axis=1)).mean())

    for seed in range(20):
        assert detail(effects.blur(picture(), np.random.default_rng(seed))) <= detail(picture()) + 0.05
        assert detail(effects.noise(picture(), np.random.default_rng(seed))) > detail(picture())


def test_a_lens_moves_labels_with_their_pixels() -> None:
    for seed in range(20):
        taken = effects.lens_distortion(picture(), np.random.default_rng(seed))
        red = (taken.rgb[..., 0] > 180) & (taken.rgb[..., 1] < 60) & (taken.rgb[..., 2] < 60)
        assert np.count_nonzero(red != (taken.labels == 3)) < 0.15 * np.count_nonzero(red)


def test_an_occluder_reaches_in_from_a_border_and_hides_what_it_covers() -> None:
    hidden = 0
    for seed in range(60):
        taken = occluded(picture(), np.random.default_rng(seed))
        green = (taken.rgb == (10, 200, 10)).all(axis=2)
        borders = np.concatenate([green[0], green[-1], green[:, 0], green[:, -1]])
        assert borders.any() and not taken.labels[green].any()
        assert np.array_equal(taken.labels[~green], picture().labels[~green])
        hidden += bool((green & (picture().labels == 3)).any())
    assert hidden > 3


def test_a_clip_is_taken_by_one_camera() -> None:
    still = np.repeat(picture().rgb[None], 3, axis=0)
    calm = TakingConfig(noise=0.0)
    changed = 0
    for seed in range(12):
        frames, labels = take(still, picture().labels, [seed], calm, [hand()])
        assert np.array_equal(frames[0], frames[2]) and labels.shape == (HEIGHT, WIDTH)
        changed += not np.array_equal(frames[0], still[0])
    assert changed > 8
    none = TakingConfig(**dict.fromkeys(vars(calm), 0.0))
    frames, labels = take(still, picture().labels, [1], none)
    assert np.array_equal(frames, still) and np.array_equal(labels, picture().labels)
    noisy, _ = take(still, picture().labels, [1], TakingConfig(**{**vars(none), "noise": 1.0}))
    assert not np.array_equal(noisy[0], noisy[1])


def test_a_share_beyond_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"share of blur is 1\.5"):
        TakingConfig(blur=1.5)


def test_the_truth_says_what_is_still_seen() -> None:
    before, after = picture().labels, picture().labels.copy()
    after[:, 50:] = 0
    thing = ObjectTruth(
        3, "mug", "red", "plain", 1.0, (0, 0, 1), (0, 0, 0), (0, 1), None, 400, 0.8, (40, 30, 20, 20)
    )  # fmt: skip
    (seen,) = seen_after([thing], before, after)
    assert (seen.pixels, seen.box, seen.visible_fraction) == (200, (40, 30, 10, 20), pytest.approx(0.4))
    (gone,) = seen_after([thing], before, np.zeros_like(after))
    assert (gone.pixels, gone.box, gone.visible_fraction) == (0, (0, 0, 0, 0), 0.0)
