"""Find a thing in one photo, with the library alone: python examples/find_in_photo.py photo.jpg "the red mug"."""

import sys
from pathlib import Path

import cv2

from refseg_ros import Segmenter, Verdict
from refseg_ros.images.pictures import read_picture

if len(sys.argv) != 3:
    print(f"usage: python {sys.argv[0]} PHOTO EXPRESSION", file=sys.stderr)
    sys.exit(2)
photo, expression = sys.argv[1:]
try:
    image = read_picture(Path(photo), as_displayed=True)  # (H, W, 3) uint8 RGB
except (OSError, ValueError) as error:
    sys.exit(f"error: {error}")
answer = Segmenter().segment(image, expression)

print(f"{answer.verdict.label}, score {answer.score:.2f}, {answer.box}")
if answer.unknown_words:
    print("the model does not know:", ", ".join(answer.unknown_words))
if answer.verdict is Verdict.FOUND:
    cv2.imwrite("mask.png", answer.mask)  # (H, W) uint8, 255 where the thing is
