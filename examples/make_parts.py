"""Writes three parts as meshes, to try training on them: `python examples/make_parts.py parts`. Yours come from CAD."""

import sys
from pathlib import Path

import numpy as np


def prism(outline, low, high):
    """The triangles (T, 3, 3) in metres between two heights, over an outline (N, 2), star-shaped from its centre."""
    outline = np.asarray(outline, float)
    bottom, top = (np.column_stack([outline, np.full(len(outline), z)]) for z in (low, high))
    middle = outline.mean(0)
    triangles = []
    for i in range(len(outline)):
        j = (i + 1) % len(outline)
        triangles += [
            (bottom[i], bottom[j], top[j]), (bottom[i], top[j], top[i]),
            (top[i], top[j], (*middle, high)), (bottom[j], bottom[i], (*middle, low)),
        ]  # fmt: skip
    return np.array(triangles)


def ring(corners, *radii):
    """An outline (corners, 2) with these radii in turn."""
    angle = np.arange(corners) * 2 * np.pi / corners
    radius = np.resize(radii, corners)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])


def box(width, depth, low, high):
    """The triangles of a box with one corner on the z axis."""
    return prism([(0, 0), (width, 0), (width, depth), (0, depth)], low, high)


def write_ply(path, triangles, colour):
    """Write a PLY file of triangles in one colour, RGB 0 to 255."""
    points = [
        " ".join(f"{value:.5f}" for value in point) + " {} {} {}".format(*colour) for point in triangles.reshape(-1, 3)
    ]
    faces = [f"3 {3 * i} {3 * i + 1} {3 * i + 2}" for i in range(len(triangles))]
    names = [
        *(f"property float {axis}" for axis in "xyz"),
        *(f"property uchar {name}" for name in ("red", "green", "blue")),
    ]
    head = ["ply", "format ascii 1.0", f"element vertex {len(points)}", *names]
    head += [f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header"]
    path.write_text("\n".join([*head, *points, *faces]) + "\n")


if len(sys.argv) != 2:
    print(f"usage: python {sys.argv[0]} FOLDER", file=sys.stderr)
    sys.exit(2)
folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
bracket = np.concatenate([box(0.08, 0.03, 0.0, 0.008), box(0.008, 0.03, 0.008, 0.07)])
bolt = np.concatenate([prism(ring(6, 0.02), 0.0, 0.014), prism(ring(24, 0.01), 0.014, 0.08)])
knob = np.concatenate([prism(ring(20, 0.035, 0.028), 0.0, 0.02), prism(ring(24, 0.012), 0.02, 0.045)])
for name, triangles, colour in (
    ("bracket", bracket, (240, 190, 20)),
    ("bolt", bolt, (60, 60, 65)),
    ("knob", knob, (200, 30, 30)),
):
    write_ply(folder / f"{name}.ply", triangles, colour)
print(f"wrote three parts to {folder}")
