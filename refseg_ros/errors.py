"""The errors of the runtime; plain bad arguments are ValueErrors."""


class BundleError(ValueError):
    """A model bundle is refused; the one-line message names the file, the fault and what to do."""


class EngineError(RuntimeError):
    """An engine failed on a frame, or returned NaN or infinity; the frame has no answer."""


class UnavailableError(BundleError):
    """A runtime cannot run a model on this machine; the one-line message gives the reason and what to do."""
