"""The guided filter against its equations, window by window, and what it is for."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from refseg_ros import Segmenter, Verdict
from refseg_ros.outlines import COARSER, EPSILON, RADIUS, SURE, GuidedFilter


def half(plane: np.ndarray) -> np.ndarray:
    """The mean of each 2 x 2 cell."""
    height, width = (side // 2 for side in plane.shape[:2])
    return plane.reshape(height, 2, width, 2, *plane.shape[2:]).mean((1, 3))


def finer(plane: np.ndarray) -> np.ndarray:
    """Twice as many cells on each side, bilinearly by their centres."""
    for axis in (0, 1):
        count = plane.shape[axis]
        at = ((np.arange(2 * count) + 0.5) / 2 - 0.5).clip(0, count - 1)
        plane = np.apply_along_axis(lambda line, at=at, count=count: np.interp(at, np.arange(count), line), axis, plane)
    return plane


def window_by_window(image: np.ndarray, logits: np.ndarray, radius: int) -> np.ndarray:
    """Eq. 19 to 21 of He et al. in float64, each window by itself, with the image mirrored at its borders; a and b at
    half of the image's size.
    """
    whole, p = image / 255, half(logits.astype(np.float64)).clip(-SURE, SURE)
    guide = np.floor(half(image.astype(np.float64)) + 0.5) / 255  # an image of bytes, too
    height, width = p.shape
    mirrored = [np.pad(np.arange(side), radius, mode="reflect") for side in (height, width)]
    a, b = np.empty((height, width, 3)), np.empty((height, width))
    windows = [[slice(start, start + 2 * radius + 1) for start in range(side)] for side in (height, width)]
    for y, rows in enumerate(windows[0]):
        for x, columns in enumerate(windows[1]):
            cells = np.ix_(mirrored[0][rows], mirrored[1][columns])
            colours, values = guide[cells].reshape(-1, 3), p[cells].ravel()
            spread = np.cov(colours.T, bias=True) + EPSILON * np.eye(3)
            together = (colours * values[:, None]).mean(0) - colours.mean(0) * values.mean()
            a[y, x] = np.linalg.solve(spread, together)
            b[y, x] = values.mean() - a[y, x] @ colours.mean(0)
    mean_a, mean_b = np.empty_like(a), np.empty_like(b)
    for y, rows in enumerate(windows[0]):
        for x, columns in enumerate(windows[1]):
            cells = np.ix_(mirrored[0][rows], mirrored[1][columns])
            mean_a[y, x], mean_b[y, x] = a[cells].reshape(-1, 3).mean(0), b[cells].mean()
    return (finer(mean_a) * whole).sum(2) + finer(mean_b)


def scene(seed: int, height: int = 144, width: int = 192) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A noisy image of a red box, its mask, and blurred logits that lie beside it."""
    rng = np.random.default_rng(seed)
    image = np.full((height, width, 3), 90.0)
    truth = np.zeros((height, width), bool)
    truth[32:112, 48:136] = True
    image[truth] = (200, 60, 60)
    image = (image + rng.normal(0, 3, image.shape)).clip(0, 255).astype(np.uint8)
    rough = np.where(np.roll(truth, (1, -1), (0, 1)), 6.0, -6.0)
    return image, truth, cv2.GaussianBlur(rough, (0, 0), 2).astype(np.float32)


@pytest.mark.parametrize("seed", range(3))
def test_as_window_by_window(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = cv2.GaussianBlur(rng.normal(128, 90, (60, 146, 3)), (0, 0), 1.5).clip(0, 255).astype(np.uint8)
    logits = cv2.GaussianBlur(rng.normal(0, 30, (60, 146)), (0, 0), 2).astype(np.float32)
    refined = GuidedFilter(image).refine(logits)
    assert refined.shape == logits.shape and refined.dtype == np.float32
    assert COARSER == 2 and round(RADIUS * 73) == 2 and np.abs(logits).max() > SURE
    assert np.abs(refined - window_by_window(image, logits, 2)).max() < 2e-3


@pytest.mark.parametrize("seed", range(3))
def test_a_mask_is_drawn_to_the_edges(seed: int) -> None:
    image, truth, logits = scene(seed)
    refined = GuidedFilter(image).refine(logits)
    wrong, left = (np.count_nonzero((mask > 0) != truth) for mask in (logits, refined))
    assert wrong > 200 and left < 0.4 * wrong, (wrong, left)


def test_both_labels_are_treated_alike_and_what_is_certain_everywhere_stays() -> None:
    image, _, logits = scene(5)
    sharpened = GuidedFilter(image)
    assert np.allclose(sharpened.refine(logits), -sharpened.refine(-logits), atol=1e-3)
    assert np.allclose(sharpened.refine(np.full_like(logits, 5)), 5, atol=1e-3)


def test_where_the_image_has_no_edges_an_outline_stays_where_it_is() -> None:
    _, _, logits = scene(6)
    refined = GuidedFilter(np.full((*logits.shape, 3), 90, np.uint8)).refine(logits)
    assert ((refined > 0) == (logits > 0)).mean() > 0.98


def test_coarser_logits_are_brought_to_the_image_first() -> None:
    image, truth, logits = scene(7)
    coarse = cv2.resize(logits, (96, 72), interpolation=cv2.INTER_AREA)
    refined = GuidedFilter(image).refine(coarse)
    assert refined.shape == truth.shape
    assert ((refined > 0) == truth).mean() > 0.98


def test_far_coarser_logits_become_no_blocks() -> None:
    slope = np.tile(np.linspace(-6, 6, 6, dtype=np.float32), (4, 1))
    image = np.full((144, 192, 3), 90, np.uint8)
    plain = cv2.resize(slope, (192, 144), interpolation=cv2.INTER_LINEAR)
    refined = GuidedFilter(image).refine(slope)
    assert np.abs(refined - plain)[:, 32:-32].max() < 0.05


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (9, 1)])
def test_the_smallest_images(size: tuple[int, int]) -> None:
    refined = GuidedFilter(np.zeros((*size, 3), np.uint8)).refine(np.ones(size, np.float32))
    assert refined.shape == size and (refined > 0).all()


def test_the_segmenter_s_masks_are_refined(bundle_folder: Path) -> None:
    image = np.full((480, 640, 3), 90, np.uint8)
    image[103:305, 207:411] = (220, 10, 10)
    truth = (image[..., 0] == 220).astype(bool)
    plain, refined = (
        Segmenter(bundle_folder, threads=1, outlines=outlines).segment(image, "the red mug")
        for outlines in ("network", "guided")
    )
    assert refined.verdict is plain.verdict is Verdict.FOUND and refined.score == plain.score
    wrong = [np.count_nonzero((answer.mask > 0) != truth) for answer in (plain, refined)]
    assert wrong[1] <= wrong[0]
    assert Segmenter(bundle_folder, threads=1).config.outlines == "guided"
