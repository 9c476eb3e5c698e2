"""Ask several expressions of every photo in a folder.

    python examples/photos_to_csv.py photos/ "the red mug" "the bowl"

Writes a row for each photo and expression to standard output. Each photo is encoded once, whatever you ask of it.
"""

import csv
import sys
from pathlib import Path

from refseg_ros import Segmenter
from refseg_ros.images.pictures import read_picture

if len(sys.argv) < 3:
    print(f"usage: python {sys.argv[0]} FOLDER EXPRESSION ...", file=sys.stderr)
    sys.exit(2)
folder, *expressions = sys.argv[1:]
if not Path(folder).is_dir():
    sys.exit(f"error: {folder}: there is no such folder")
segmenter = Segmenter()
rows = csv.writer(sys.stdout)
rows.writerow(["photo", "expression", "verdict", "score", "x", "y", "width", "height"])
for photo in sorted(Path(folder).iterdir()):
    try:
        image = read_picture(photo, as_displayed=True)
    except (OSError, ValueError) as error:
        print(f"left out: {error}", file=sys.stderr)
        continue
    stream = segmenter.stream()  # a new one for each photo: they are no film
    stream.observe(image, stamp=0.0)
    for answer in stream.answer(expressions):
        rows.writerow([photo.name, answer.text, answer.verdict.label, f"{answer.score:.3f}", *answer.box])
