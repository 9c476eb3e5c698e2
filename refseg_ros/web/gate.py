"""Who may come in: browsers of this machine, or those that bring the token. Everybody else gets nothing at all."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

COOKIE = "refseg_token_{port}"
"""Name of the cookie. It has the port, because a browser sends a host's cookies to all its ports."""
_WRONG_HOST = "This page is for browsers of the machine that it runs on.\n"
_NO_TOKEN = "This page wants the address with the token, which stands in the log of the node web.\n"


def is_loopback(host: str) -> bool:
    """Whether a host can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def new_token() -> str:
    """A token that nobody guesses: 128 bits."""
    return secrets.token_urlsafe(16)


class Gate:
    """ASGI middleware in front of the whole server, its websockets too.

    Without a token, the Host header must be a loopback name: a page of the internet could point its own name here (DNS
    rebinding). With a token, the address must contain it once, as `?token=...`; a cookie remembers it. A request from
    another page's script is always refused.
    """

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        """Guard an application that is served at a port; with an empty token only this machine may use it."""
        self._app, self._token, self._cookie = app, token, COOKIE.format(port=port)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])[0]
        if not _is_own_page(headers) or not self._admits(headers, given):
            await self._refuse(scope, receive, send)
        elif self._token and given and scope["type"] == "http":
            into = RedirectResponse(scope["path"])  # the token leaves the address bar
            # Not strict: then the browser would not send it after a link on another page led here.
            into.set_cookie(self._cookie, given, httponly=True, samesite="lax")
            await into(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _admits(self, headers: Headers, given: str) -> bool:
        if not self._token:
            return is_loopback(urlsplit(f"//{headers.get('host', '')}").hostname or "")
        # Not by http.cookies: there, one malformed cookie, of any service of this machine, drops all the others.
        kept = cookie_parser(headers.get("cookie", "")).get(self._cookie, "")
        return any(_same(text, self._token) for text in (given, kept))

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        await PlainTextResponse(_NO_TOKEN if self._token else _WRONG_HOST, 403)(scope, receive, send)


def _is_own_page(headers: Headers) -> bool:
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def _same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(), token.encode())
