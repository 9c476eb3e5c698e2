"""The errors of the runtime that are not plain bad arguments (those are ValueErrors)."""


class BundleError(ValueError):
    """A model bundle is refused; the one-line message names the file, what is wrong with it and what to do."""


class EngineError(RuntimeError):
    """An engine failed on a frame, or returned values that are not numbers; that frame has no answer."""


class UnavailableError(BundleError):
    """A runtime cannot run a model on this machine; the one-line message says why and what to do."""
