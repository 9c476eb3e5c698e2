"""Folders of meshes on the table: read in each format, at their size and colour, told by names, at rest, repeatable."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from refseg_ros.simulation.mesh_files import read_mesh
from refseg_ros.simulation.meshes import Mesh, ball_profile, box, lathe
from refseg_ros.simulation.objects import SPHERE
from refseg_ros.simulation.phrases import phrases
from refseg_ros.simulation.scan_list import left_out, list_scans
from refseg_ros.simulation.scans import ScanSet, support_points
from refseg_ros.simulation.tabletop import COLOURS, Tabletop
from tests.simulation.mesh_writers import kitchen, write_obj, write_ply, write_stl

REAL = Path(os.environ.get("REFSEG_DATA", Path(__file__).parents[3] / "shared" / "data")) / "ycb_objects"
BOX = box((0.08, 0.06, 0.1))
TRIANGLE = (
    b"ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
    b"element face 1\nproperty list uchar int vertex_indices\nend_header\n0 0 0\n1 0 0\n0 1 0\n"
)
"""A PLY file without its face."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kitchen(tmp_path_factory.mktemp("scans") / "kitchen")


@pytest.fixture(scope="module")
def tabletop(folder: Path):
    with Tabletop(160, 120, ScanSet.load(folder)) as opened:
        yield opened


@pytest.mark.parametrize("name", ["a.obj", "ascii.ply", "binary.ply", "ascii.stl", "binary.stl"])
def test_a_box_is_the_same_in_each_format(tmp_path: Path, name: str) -> None:
    path, binary = tmp_path / name, name.startswith("binary")
    if path.suffix == ".obj":
        write_obj(path, BOX)
    elif path.suffix == ".ply":
        write_ply(path, BOX, (10, 20, 30), binary)
    else:
        write_stl(path, BOX, binary)
    mesh = read_mesh(path)
    assert np.allclose(np.ptp(mesh.vertices, axis=0), (0.08, 0.06, 0.1), atol=1e-6) and len(mesh.faces) == 12
    a, b, c = (mesh.vertices[mesh.faces[:, corner]] for corner in range(3))
    assert np.einsum("ij,ij->i", np.cross(b - a, c - a), a).min() > 0, "faces look outwards"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.obj", b"v 0 0 0\nf 1 2 3\n", "damaged|not there"),
        ("a.obj", b"v 0 0 0\nv 1 0 0\n", "no faces"),
        ("a.obj", b"v a b c\n", "damaged"),
        ("a.ply", b"ply\nformat ascii 1.0\nelement vertex 9\nproperty float x\nend_header\n1\n", "damaged"),
        ("a.ply", b"hello", "damaged"),
        ("a.stl", b"\0" * 200, "damaged"),
        ("a.obj", b"v nan 0 0\nv 1 0 0\nv 1 1 0\nf 1 2 3\n", "finite"),
        ("a.obj", b"v 0 0 0\nv 1 0 0\nv 1 1 0\nf 0 1 2\nv 1 1 1\n", "number 0"),
        ("a.obj", b"v 0 0 0\nv 1 0 0\nv 1 1 0\nf -5 2 3\nv 1 1 1\nv 1 2 1\n", "number -5"),
        ("a.obj", b"v 0 0 0\nv 1 0 0\nv 1 1 0\nf 1 2 99999999999999999999999\n", "damaged|not there"),
        ("a.ply", TRIANGLE + b"3 0 1 inf\n", "damaged"),
        ("a.ply", TRIANGLE + b"-1 0 1 2\n", "-1 numbers"),
        ("a.ply", TRIANGLE.replace(b"vertex 3", b"vertex 99999999999999999999"), "damaged"),
        ("a.ply", TRIANGLE.replace(b"vertex 3", b"vertex -3"), "-3 of vertex"),
        ("a.ply", TRIANGLE.replace(b"element face 1\nproperty list uchar int vertex_indices\n", b""), "point cloud"),
    ],
)
def test_a_damaged_mesh_is_one_line_that_names_the_file(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=reason) as caught:
        read_mesh(path)
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


@pytest.mark.parametrize("thickness", [0.0, 1e-9])
def test_a_flat_mesh_is_one_line_that_names_the_file(tmp_path: Path, thickness: float) -> None:
    write_stl(tmp_path / "sheet.stl", box((0.1, 0.08, thickness)), binary=True)
    with pytest.raises(ValueError, match=r"sheet\.stl: is flat; give it a thickness"):
        ScanSet.load(tmp_path)


@pytest.mark.parametrize("size", [(0.29, 0.21, 0.0001), (0.1, 0.0001, 0.0001)], ids=["paper", "wire"])
def test_thin_things_make_scenes(tmp_path: Path, size: tuple[float, float, float]) -> None:
    write_stl(tmp_path / "thing.stl", box(size), binary=True)
    with Tabletop(64, 48, ScanSet.load(tmp_path)) as tabletop:
        tabletop.reset(0, moving=False)


