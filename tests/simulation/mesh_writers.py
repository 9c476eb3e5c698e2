"""Small meshes as files, made by tests: a box in each format that is read."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from refseg_ros.simulation.meshes import Mesh, box, lathe


def write_obj(path: Path, mesh: Mesh, picture: np.ndarray | None = None) -> None:
    """With texture coordinates, and beside it the picture (H, W, 3) RGB."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in mesh.vertices]
    lines += [f"vt {u:.6f} {v:.6f}" for u, v in mesh.texture]
    lines += ["f " + " ".join(f"{i + 1}/{i + 1}" for i in face) for face in mesh.faces]
    path.write_text("\n".join(lines) + "\n")
    if picture is not None:
        cv2.imwrite(str(path.with_suffix(".png")), picture[..., ::-1])


def write_ply(path: Path, mesh: Mesh, colour: tuple[int, int, int], binary: bool) -> None:
    """With a colour at each vertex."""
    kind = "binary_little_endian" if binary else "ascii"
    head = f"ply\nformat {kind} 1.0\nelement vertex {len(mesh.vertices)}\n"
    head += "".join(f"property float {axis}\n" for axis in "xyz")
    head += "".join(f"property uchar {name}\n" for name in ("red", "green", "blue"))
    head += f"element face {len(mesh.faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    if binary:
        rows = np.zeros(len(mesh.vertices), [("place", "<f4", 3), ("colour", "u1", 3)])
        rows["place"], rows["colour"] = mesh.vertices, colour
        faces = np.zeros(len(mesh.faces), [("count", "u1"), ("face", "<i4", 3)])
        faces["count"], faces["face"] = 3, mesh.faces
        path.write_bytes(head.encode() + rows.tobytes() + faces.tobytes())
        return
    lines = [" ".join(map(str, (*vertex, *colour))) for vertex in mesh.vertices]
    lines += [f"3 {a} {b} {c}" for a, b, c in mesh.faces]
    path.write_text(head + "\n".join(lines) + "\n")


def write_stl(path: Path, mesh: Mesh, binary: bool) -> None:
    """Without any colour."""
    corners = mesh.vertices[mesh.faces]
    if binary:
        rows = np.zeros(len(corners), [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("rest", "<u2")])
        rows["corners"] = corners
        path.write_bytes(bytes(80) + np.uint32(len(corners)).tobytes() + rows.tobytes())
        return
    lines = ["solid thing"]
    for triangle in corners:
        lines += ["facet normal 0 0 1", "outer loop", *(f"vertex {x} {y} {z}" for x, y, z in triangle)]
        lines += ["endloop", "endfacet"]
    path.write_text("\n".join([*lines, "endsolid thing"]) + "\n")


def kitchen(folder: Path) -> Path:
    """A folder of four things named by their files: a red box, a green box, a blue can, a white ball."""
    folder.mkdir(parents=True, exist_ok=True)
    write_obj(folder / "red_box" / "mesh.obj", box((0.08, 0.06, 0.1)), np.full((8, 8, 3), (205, 22, 28), np.uint8))
    write_ply(folder / "box_2.ply", box((0.05, 0.09, 0.07)), (38, 150, 52), binary=True)
    can = lathe([(0.0, -0.05), (0.035, -0.05), (0.035, 0.05), (0.0, 0.05)])
    write_ply(folder / "soda_can.ply", can, (28, 76, 205), binary=False)
    angle = np.linspace(0.0, np.pi, 13)
    ball = lathe([(0.04 * float(np.sin(a)), -0.04 * float(np.cos(a))) for a in angle])
    write_stl(folder / "ball.stl", ball, binary=True)
    return folder
