"""The look into a folder of meshes: what is right is listed and drawn, what is wrong has one line."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from model_training.objects import main, open_share
from refseg_ros.simulation.mesh_files import FileMesh, read_mesh
from refseg_ros.simulation.meshes import box
from tests.simulation.mesh_writers import kitchen, write_obj, write_stl


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_a_good_folder_is_listed_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, sheet = kitchen(tmp_path / "kitchen"), tmp_path / "sheet.png"
    assert main([str(folder), "--sheet", str(sheet)]) == 0
    out = lines(capsys)
    assert "red_box: box; 80 x 60 x 100 mm; red" in out and "soda_can: can, soda can; 70 x 70 x 100 mm; blue" in out
    assert "! box_2, red_box: are all called box; only colour, size or place can tell them apart" in out
    assert "4 of 4 things can be used" in out
    drawn = cv2.imread(str(sheet))
    assert drawn.shape == (2 * 194, 1280, 3)
    red = (drawn[..., 2].astype(int) - drawn[..., :2].max(axis=2)) > 80
    assert all(red[194:354, 160 * side : 160 * side + 160].mean() > 0.05 for side in range(4)), "the third thing"


def test_what_is_wrong_has_a_line_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_obj(tmp_path / "huge_mug.obj", box((90, 60, 80)))
    write_obj(tmp_path / "bare.obj", box((0.1, 0.1, 0.1)))
    open_box = box((0.1, 0.1, 0.1))
    write_stl(tmp_path / "tray.stl", FileMesh(open_box.vertices, open_box.faces[2:], open_box.texture), binary=False)
    (tmp_path / "broken.ply").write_bytes(b"ply\n")
    assert main([str(tmp_path)]) == 1
    out = lines(capsys)
    assert any(
        "huge_mug.obj: this mug is 90 m long: are these millimetres? Scale the mesh by 0.001" in line for line in out
    )
    assert any("bare.obj: has neither texture nor colour; it will be grey" in line for line in out)
    assert not any(".png" in line for line in out), "a picture that nobody named"
    assert any("tray.stl: is open" in line for line in out) and any(
        "neither texture nor colour" in line for line in out
    )
    assert any("broken.ply: is damaged" in line for line in out)
    assert "2 of 4 things can be used" in out


def test_what_a_material_names_and_is_not_shown_has_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_obj(tmp_path / "mug.obj", box((0.1, 0.1, 0.1)))
    (tmp_path / "mug.obj").write_text("mtllib mug.mtl\n" + (tmp_path / "mug.obj").read_text())
    assert main([str(tmp_path)]) == 0
    assert f"  ! {tmp_path / 'mug.obj'}: its materials {tmp_path / 'mug.mtl'} are not there" in lines(capsys)


def test_a_mesh_that_is_left_out_has_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kitchen(tmp_path)
    (tmp_path / "objects.json").write_text('[{"id": "ball", "noun": "ball"}]')
    assert main([str(tmp_path)]) == 0
    out = lines(capsys)
    assert sum("is left out" in line for line in out) == 3 and "1 of 1 things can be used" in out
    assert any(line.startswith("! ") and "box_2.ply: is left out" in line for line in out)


def test_the_sheet_is_not_written_among_the_meshes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There the next reader would take it for the texture of a mesh."""
    folder = kitchen(tmp_path / "kitchen")
    assert main([str(folder), "--sheet", str(folder / "red_box" / "sheet.png")]) == 2
    assert "lies among the meshes" in capsys.readouterr().err
    assert not (folder / "red_box" / "sheet.png").exists()


def test_open_edges_are_counted_over_seams(tmp_path: Path) -> None:
    write_obj(tmp_path / "whole.obj", box((0.1, 0.2, 0.1)))
    whole = read_mesh(tmp_path / "whole.obj")
    assert len(whole.vertices) > 8 and open_share(whole) == 0.0
    assert open_share(FileMesh(whole.vertices, whole.faces[:-2])) == pytest.approx(4 / 17, abs=0.05)


@pytest.mark.parametrize("make", [False, True])
def test_a_folder_without_meshes_is_one_line(tmp_path: Path, make: bool, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "parts"
    if make:
        folder.mkdir()
    assert main([str(folder)]) == 2
    error = capsys.readouterr().err
    assert str(folder) in error and error.count("\n") == 1
