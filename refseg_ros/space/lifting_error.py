"""The reason why a mask could not be lifted into space."""


class LiftingError(ValueError):
    """A mask cannot be lifted; the message gives the reason in one line.

    Attributes:
        kind: "size" if mask, depth, image and lens differ in size, "empty" if the mask is empty, "depth" if too little
            depth is known, "lens" if the calibration gives no usable points.
        valid_ratio: share of the eroded mask whose depth is known, 0 to 1.
    """

    def __init__(self, kind: str, reason: str, valid_ratio: float = 0.0) -> None:
        super().__init__(reason)
        self.kind = kind
        self.valid_ratio = valid_ratio