def test_names_and_colours_come_from_the_names_of_files(folder: Path) -> None:
    told = {scan.id: scan for scan in ScanSet.load(folder).scans}
    assert {name: scan.names for name, scan in told.items()} == {
        "red_box": ("box",), "box_2": ("box",), "soda_can": ("can", "soda can"), "ball": ("ball",),
    }  # fmt: skip
    assert {name: scan.colour for name, scan in told.items()} == {
        "red_box": "red", "box_2": "green", "soda_can": "blue", "ball": "gray",
    }  # fmt: skip
    assert told["ball"].blueprint.poses[0].rolls == "any" and np.allclose(told["red_box"].size, (0.08, 0.06, 0.1))


def test_a_list_says_names_and_colours(folder: Path, tmp_path: Path) -> None:
    kitchen(tmp_path)
    entry = {"id": "box_2", "noun": "Carton", "other_nouns": ["milk box"], "colours": ["grey", "red"], "held_out": True}
    (tmp_path / "objects.json").write_text(json.dumps([entry]))
    (scan,) = ScanSet.load(tmp_path).scans
    assert scan.names == ("carton", "milk box") and scan.held_out
    assert (scan.colour, scan.other_colours) == ("gray", ("red",))


@pytest.mark.parametrize(
    "files",
    [
        ["visual.stl", "collision.stl"],
        ["mug.stl", "mug_collision.stl"],
        ["mesh_high.stl", "mesh_low.stl"],
        ["v1.stl", "v1_convex_hull.stl"],
        ["mug.obj", "collision.obj", "collision_low.obj"],
    ],
)
def test_the_forms_of_a_thing_in_its_folder_are_one_thing(tmp_path: Path, files: list[str]) -> None:
    """As packages with URDF have them; the first shows most."""
    (tmp_path / "mug").mkdir()
    for name in files:
        (tmp_path / "mug" / name).write_bytes(b"")
    (thing,) = list_scans(tmp_path)
    assert (thing.id, thing.path.name, thing.names) == ("mug", files[0], ("mug",))
    assert len(left_out(tmp_path)) == len(files) - 1


def test_each_mesh_is_a_thing_or_is_told(tmp_path: Path) -> None:
    names = ["fasteners/bolt.obj", "fasteners/nut.obj", "mug.obj", "mug.stl", "can/textured.obj", "can/nontextured.ply"]
    for name in [*names, "cup/cup_v2.obj", "old/2019/lid.obj"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")  # nothing is read for the list
    (tmp_path / "jug.step").write_bytes(b"")
    told = {thing.id: (thing.path.relative_to(tmp_path).as_posix(), thing.names) for thing in list_scans(tmp_path)}
    assert told == {
        "can": ("can/textured.obj", ("can",)),
        "cup": ("cup/cup_v2.obj", ("cup",)),
        "fasteners/bolt": ("fasteners/bolt.obj", ("bolt",)),
        "fasteners/nut": ("fasteners/nut.obj", ("nut",)),
        "mug": ("mug.obj", ("mug",)),
    }
    lost = [
        f"{tmp_path}/can/nontextured.ply: is left out; {tmp_path}/can/textured.obj is the same thing",
        f"{tmp_path}/mug.stl: is left out; {tmp_path}/mug.obj is the same thing",
        f"{tmp_path}/jug.step: is left out; save it as OBJ, PLY or STL",
        f"{tmp_path}/old/2019/lid.obj: is left out; move it up, to {tmp_path} or a folder there",
    ]
    assert left_out(tmp_path) == lost
    entries = [{"id": name, "noun": name[-3:]} for name in told if name != "cup"]
    (tmp_path / "objects.json").write_text(json.dumps(entries))
    assert {thing.id for thing in list_scans(tmp_path)} == {*told} - {"cup"}
    unlisted = f"{tmp_path}/cup/cup_v2.obj: is left out; {tmp_path}/objects.json does not name 'cup'"
    assert sorted(left_out(tmp_path)) == sorted([*lost, unlisted])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not JSON"),
        ("[]", "a list"),
        ('[{"id": "x"}]', "a noun"),
        ('[{"id": "x", "noun": "cup"}]', "no mesh of it"),
        ('[{"id": "box_2", "noun": "!"}]', "no word"),
        ('[{"id": "box_2", "noun": "cup", "colours": "red"}]', "list of words"),
    ],
)
def test_a_bad_list_is_one_line(tmp_path: Path, text: str, reason: str) -> None:
    kitchen(tmp_path)
    (tmp_path / "objects.json").write_text(text)
    with pytest.raises(ValueError, match=reason) as caught:
        list_scans(tmp_path)
    assert "objects.json" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(("factor", "unit"), [(1000, "millimetres"), (100, "centimetres")])
def test_wrong_units_are_asked_about(tmp_path: Path, factor: float, unit: str) -> None:
    write_obj(tmp_path / "mug.obj", BOX.scaled(factor))
    with pytest.raises(ValueError, match=rf"mug\.obj: this mug is .* m long: are these {unit}\?"):
        ScanSet.load(tmp_path)


