"""Who gets an answer."""

from __future__ import annotations

import pytest

pytest.importorskip("nicegui", reason="nicegui is not installed (the extra `web`)")

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from refseg_ros.web.gate import Gate, is_loopback, new_token

TOKEN = "a-token-of-the-test"
PORT = 8080
COOKIE = f"refseg_token_{PORT}"
PATHS = ("/", "/inside", "/nowhere", "/_nicegui/anything")


async def _inside(request) -> PlainTextResponse:  # noqa: ANN001
    return PlainTextResponse("inside")


async def _socket(connection) -> None:  # noqa: ANN001
    await connection.accept()
    await connection.send_text("inside")
    await connection.close()


def client(token: str, address: str = "http://127.0.0.1:8080") -> TestClient:
    routes = [Route("/", _inside), Route("/inside", _inside), WebSocketRoute("/socket", _socket)]
    return TestClient(Gate(Starlette(routes=routes), token, PORT), base_url=address, follow_redirects=False)


def is_let_in(one: TestClient, path: str = "/socket", **headers: str | bytes) -> bool:
    try:
        with one.websocket_connect(path, headers=headers) as connection:
            return connection.receive_text() == "inside"
    except WebSocketDisconnect:
        return False


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("query", ["", "?token=", "?token=wrong", f"?token={TOKEN}x", f"?other={TOKEN}", "?token=é"])
def test_no_address_answers_without_the_token(path, query):
    got = client(TOKEN, "http://robot.local:8080").get(path + query)
    assert got.status_code == 403 and "inside" not in got.text


def test_the_token_lets_in_once_and_the_cookie_after_it():
    one = client(TOKEN, "http://robot.local:8080")
    entered = one.get(f"/?token={TOKEN}")
    assert entered.status_code == 307 and TOKEN not in entered.headers["location"]
    kept = entered.headers["set-cookie"].lower()
    assert "httponly" in kept and "samesite=lax" in kept
    assert one.get("/inside").text == "inside"


def test_the_cookie_of_another_port_stays():
    """A browser sends the cookies of a host to all its ports."""
    one = client(TOKEN, f"http://robot.local:{PORT}")
    one.cookies.set("refseg_token_8081", "of-the-other-page", domain="robot.local")
    one.get(f"/?token={TOKEN}")
    assert one.get("/inside").text == "inside"
    assert one.cookies["refseg_token_8081"] == "of-the-other-page" and one.cookies[COOKIE] == TOKEN


def test_sockets_want_the_token_too():
    assert not is_let_in(client(TOKEN))
    assert not is_let_in(client(TOKEN), cookie=f"{COOKIE}=wrong")
    assert is_let_in(client(TOKEN), cookie=f"{COOKIE}={TOKEN}")


@pytest.mark.parametrize("other", ['a={"x":1}', "a[b]=1", "a", "=", ";;", 'a="', "ä=ö", "a=b=c", f"{COOKIE}x=wrong"])
def test_cookies_of_other_services_do_not_matter(other):
    for kept in (f"{other}; {COOKIE}={TOKEN}", f"{COOKIE}={TOKEN}; {other}"):
        assert is_let_in(client(TOKEN), cookie=kept.encode())
    assert not is_let_in(client(TOKEN), cookie=other.encode())


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]", "127.0.0.5"])
def test_this_machine_is_let_in_by_its_names(name):
    assert client("", f"http://{name}:8080").get("/").text == "inside"


@pytest.mark.parametrize("name", ["evil.example", "localhost.evil.example", "192.168.0.7", "127.0.0.1.nip.io"])
def test_a_name_of_another_that_points_here_is_refused(name):
    assert client("", f"http://{name}:8080").get("/").status_code == 403
    assert not is_let_in(client(""), host=f"{name}:8080")


def test_a_script_of_another_page_is_refused():
    for one in (client(""), client(TOKEN)):
        headers = {"origin": "https://evil.example", "cookie": f"{COOKIE}={TOKEN}"}
        assert one.get("/inside", headers=headers).status_code == 403
        assert not is_let_in(one, **headers)
    assert client("").get("/inside", headers={"origin": "http://127.0.0.1:8080"}).text == "inside"


def test_tokens_are_long_and_never_the_same():
    assert len({new_token() for _ in range(100)}) == 100
    assert all(len(new_token()) >= 22 for _ in range(10))


@pytest.mark.parametrize("host, own", [("127.0.0.1", True), ("::1", True), ("localhost", True)])
def test_loopback_addresses(host, own):
    assert is_loopback(host) is own
    assert not is_loopback("0.0.0.0") and not is_loopback("::") and not is_loopback("robot.local")
