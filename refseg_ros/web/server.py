"""The web server: its address, its guard, its routes for pictures and sound, and its thread."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
import time

import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from nicegui import ui
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from refseg_ros.web.gate import Gate, is_loopback, new_token
from refseg_ros.web.hub import Hub, Robot, Viewer
from refseg_ros.web.listening import Listening
from refseg_ros.web.moment import NANOSECONDS
from refseg_ros.web.page import TITLE, Page

PATIENCE = 1.0
"""Seconds after which a browser that waits for a picture gets an empty one."""
RATE = 15.0
"""Most pictures per second for a browser: more would burden the robot, and help a person little."""
CLOSING = 3.0
"""Seconds to wait for the server to end."""
POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
)
"""Content security policy: the browser lets the page load nothing from another machine."""


class AddressError(ValueError):
    """The page cannot be served at that address; the message says why."""


class Server:
    """Serves the page in a thread of its own.

    Attributes:
        address: of the page, with the token where one is wanted.
    """

    def __init__(self, hub: Hub, robot: Robot, host: str, port: int) -> None:
        """Bind the address.

        Raises:
            AddressError: it is not available.
        """
        self._hub, self._robot = hub, robot
        self._viewers: dict[str, Viewer] = {}
        self._listening = Listening(hub.vocabulary)
        self._socket = _bound(host, port)
        token = "" if is_loopback(host) else new_token()
        port = self._socket.getsockname()[1]  # the one that was free, if any would do
        self.address = f"http://{_written(host)}:{port}/" + (f"?token={token}" if token else "")
        config = uvicorn.Config(
            Gate(_Contained(self._application()), token, port),
            log_level="critical",
            lifespan="on",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="web", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> bool:
        """End; return whether that took less than CLOSING."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(CLOSING)
        self._socket.close()
        return not self._thread.is_alive()

    def _application(self) -> FastAPI:
        application = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        application.add_api_websocket_route("/pictures/{key}", self._pictures)
        application.add_api_route("/speech", self._speech, methods=["POST"])
        can_listen = self._listening.available

        @ui.page("/", title=TITLE)
        def page() -> None:
            viewer = Viewer(self._hub)
            shown = Page(self._hub, self._robot, viewer, can_listen)
            self._viewers[shown.key] = viewer
            shown.on_end(lambda: self._viewers.pop(shown.key, None))

        ui.run_with(application, title=TITLE, dark=None, show_welcome_message=False, tailwind=False)
        return application

    async def _pictures(self, connection: WebSocket, key: str) -> None:
        """Send a picture each time the browser says which stamp it has drawn, so that nothing ever queues up.

        A picture is the length of its head (4 bytes, big-endian), the head (JSON) and a JPEG; an empty one means that
        nothing is new.
        """
        viewer = self._viewers.get(key)
        if viewer is None:
            await connection.close(1008)
            return
        await connection.accept()
        self._hub.connections[connection] = viewer
        viewer.look_again()
        due = 0.0
        try:
            while True:
                stamp = int((await connection.receive_text())[:20])
                if stamp:
                    viewer.page_age = self._robot.now() - stamp / NANOSECONDS
                await asyncio.sleep(due - time.monotonic())
                picture = await viewer.next(PATIENCE)
                due = time.monotonic() + 1.0 / RATE
                await connection.send_bytes(b"" if picture is None else _packed(*picture))
        except (WebSocketDisconnect, ValueError, RuntimeError):
            pass
        finally:
            del self._hub.connections[connection]

    async def _speech(self, request: Request) -> Response:
        """Turn an utterance, 16-bit little-endian samples at 16 kHz, into a query; respond with what was heard."""
        said = bytearray()
        async for part in request.stream():
            said += part
            if len(said) > self._listening.most_bytes:
                return Response("that is too long", 413)
        heard = await self._listening.hear(bytes(said))
        if heard.query:
            self._robot.ask(heard.query)
        return Response(json.dumps({"text": heard.text, "query": heard.query, "why": heard.why}))


class _Contained:
    """Middleware that adds POLICY to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), (b"content-security-policy", POLICY.encode())]
            await send(message)

        await self._app(scope, receive, with_policy)


def _bound(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen()  # browsers that come before the server starts wait
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "that is no name of a machine"
        raise AddressError(
            f"the page cannot be served at {host}:{port} ({why}); set host and port to an address of this "
            "machine that is free"
        ) from error
    return bound


def _written(host: str) -> str:
    """A host as in a URL; for all addresses of the machine, its name."""
    if host in ("0.0.0.0", "::"):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def _packed(head: dict[str, object], picture: bytes) -> bytes:
    data = json.dumps(head).encode()
    return struct.pack(">I", len(data)) + data + picture