def test_a_scene_is_the_same_again_and_its_truth_is_that_of_its_scans(tabletop: Tabletop) -> None:
    scans = {scan.names: scan for scan in tabletop._objects.scans}
    for seed in range(6):
        tabletop.reset(seed, moving=False)
        frame = tabletop.render()
        tabletop.reset(seed, moving=False)
        assert np.array_equal(tabletop.render().rgb, frame.rgb)
        assert frame.objects and all(thing.names in scans for thing in frame.objects)
        for thing in frame.objects:
            assert thing.pixels == np.count_nonzero(frame.labels == thing.instance_id)
            assert 0.0 <= thing.visible_fraction <= 1.0
            assert 0.4 < thing.scale < 1.2, "ten centimetres are 1"


def test_what_falls_comes_to_rest_on_the_table(tabletop: Tabletop) -> None:
    for seed in range(6):
        tabletop.reset(seed, moving=False)
        tabletop.advance(0.4)
        fast = [np.linalg.norm(thing.velocity) for thing in tabletop.render(depth=False).objects]
        assert np.median(fast) < 0.05


@pytest.mark.parametrize(
    ("mesh", "is_ball"),
    [
        (box((0.2, 0.15, 0.02)), False),
        (box((0.05, 0.05, 0.05)), False),
        (lathe([(0.033, -0.06), (0.033, 0.06)]), False),
        (lathe(ball_profile(0.04)), True),
    ],
    ids=["book", "cube", "can", "ball"],
)
def test_a_thing_lies_on_the_table_and_only_a_ball_is_a_ball(tmp_path: Path, mesh: Mesh, is_ball: bool) -> None:
    """The corners of a box or a can all have the same distance from its middle, as those of a ball."""
    write_stl(tmp_path / "thing.stl", mesh, binary=True)
    scans = ScanSet.load(tmp_path)
    blueprint = scans.scans[0].blueprint
    assert (blueprint.solids[0].kind == SPHERE) == is_ball
    with Tabletop(64, 48, scans) as tabletop:
        for seed in range(3):
            tabletop.reset(seed, moving=False)
            _, data = tabletop.physics
            lowest = [
                (blueprint.vertices() * thing.scale @ data.xmat[number].reshape(3, 3).T + data.xpos[number])[:, 2].min()
                for number, thing in enumerate(tabletop._scene.things, start=1)
            ]
            assert min(lowest) == pytest.approx(0.0, abs=0.003)


def test_a_thing_alone_in_view_is_wholly_visible(tabletop: Tabletop) -> None:
    fractions = []
    for seed in range(12):
        tabletop.reset(seed, moving=False)
        fractions += [thing.visible_fraction for thing in tabletop.render(depth=False).objects if thing.pixels > 60]
    assert np.median(fractions) > 0.9 and max(fractions) <= 1.0


def test_every_phrase_about_scans_means_one_thing_or_none(tabletop: Tabletop) -> None:
    """By the truth: a class or colour phrase fits its target alone; an absent noun fits nothing."""
    nouns, checked = tabletop._objects.nouns, 0
    for seed in range(12):
        tabletop.reset(seed)
        things = tabletop.render(depth=False).objects
        for phrase in phrases(things, 160, 120, np.random.default_rng(seed), nouns=nouns):
            if phrase.kind in ("class", "colour"):
                checked += 1
                assert phrase.candidates == (phrase.target,)
            if phrase.reason == "thing":
                seen = {name for thing in things if thing.pixels and thing.colour for name in thing.names}
                said = [noun for noun in nouns if noun in phrase.text]
                assert said and (
                    not seen.issuperset(said) or any(c in phrase.text for c in (*COLOURS, "violet", "grey"))
                )
    assert checked > 20


def test_the_hull_that_collides_is_inside_the_mesh_and_nearly_as_large() -> None:
    points = np.random.default_rng(0).normal(size=(3000, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    hull = support_points(points)
    assert len(hull) < 60 and np.allclose(np.linalg.norm(hull, axis=1), 1.0)
    assert (np.ptp(hull, axis=0) > 1.97).all()


def test_real_scans_become_scenes() -> None:
    if not REAL.is_dir():
        pytest.skip(f"{REAL} is not here")
    scans = ScanSet.load(REAL)
    assert len(scans.scans) == 78 and sum(scan.held_out for scan in scans.scans) == 8
    assert {"cup", "mug", "banana", "hammer"} <= {*scans.nouns}
    with Tabletop(160, 120, scans) as tabletop:
        for split in ("train", "held_out"):
            tabletop.reset(1, split)
            frame = tabletop.render(depth=False)
            assert sum(thing.pixels > 0 for thing in frame.objects) >= 2
            assert phrases(frame.objects, 160, 120, np.random.default_rng(0), nouns=scans.nouns)
