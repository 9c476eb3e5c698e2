"""Training, evaluation and export of the networks that refseg_ros runs. torch lives here, and only here."""

from importlib.util import find_spec

from refseg_ros.interrupts import end_at_interrupt, is_started_from

if is_started_from(__name__):
    end_at_interrupt()

if find_spec("torch") is None:
    raise ModuleNotFoundError(
        "model_training needs torch: pip install .[training], or `make setup-tests` and tools/in_environment.sh python"
    )
