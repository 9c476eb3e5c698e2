"""DenseCRF against mean field by brute force, and what it is for."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from model_training.scoring.dense_crf import ITERATIONS, KERNELS, SIDE, DenseCRF, at_working_size
from refseg_ros.geometry import Letterbox


def refine(image: np.ndarray, logits: np.ndarray) -> np.ndarray:
    return DenseCRF(image).refine(logits)


def by_brute_force(image: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """`refine` with every pair of pixels."""
    matrices = []
    for kernel in KERNELS:
        features = kernel.features(image)
        pairs = np.exp(-0.5 * ((features[:, None] - features[None]) ** 2).sum(-1))
        scale = 1 / np.sqrt(pairs.sum(1))
        matrices.append(kernel.weight * scale[:, None] * pairs * scale)
    unary = logits.astype(np.float64).ravel()
    refined = unary
    for _ in range(ITERATIONS):
        present = 1 / (1 + np.exp(-refined))
        refined = unary + sum(matrix @ present - matrix @ (1 - present) for matrix in matrices)
    return refined.reshape(logits.shape)


def scene(seed: int, height: int = 36, width: int = 48) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A noisy image of a red box, its mask, and rough logits that lie beside it."""
    rng = np.random.default_rng(seed)
    image = np.full((height, width, 3), 90.0)
    truth = np.zeros((height, width), bool)
    truth[8:28, 12:34] = True
    image[truth] = (200, 60, 60)
    image = (image + rng.normal(0, 3, image.shape)).clip(0, 255).astype(np.uint8)
    rough = np.where(np.roll(truth, (3, -3), (0, 1)), 2.0, -2.0) + rng.normal(0, 2, truth.shape)
    return image, truth, cv2.GaussianBlur(rough, (0, 0), 1.5).astype(np.float32)


@pytest.mark.parametrize("seed", range(3))
def test_as_by_brute_force(seed: int) -> None:
    image, truth, logits = scene(seed)
    refined, expected = refine(image, logits), by_brute_force(image, logits)
    assert refined.shape == logits.shape and refined.dtype == np.float32
    assert np.array_equal(refined > 0, expected > 0)
    probability, wanted = (1 / (1 + np.exp(-values)) for values in (refined, expected))
    assert np.abs(probability - wanted).mean() < 1e-3


@pytest.mark.parametrize("seed", range(3))
def test_on_an_image_of_noise_as_by_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    smooth = cv2.GaussianBlur(rng.normal(0, 60, (30, 40, 3)), (0, 0), 4)
    image = (120 + 8 * smooth).clip(0, 255).astype(np.uint8)
    logits = cv2.GaussianBlur(rng.normal(0, 8, (30, 40)), (0, 0), 3).astype(np.float32)
    refined, expected = refine(image, logits), by_brute_force(image, logits)
    assert ((refined > 0) == (expected > 0)).mean() > 0.97
    assert np.corrcoef(refined.ravel(), expected.ravel())[0, 1] > 0.98


def test_a_mask_is_drawn_to_the_edges() -> None:
    image, truth, logits = scene(5)
    assert ((logits > 0) == truth).mean() < 0.9
    assert ((refine(image, logits) > 0) == truth).mean() > 0.99


def test_both_labels_are_treated_alike() -> None:
    image, _, logits = scene(6)
    assert np.allclose(refine(image, logits), -refine(image, -logits), atol=1e-3)


def test_what_is_certain_everywhere_stays() -> None:
    image, _, logits = scene(7)
    assert (refine(image, np.full_like(logits, 5)) > 5).all()
    assert not refine(image, np.zeros_like(logits)).any()


def test_coarser_logits_are_brought_to_the_image_first() -> None:
    image, truth, logits = scene(8)
    coarse = cv2.resize(logits, (24, 18), interpolation=cv2.INTER_AREA)
    refined = refine(image, coarse)
    assert refined.shape == truth.shape
    assert np.array_equal(refined, refine(image, cv2.resize(coarse, (48, 36), interpolation=cv2.INTER_LINEAR)))
    assert ((refined > 0) == truth).mean() > 0.98


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (9, 1)])
def test_the_smallest_images(size: tuple[int, int]) -> None:
    refined = refine(np.zeros((*size, 3), np.uint8), np.ones(size, np.float32))
    assert refined.shape == size and (refined > 0).all()


@pytest.mark.parametrize("size", [(480, 640), (1080, 1920), (40, 30)])
def test_the_working_size_is_laid_out_as_the_input(size: tuple[int, int]) -> None:
    letterbox = Letterbox.fit(*size, 144, 192)
    image = np.zeros((*size, 3), np.uint8)
    image[:, : size[1] // 2] = 255
    canvas = at_working_size(image, letterbox, 128)
    assert canvas.shape == (240, SIDE, 3)
    small = letterbox.apply(image, 128)
    assert np.abs(cv2.resize(canvas, (192, 144), interpolation=cv2.INTER_AREA).astype(int) - small).mean() < 3


def test_several_masks_on_one_image() -> None:
    image, _, logits = scene(9)
    crf = DenseCRF(image)
    first = crf.refine(logits)
    assert not np.array_equal(crf.refine(-logits), first) and np.array_equal(crf.refine(logits), first)
