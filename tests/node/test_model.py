"""When a model is loaded again and when not yet, and what it remembers of each camera."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import json
import math
import weakref
from pathlib import Path

import numpy as np
import pytest

from refseg_ros import Segmenter
from refseg_ros.errors import BundleError, EngineError
from refseg_ros.node.model import FAILURES, Model
from tests.bundles import write_bundle

IMAGE = np.full((24, 32, 3), 90, np.uint8)


class Loader:
    """Loads a bundle, or says why there is none, and counts how often it was called."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.calls = 0
        self.is_gone = False

    def __call__(self) -> Segmenter:
        self.calls += 1
        if self.is_gone:
            raise BundleError("the bundle is gone")
        return Segmenter(self._folder, threads=1)


@pytest.fixture
def loader(tmp_path) -> Loader:
    return Loader(write_bundle(tmp_path / "bundle"))


@pytest.fixture
def model(loader) -> Model:
    model = Model(loader, lambda _: None)
    model.load()
    return model


def fail(model: Model, times: int) -> None:
    """Lose images in the network: their stream's fusion cannot run."""
    for _ in range(times):
        past = model.past()
        past.stream.answer = broken
        with pytest.raises(EngineError):
            model.answer(past, IMAGE, 0.0, ["red"])


def broken(*_):
    raise EngineError("it is broken")


def work(model: Model, owner: object = None) -> None:
    model.answer(model.past(owner), IMAGE, 0.0, ["red"])


def test_it_is_loaded_again_after_so_many_failures_in_a_row_and_no_sooner(model, loader):
    for _ in range(3):
        fail(model, FAILURES - 1)
        work(model)
    assert loader.calls == 1
    fail(model, FAILURES)
    assert loader.calls == 1, "it is loaded again when it is next needed"
    past = model.past()
    assert loader.calls == model.loads == 2
    assert "it is broken" in model.trouble
    model.observe(past, IMAGE, 0.0)
    assert model.trouble, "an image without an answer does not show that it works"
    work(model)
    assert model.trouble == ""


def test_a_model_of_single_images_wants_no_further_image_before_it_is_asked(tmp_path):
    folder = write_bundle(tmp_path / "bundle")
    manifest = json.loads((folder / "manifest.json").read_text())
    model = Model(lambda: Segmenter(folder, threads=1), lambda _: None)
    model.load()
    assert model.interval == manifest["clip"]["interval"]
    (folder / "manifest.json").write_text(json.dumps(manifest | {"clip": manifest["clip"] | {"length": 1}}))
    model.load()
    assert model.interval == math.inf


def test_what_stays_broken_is_loaded_ever_more_seldom_until_it_answers(model, loader):
    fail(model, FAILURES)
    fail(model, 3 * FAILURES)
    assert loader.calls == 2, "the pause is not over"
    work(model)
    fail(model, FAILURES)
    model.past()
    assert loader.calls == 3, "it worked in between"


def test_an_encoder_that_fails_now_and_then_is_not_loaded_again_though_nobody_asks(model, loader):
    past = model.past()
    whole = past.stream.observe
    for stamp, observe in enumerate([*[broken, whole] * FAILURES, *[broken] * FAILURES]):
        assert model.past() and loader.calls == 1
        past.stream.observe = observe
        with contextlib.suppress(EngineError):
            model.observe(past, IMAGE, stamp)
    past = model.past()
    assert loader.calls == 2 and "it is broken" in model.trouble
    model.observe(past, IMAGE, 0.0)
    assert model.trouble == "", "the part that failed works"


def test_without_a_model_images_are_lost_with_the_reason(model, loader):
    loader.is_gone = True
    fail(model, FAILURES)
    with pytest.raises(EngineError, match="cannot be loaded again: the bundle is gone"):
        model.past()
    assert model.segmenter is None


def test_each_camera_has_a_past_until_it_is_forgotten(model):
    front, wrist = object(), object()
    past = model.past(front)
    assert model.past(front) is past and model.past(wrist) is not past
    assert model.past() is not model.past(), "one without a camera is not kept"
    model.forget()
    assert model.past(front) is not past


def test_nothing_of_the_old_model_is_held_while_it_is_loaded_again(loader):
    """The memory of a GPU may be too small for two."""
    held: list[object] = []

    def load() -> Segmenter:
        held.extend(reference() for reference in old)
        return loader()

    model = Model(load, lambda _: None)
    old: list[weakref.ref] = []
    model.load()
    work(model, "front")
    old += [weakref.ref(model.segmenter), weakref.ref(model.past("front"))]
    fail(model, FAILURES)
    gc.collect()
    assert [reference() is None for reference in old] == [False, False]
    work(model, "front")
    assert held == [None, None]


def test_the_threshold_outlives_the_model(model):
    own = model.segmenter.thresholds
    model.set_threshold(0.75)
    assert model.segmenter.thresholds == dataclasses.replace(own, found=0.75)
    fail(model, FAILURES)
    model.past()
    assert model.loads == 2 and model.segmenter.thresholds == dataclasses.replace(own, found=0.75)
    model.set_threshold(0.0)
    assert model.segmenter.thresholds == own
    model.set_threshold(0.2)  # what may be found is not called absent
    assert model.segmenter.thresholds == dataclasses.replace(own, found=0.2, absent=0.2)
