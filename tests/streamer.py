"""A network camera on this machine: Motion JPEG over HTTP, and each picture shows its number."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np

RATE = 30.0
BITS = 16
"""Of a number, each a stripe that is black or white."""
PATIENCE = 30.0
"""Seconds after which something that has to come is missing; far beyond what it takes."""


def number_in(rgb: np.ndarray) -> int:
    """The number of a picture of (H, W, 3) uint8."""
    stripes = rgb.reshape(len(rgb), BITS, -1).mean(axis=(0, 2)) > 127
    return sum(1 << bit for bit, is_white in enumerate(stripes) if is_white)


def jpeg_of(number: int) -> bytes:
    """A picture of 64 x 48."""
    stripes = [255 * (number >> bit & 1) for bit in range(BITS)]
    return cv2.imencode(".jpg", np.tile(np.repeat(np.uint8(stripes), 64 // BITS), (48, 1)))[1].tobytes()


class Streamer:
    """Sends pictures to one reader at RATE, whether or not it reads them.

    Attributes:
        url: of the stream.
        sent: seconds of `time.time` before each picture was sent, by its number.
        is_silent: while it is set, nothing is sent, and the connection stays.
        is_over: once it is set, the connection is closed.
    """

    def __init__(self) -> None:
        self.sent: list[float] = []
        self.is_silent, self.is_over = threading.Event(), threading.Event()
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=next")
                self.end_headers()
                camera._send(self.wfile.write)

            def log_message(self, *_: object) -> None:
                """Not into the output of the tests."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/camera.mjpg"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _send(self, write: Callable[[bytes], object]) -> None:
        due = time.monotonic()
        while not self.is_over.wait(max(0.0, due - time.monotonic())):
            due += 1.0 / RATE
            if self.is_silent.is_set():
                continue
            data = jpeg_of(len(self.sent))
            self.sent.append(time.time())
            try:
                write(b"--next\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n" % (len(data), data))
            except OSError:  # the reader is gone
                return

    def wait_for(self, number: int) -> None:
        """Wait until this picture is sent."""
        end = time.monotonic() + PATIENCE
        while len(self.sent) <= number:
            assert time.monotonic() < end, f"picture {number} was not sent"
            time.sleep(0.01)

    def __enter__(self) -> Streamer:
        return self

    def __exit__(self, *_: object) -> None:
        self.is_over.set()
        self._server.shutdown()
        self._server.server_close()
