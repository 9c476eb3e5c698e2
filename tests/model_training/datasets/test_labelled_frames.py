"""Real frames with label images: what is said of them, and what is not there."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from model_training.datasets.formats import open_folder


def test_names_become_expressions(tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text(
        json.dumps({"1": "mug", "2": "tuna_fish_can", "3": "soup_can", "4": "pitcher_base", "5": "dog_can"})
    )
    (tmp_path / "a").mkdir()
    labels = np.zeros((40, 60), np.uint8)
    for value in (1, 2, 3):
        labels[10:20, 15 * value : 15 * value + 9] = value
    cv2.imwrite(str(tmp_path / "a" / "1-color.jpg"), np.full((40, 60, 3), 99, np.uint8))
    cv2.imwrite(str(tmp_path / "a" / "1-label.png"), labels)
    (reader,) = open_folder(tmp_path)
    (record,) = reader.records
    sample = reader.load(record)
    shown = {one.text: int(sample.mask_of(index).sum()) for index, one in enumerate(record.expressions)}
    assert shown == {"the mug": 90, "the tuna fish can": 90, "the soup can": 90, "the pitcher": 0}
