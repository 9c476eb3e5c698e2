"""When a model is loaded again, and when not yet."""

from __future__ import annotations

import pytest

from refseg_ros import Segmenter
from refseg_ros.errors import BundleError, EngineError
from refseg_ros.node.model import FAILURES, Model


class Loader:
    """Gives the model, or the reason why there is none, and tells how often it was asked."""

    def __init__(self, segmenter: Segmenter) -> None:
        self._segmenter = segmenter
        self.asked = 0
        self.is_gone = False

    def __call__(self) -> Segmenter:
        self.asked += 1
        if self.is_gone:
            raise BundleError("the bundle is gone")
        return self._segmenter


@pytest.fixture
def loader(segmenter) -> Loader:
    return Loader(segmenter)


@pytest.fixture
def model(loader) -> Model:
    model = Model(loader, lambda _: None)
    model.load()
    return model


def fail(model: Model, times: int) -> None:
    for _ in range(times):
        model.failed("it is broken")


def let_go_of(model: Model) -> list[bool]:
    """Mend it; what was let go of."""
    let_go: list[bool] = []
    model.mend(lambda: let_go.append(True))
    return let_go


def test_it_is_loaded_again_after_so_many_failures_in_a_row_and_no_sooner(model, loader):
    for _ in range(3):
        fail(model, FAILURES - 1)
        assert not let_go_of(model)
        model.worked()
    fail(model, FAILURES)
    assert let_go_of(model) == [True]
    assert loader.asked == model.loads == 2
    assert "it is broken" in model.trouble
    model.worked()
    assert model.trouble == ""
    assert model.stream() is not None


def test_what_stays_broken_is_loaded_ever_more_seldom_until_it_answers(model, loader):
    fail(model, FAILURES)
    let_go_of(model)
    fail(model, 100 * FAILURES)
    assert not let_go_of(model), "the pause is not over"
    assert loader.asked == 2
    model.worked()
    fail(model, FAILURES)
    assert let_go_of(model), "it worked in between"


def test_without_a_model_images_are_lost_with_the_reason(model, loader):
    loader.is_gone = True
    fail(model, FAILURES)
    let_go_of(model)
    assert model.segmenter is None
    with pytest.raises(EngineError, match="cannot be loaded again: the bundle is gone"):
        model.stream()


def test_the_threshold_outlives_the_model(model, segmenter):
    own = segmenter.manifest.thresholds.presence
    model.set_threshold(0.75)
    assert segmenter.manifest.thresholds.presence == 0.75
    model.set_threshold(0.0)
    assert segmenter.manifest.thresholds.presence == own
