"""What the name of a file says of a thing: its noun, its whole name, its colours."""

from __future__ import annotations

import pytest

from refseg_ros.simulation.scan_names import names_and_colours


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("motor_housing", ("housing", "motor housing")),
        ("ball_bearing", ("bearing", "ball bearing")),
        ("steel_bushing", ("bushing", "steel bushing")),
        ("pipe-fitting", ("fitting", "pipe fitting")),
        ("MotorHousing", ("housing", "motor housing")),
        ("sensor_mount_v3", ("mount", "sensor mount")),
        ("plate_v1.2_final", ("plate",)),
        ("bracket_rev_b", ("bracket",)),
        ("bracket (1)", ("bracket",)),
        ("Housing_A", ("housing",)),
        ("gear_20_teeth", ("gear",)),
        ("bolt_M8x20", ("bolt",)),
        ("M8_bolt", ("bolt",)),
        ("DIN_912_screw", ("screw",)),
        ("hex_bolt_2", ("bolt", "hex bolt")),
        ("mug2", ("mug",)),
        ("T_nut", ("nut", "t nut")),
        ("walking_stick", ("stick", "walking stick")),
        ("bracket_painted", ("bracket", "bracket painted")),
        ("mount_with_holes", ("mount", "mount with holes")),
        ("кружка_2", ("кружка",)),
        ("orange", ("orange",)),
    ],
)
def test_the_name_of_a_file_is_the_name_of_the_part(name: str, names: tuple[str, ...]) -> None:
    assert names_and_colours(name) == (names, ())


@pytest.mark.parametrize("name", ["red_mug_2", "mug_red", "red_2_mug", "mug_8cm_red"])
def test_colours_are_told_from_the_name(name: str) -> None:
    assert names_and_colours(name) == (("mug",), ("red",))
