"""Looks of meshes: the colours and pictures that their materials name, and no picture of anything else."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from refseg_ros.simulation.mesh_files import read_mesh
from refseg_ros.simulation.meshes import box
from refseg_ros.simulation.scans import ScanSet
from tests.simulation.mesh_writers import write_obj

BOX = box((0.08, 0.06, 0.1))


def write_box(path: Path, materials: str, *used: str) -> None:
    """A box with texture coordinates whose faces take the materials in turn; they are in a file beside it."""
    write_obj(path, BOX)
    lines, faces = [], 0
    for line in path.read_text().splitlines():
        if line.startswith("f ") and used:
            lines.append(f"usemtl {used[faces % len(used)]}")
            faces += 1
        lines.append(line)
    path.write_text("\n".join([f"mtllib {path.stem}.mtl", *lines]) + "\n")
    path.with_suffix(".mtl").write_text(materials)


def write_picture(path: Path, rgb: tuple[int, int, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((8, 8, 3), rgb[::-1], np.uint8))


def colours(folder: Path) -> dict[str, str]:
    return {scan.id: scan.colour for scan in ScanSet.load(folder).scans}


def test_a_material_without_a_picture_gives_its_colour(tmp_path: Path) -> None:
    write_box(
        tmp_path / "bolt.obj", "newmtl dark steel\nKd 0.8 0.05 0.05\nnewmtl dark rubber\nKd 0 0 0\n", "dark steel"
    )
    write_picture(tmp_path / "preview.png", (20, 60, 220))
    assert read_mesh(tmp_path / "bolt.obj").picture is None
    assert colours(tmp_path) == {"bolt": "red"}


def test_each_face_has_the_colour_of_its_own_material(tmp_path: Path) -> None:
    write_box(tmp_path / "bolt.obj", "newmtl a\nKd 1 0 0\nnewmtl b\nKd 0 0 1\n", "a", "b")
    assert read_mesh(tmp_path / "bolt.obj").colours.tolist() == [[1, 0, 0], [0, 0, 1]] * 6


def test_a_colour_of_one_number_is_grey_and_a_spectrum_is_none(tmp_path: Path) -> None:
    materials = "newmtl a\nKd 0.5\nnewmtl b\nKd spectral steel.rfl 0.9\nnewmtl c\nKd xyz 0.2 0.2 0.2\n"
    write_box(tmp_path / "bolt.obj", materials, "a", "b", "c", "c")
    bare = read_mesh(tmp_path / "bolt.obj").colours[1].tolist()
    assert read_mesh(tmp_path / "bolt.obj").colours.tolist() == [[0.5, 0.5, 0.5], bare, bare, bare] * 3


def test_a_line_may_go_on_in_the_next_and_a_place_have_one_number(tmp_path: Path) -> None:
    write_obj(tmp_path / "bolt.obj", BOX)
    whole = read_mesh(tmp_path / "bolt.obj")
    text = (tmp_path / "bolt.obj").read_text()
    head, begin, last = text.rpartition("\nf ")
    (tmp_path / "bolt.obj").write_text(f"vt 0.5\r\n{head}{begin}{last.replace(' ', ' ' + chr(92) + chr(10), 1)}")
    assert np.array_equal(read_mesh(tmp_path / "bolt.obj").faces, whole.faces)


def test_materials_without_a_name_are_none(tmp_path: Path) -> None:
    write_obj(tmp_path / "bolt.obj", BOX)
    (tmp_path / "bolt.obj").write_text("mtllib\n" + (tmp_path / "bolt.obj").read_text())
    mesh = read_mesh(tmp_path / "bolt.obj")
    assert len(mesh.faces) == 12 and not mesh.remarks


def test_an_option_with_a_word_is_no_part_of_the_name(tmp_path: Path) -> None:
    write_box(tmp_path / "cup.obj", "newmtl a\nmap_Kd\nmap_Kd -colorspace sRGB steel.png\n", "a")
    write_picture(tmp_path / "steel.png", (28, 76, 205))
    assert colours(tmp_path) == {"cup": "blue"}


@pytest.mark.parametrize(
    "named",
    ["my blue steel.png", "-s 1 1 1 -clamp on my blue steel.png", r"C:\parts\my blue steel.png", "./my blue steel.png"],
)
def test_a_picture_is_found_by_the_name_in_the_material(tmp_path: Path, named: str) -> None:
    write_box(tmp_path / "mug.obj", f"newmtl a\nKd 1 0 0\nmap_Kd {named}\n", "a")
    write_picture(tmp_path / "my blue steel.png", (28, 76, 205))
    write_picture(tmp_path / "mug.png", (38, 150, 52))
    assert colours(tmp_path) == {"mug": "blue"}


def test_a_picture_that_is_missing_leaves_the_colour_of_the_material(tmp_path: Path) -> None:
    write_box(tmp_path / "mug.obj", "newmtl a\nKd 0.8 0.05 0.05\nmap_Kd lost.png\n", "a")
    assert read_mesh(tmp_path / "mug.obj").picture == tmp_path / "lost.png"
    assert colours(tmp_path) == {"mug": "red"}


def test_a_mesh_takes_no_picture_of_another(tmp_path: Path) -> None:
    write_obj(tmp_path / "mug.obj", BOX, np.full((8, 8, 3), (205, 22, 28), np.uint8))
    write_obj(tmp_path / "bolt.obj", BOX)
    write_obj(tmp_path / "can" / "mesh.obj", BOX)
    write_picture(tmp_path / "can" / "texture.jpg", (28, 76, 205))
    pictures = {path.stem: read_mesh(path).picture for path in tmp_path.rglob("*.obj")}
    assert pictures == {"mug": tmp_path / "mug.png", "bolt": None, "mesh": tmp_path / "can" / "texture.jpg"}


def test_of_several_pictures_the_one_of_most_faces_is_shown_and_the_others_are_told(tmp_path: Path) -> None:
    materials = "newmtl a\nmap_Kd small.png\nnewmtl b\nmap_Kd large.png\nnewmtl c\nKd 1 0 0\n"
    write_box(tmp_path / "mug.obj", materials, "a", "b", "b", "c")
    mesh = read_mesh(tmp_path / "mug.obj")
    assert mesh.picture == tmp_path / "large.png"
    told = "has several materials; all faces show large.png, which most have, none plain colours, small.png"
    assert mesh.remarks == (told,)


def test_materials_that_are_missing_are_told(tmp_path: Path) -> None:
    write_box(tmp_path / "mug.obj", "", "a")
    (tmp_path / "mug.mtl").unlink()
    assert read_mesh(tmp_path / "mug.obj").remarks == (f"its materials {tmp_path / 'mug.mtl'} are not there",)


def test_a_ply_with_texture_coordinates_but_no_picture_has_its_colours(tmp_path: Path) -> None:
    head = "ply\nformat ascii 1.0\nelement vertex 3\n" + "".join(f"property float {name}\n" for name in "xyzst")
    head += "".join(f"property uchar {name}\n" for name in ("red", "green", "blue"))
    head += "element face 1\nproperty list uchar int vertex_indices\nend_header\n"
    rows = ["0 0 0 0 0 255 0 0", "0.1 0 0 1 0 255 0 0", "0 0.1 0 0 1 255 0 0", "3 0 1 2"]
    (tmp_path / "tag.ply").write_text(head + "\n".join(rows) + "\n")
    mesh = read_mesh(tmp_path / "tag.ply")
    assert mesh.picture is None and mesh.colours.tolist() == [[1, 0, 0]]
