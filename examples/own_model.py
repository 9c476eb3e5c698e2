"""From your own frames to a model that answers: python examples/own_model.py FRAMES WORK photo.jpg "the red mug".

FRAMES is a folder with images/, masks/ and expressions.csv (docs/datasets.md); WORK takes the run and the bundle. For a
first look, give the number of steps as a fifth argument (default: 6000, hours on two cores), and a WORK of its own. If
killed, run it again.
"""

import sys
from pathlib import Path

from model_training import export, train
from refseg_ros import Segmenter
from refseg_ros.images.pictures import read_picture


def main() -> int:
    """Train, export, ask."""
    if len(sys.argv) not in (5, 6):
        print(f"usage: python {sys.argv[0]} FRAMES WORK PHOTO EXPRESSION [STEPS]", file=sys.stderr)
        return 2
    frames, work, photo, expression, *steps = sys.argv[1:]
    try:
        image = read_picture(Path(photo), as_displayed=True)  # before the hours of training
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    run, bundle = Path(work) / "run", Path(work) / "bundle"
    settings = ["--config", "small", "--data", frames, "--out", str(run), *(f"--steps={count}" for count in steps)]
    if train.main(settings) or export.main([str(run / "model.safetensors"), str(bundle)]):
        return 2
    answer = Segmenter(bundle).segment(image, expression)
    print(f"{answer.verdict.label}, score {answer.score:.2f}, {answer.box}")
    return 0


if __name__ == "__main__":  # the processes that make batches import this file again
    sys.exit(main())
