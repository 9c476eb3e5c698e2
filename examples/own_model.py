"""From your own frames to a model that answers: python examples/own_model.py FRAMES WORK photo.jpg "the red mug".

FRAMES is a folder with images/, masks/ and expressions.csv (docs/datasets.md); WORK takes the run and the bundle. Give
the number of steps as a fifth argument for a first look (default: 6000, hours on two cores). Killed, it goes on.
"""

import sys
from pathlib import Path

import cv2

from model_training import export, train
from refseg_ros import Segmenter


def main() -> int:
    """Train, export, ask."""
    if len(sys.argv) not in (5, 6):
        print(f"usage: python {sys.argv[0]} FRAMES WORK PHOTO EXPRESSION [STEPS]", file=sys.stderr)
        return 2
    frames, work, photo, expression, *steps = sys.argv[1:]
    run, bundle = Path(work) / "run", Path(work) / "bundle"
    settings = ["--config", "small", "--data", frames, "--out", str(run), *(f"--steps={count}" for count in steps)]
    if train.main(settings) or export.main([str(run / "model.safetensors"), str(bundle)]):
        return 2
    image = cv2.cvtColor(cv2.imread(photo), cv2.COLOR_BGR2RGB)
    answer = Segmenter(bundle).segment(image, expression)
    print(f"{answer.verdict.label}, score {answer.score:.2f}, {answer.box}")
    return 0


if __name__ == "__main__":  # the processes that make batches import this file again
    sys.exit(main())
