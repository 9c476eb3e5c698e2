"""The view in space: what the camera sees as points, the box of each thing with its axes, and the camera."""

from __future__ import annotations

import asyncio

import numpy as np
from nicegui import ui

from refseg_ros.space.transforms import rotation_of
from refseg_ros.web.cloud import Cloud, upright
from refseg_ros.web.hub import Robot
from refseg_ros.web.moment import Moment, Place
from refseg_ros.web.palette import COLOURS

WIDTH, HEIGHT = 760, 430
"""Pixels of the view."""
POINT = 0.008
"""Size of a point, metres."""
AXIS = 0.06
"""Length of a drawn axis, metres."""
AXIS_COLOURS = ("#e5484d", "#30a46c", "#3e8bff")
"""Of x, y and z, as everywhere in ROS."""
FRUSTUM = np.array([(-0.04, -0.03, 0.06), (0.04, -0.03, 0.06), (0.04, 0.03, 0.06), (-0.04, 0.03, 0.06)])
"""Corners of what stands for the camera's picture, optical frame, metres."""
GROUND = "#161c1b"


class SpaceView:
    """A view that the mouse turns, drawn in the camera's frame, upright. It has only the boxes in that frame."""

    def __init__(self) -> None:
        """Build it, hidden."""
        self._place = ui.element("div").classes("space")
        self._scene: ui.scene | None = None
        self._note = ui.label("").classes("quiet")
        self._things: ui.scene.group | None = None
        self._points: ui.scene.point_cloud | None = None
        self.show(False)

    def show(self, visible: bool) -> None:
        """Show it, or hide it. The scene is made when it is first shown, because a hidden one has no size."""
        if visible and self._scene is None:
            with self._place:
                self._scene = ui.scene(width=WIDTH, height=HEIGHT, grid=False, background_color=GROUND)
                self._scene.props('role="img" aria-label="What the camera sees, in space"')
        self._place.set_visibility(visible)
        self._note.set_visibility(visible)

    async def refresh(self, robot: Robot, camera: str, moment: Moment) -> None:
        """Draw a moment of a camera."""
        cloud = await asyncio.to_thread(robot.cloud, camera, moment)
        if cloud is None or not len(cloud.points):
            self._note.set_text("There is no depth at this moment. Has the node a depth topic, and does it publish?")
            return
        if self._scene is None:
            return
        with self._scene:
            self._draw_points(self._scene, cloud)
            if self._things is not None:
                self._things.delete()
            with self._scene.group() as self._things:
                for sighting, colour in zip(moment.sightings, COLOURS, strict=False):
                    if sighting.place is not None and sighting.place.frame_id == moment.frame_id:
                        _draw_box(self._scene, sighting.place, colour)
        others = {one.place.frame_id for one in moment.sightings if one.place is not None} - {moment.frame_id}
        self._note.set_text(
            f"Things are placed in {', '.join(sorted(others))}, and this view is that of the camera: no boxes."
            if others
            else "Turn it with the mouse. Red, green and blue are the axes x, y and z of each box."
        )

    def _draw_points(self, scene: ui.scene, cloud: Cloud) -> None:
        points, colours = np.round(upright(cloud.points), 4).tolist(), np.round(cloud.colours, 3).tolist()
        if self._points is not None:
            self._points.set_points(points, colours)
            return
        self._points = scene.point_cloud(points, colours, point_size=POINT)
        corners = upright(FRUSTUM)
        for corner, following in zip(corners, np.roll(corners, 1, axis=0), strict=True):
            scene.line([0, 0, 0], corner.tolist()).material("#ffffff")
            scene.line(corner.tolist(), following.tolist()).material("#ffffff")
        x, y, z = np.median(upright(cloud.points), axis=0).tolist()
        scene.move_camera(x=x + 0.35, y=y - 0.6, z=z + 0.4, look_at_x=x, look_at_y=y, look_at_z=z, duration=0.0)


def _draw_box(scene: ui.scene, place: Place, colour: str) -> None:
    turn = upright(rotation_of(place.quaternion).T).T  # its columns are the axes
    centre = upright(np.array(place.centre))
    x, y, z = centre.tolist()
    scene.box(*place.size).move(x, y, z).rotate_R(turn.tolist()).material(colour, opacity=0.35)
    for axis, axis_colour in zip(turn.T, AXIS_COLOURS, strict=True):
        scene.line(centre.tolist(), (centre + AXIS * axis).tolist()).material(axis_colour)
