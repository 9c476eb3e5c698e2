"""Look into a folder of meshes: `python -m model_training.objects DIR`.

Prints each thing with its names, colours and size, and one line for each fault: units, missing textures, open or huge
meshes, meshes that are left out, names shared by several things. Writes a picture of all things from four sides. Exit
code 1 if a thing cannot be used, 2 with one line if the folder holds no thing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import cv2
import mujoco
import numpy as np

from refseg_ros.command import command, program
from refseg_ros.media.files import write_png
from refseg_ros.simulation.camera import look_at
from refseg_ros.simulation.mesh_files import FileMesh, read_mesh
from refseg_ros.simulation.mujoco_model import compile_scene
from refseg_ros.simulation.renderer import Renderer
from refseg_ros.simulation.scan_list import Listed, double_names, left_out, list_scans
from refseg_ros.simulation.scans import Scan, load_scan
from refseg_ros.simulation.scene import Light, Scene, Thing
from refseg_ros.space.rotations import turned
from refseg_ros.text import drawable, printable

MANY_FACES = 20_000
"""A mesh with more faces makes scenes slow."""
OPEN = 0.02
"""A mesh is called open if a larger share of its edges has a single face."""

_SIDE, _TEXT_HEIGHT, _COLUMNS, _SIDES = 160, 34, 2, 4  # pixels, pixels, things in a row, pictures of each
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def complaints(listed: Listed, mesh: FileMesh) -> list[str]:
    """Faults of a usable mesh, one line each."""
    found = [f"{listed.path}: {remark}" for remark in mesh.remarks]
    if mesh.picture is not None and not mesh.picture.is_file():
        colour = "grey" if mesh.colours is None else "in plain colours"
        found.append(f"{listed.path}: its texture {mesh.picture} is not there; it will be {colour}")
    elif mesh.picture is None and mesh.colours is None:
        found.append(f"{listed.path}: has neither texture nor colour; it will be grey")
    if (share := open_share(mesh)) > OPEN:
        found.append(f"{listed.path}: is open, {share:.0%} of its edges have one face; from inside it cannot be seen")
    if len(mesh.faces) > MANY_FACES:
        found.append(f"{listed.path}: has {len(mesh.faces)} faces; 5000 look the same from a metre and draw faster")
    return found


def open_share(mesh: FileMesh) -> float:
    """Share of the edges with only one face; vertices at the same place, as on texture seams, count as one."""
    size = float(np.ptp(mesh.vertices, axis=0).max()) or 1.0
    _, place = np.unique(np.rint(mesh.vertices / size * 1e5).astype(np.int64), axis=0, return_inverse=True)
    faces = place.reshape(-1)[mesh.faces]
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    _, counts = np.unique(edges[edges[:, 0] != edges[:, 1]], axis=0, return_counts=True)
    return float((counts == 1).mean()) if len(counts) else 1.0


def portraits(renderer: Renderer, scan: Scan) -> np.ndarray:
    """A thing from four sides, each as large as the picture allows: (160, 640, 3) uint8 RGB."""
    reach = float(np.linalg.norm(scan.size)) / 2.0
    angle = np.radians(40.0)
    middle = np.array([0.0, 0.0, float(scan.size[2]) / 2.0])
    camera = look_at(middle, 0.0, np.radians(25.0), 1.05 * reach / np.sin(angle / 2), angle, (_SIDE, _SIDE))
    plain = np.full((4, 4, 3), 225, np.uint8)
    thing = Thing(
        scan.names[0], scan.colour, "scanned", 1.0, scan.blueprint, scan.blueprint.poses[0], middle,
        np.array([1.0, 0.0, 0.0, 0.0]), np.full(3, 0.5), scan.texture, scan.names, scan.other_colours,
    )  # fmt: skip
    lights = (Light(np.array([0.5, 0.3, -0.8]), np.full(3, 0.6), True),)
    table = (2.0, 2.0)
    model = compile_scene(Scene((thing,), camera, lights, 0.55, plain, table, 0.0, 1.0, plain, 3.0, 0.0, plain))
    data = mujoco.MjData(model)
    renderer.open(model)
    pictures = []
    for quarter in range(_SIDES):
        data.qpos[3:7] = turned((1.0, 0.0, 0.0, 0.0), quarter * np.pi / 2)
        mujoco.mj_forward(model, data)
        pictures.append(renderer.draw(data, depth=False).rgb)
    return np.hstack(pictures)


def cell(scan: Scan, pictures: np.ndarray) -> np.ndarray:
    """A cell of the sheet: the pictures of a thing above its name, size and colours."""
    canvas = np.full((_SIDE + _TEXT_HEIGHT, _SIDES * _SIDE, 3), 255, np.uint8)
    canvas[:_SIDE] = pictures
    for line, words in enumerate((f"{scan.id}: {', '.join(scan.names)}", _facts(scan))):
        place = (4, _SIDE + 13 + 15 * line)
        cv2.putText(canvas, drawable(words)[:95], place, _FONT, 0.38, (0, 0, 0), 1, cv2.LINE_AA)
    return canvas


def _facts(scan: Scan) -> str:
    size = " x ".join(f"{1000 * side:.0f}" for side in scan.size)
    colours = ", ".join(([scan.colour] if scan.colour else ["no clear colour"]) + [*scan.other_colours])
    return f"{size} mm; {colours}" + ("; held out" if scan.held_out else "")


@command()
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog=program(), description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="PNG to write, all things from four sides on it")
    options = parser.parse_args(arguments)
    if options.sheet and options.sheet.suffix.lower() != ".png":
        raise ValueError(f"{options.sheet}: the contact sheet is a PNG; give a name that ends in .png")
    if options.sheet and options.sheet.resolve().is_relative_to(options.folder.resolve()):
        raise ValueError(f"{options.sheet}: lies among the meshes, as a texture would; write the sheet elsewhere")
    things, unusable, cells = list_scans(options.folder), 0, []
    with closing(Renderer(_SIDE, _SIDE)) as renderer:
        for listed in things:
            try:
                scan = load_scan(listed)
                lines = complaints(listed, read_mesh(listed.path))
            except (ValueError, OSError) as error:
                unusable += 1
                print(f"! {printable(str(error))}")
                continue
            print(f"{scan.id}: {printable(', '.join(scan.names))}; {_facts(scan)}")
            for line in lines:
                print(f"  ! {printable(line)}")
            if options.sheet:
                cells.append(cell(scan, portraits(renderer, scan)))
    for line in left_out(options.folder):
        print(f"! {printable(line)}")
    for names, ids in double_names(things).items():
        print(f"! {', '.join(ids)}: are all called {names}; only colour, size or place can tell them apart")
    print(f"{len(things) - unusable} of {len(things)} things can be used")
    if cells:
        cells += [np.full_like(cells[0], 255)] * (-len(cells) % _COLUMNS)
        rows = [np.hstack(cells[start : start + _COLUMNS]) for start in range(0, len(cells), _COLUMNS)]
        write_png(options.sheet, np.vstack(rows))
        print(f"wrote {options.sheet}")
    return 1 if unusable else 0


if __name__ == "__main__":
    sys.exit(main())
