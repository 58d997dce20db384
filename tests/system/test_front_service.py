"""The whole service from outside: roles that die, stolen and foreign credentials. Hostile bytes: test_hostile.py."""
import asyncio
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import time

import pytest
import requests
import websockets

from conftest import Ops
from front_role import trusting
from service import PASSWORD, Person, Service, first_owner
from test_front import check_prometheus, status_of


@pytest.fixture(scope="module")
def service(program, tmp_path_factory):
    ops = Ops(program, tmp_path_factory.mktemp("service"))
    ops.init()
    link = first_owner(ops)
    running = Service(ops)
    running.owner = Person(running, "owner@example.org", PASSWORD).accept(link)
    yield running
    assert running.stop() == 0


def owner_cookie(service):
    (cookie,) = service.owner.http.cookies
    return cookie.name, cookie.value


def ask(service, method, path, headers=None, cookies=None, body=None):
    """A request of a client that has nothing but what is given here."""
    with service.session() as http:
        return http.request(method, service.api + path, headers=headers, cookies=cookies, data=body, timeout=20)


def tls_raw(service, data):
    context = ssl.create_default_context(cafile=service.ca)
    with socket.create_connection(("127.0.0.1", service.port), 5) as plain, \
            context.wrap_socket(plain, server_hostname="localhost") as conn:
        conn.sendall(data)
        got = b""
        try:
            while True:
                more = conn.recv(65536)
                if not more:
                    break
                got += more
        except (ConnectionResetError, ssl.SSLError):
            pass
        return got


def until_ready(service, within):
    end = time.monotonic() + within
    while time.monotonic() < end:
        try:
            if requests.get(service.probes + "/readyz", timeout=5).status_code == 200:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.01)
    raise AssertionError(f"not ready within {within} s")


# ---- stolen and foreign credentials --------------------------------------------------------------------

def test_nobody_is_in_without_a_credential_that_holds(service):
    name, value = owner_cookie(service)
    assert ask(service, "GET", "/me", cookies={name: value}).status_code == 200
    altered = ("A" if value[0] != "A" else "B") + value[1:]
    for cookies in ({}, {name: ""}, {name: altered}, {name: value[:-1]}, {name: value + "A"}, {name: "x" * 4000},
                    {"paulyops": value}, {"__Secure-paulyops": value}):
        assert ask(service, "GET", "/me", cookies=cookies).status_code in (400, 401), cookies
    for text in ("Bearer", "Bearer ", "Bearer pot_", "Bearer pot_" + "a" * 50, "Basic b3duZXI6eA==", f"Bearer {value}"):
        assert ask(service, "GET", "/me", {"Authorization": text}).status_code in (400, 401), text
    # two cookies of that name, a cookie and a token: which one would count is nobody's to guess
    assert ask(service, "GET", "/me", {"Cookie": f"{name}={value}; {name}={altered}"}).status_code in (400, 401)
    assert ask(service, "GET", "/me", {"Cookie": f"{name}={value}", "Authorization": "Bearer pot_x"}).status_code in (400, 401)


def test_a_session_cannot_be_planted(service):
    """Fixation: what a client brought along is not what it gets."""
    name, _ = owner_cookie(service)
    person = service.owner.again()
    planted = "planted" + "A" * 36
    person.http.cookies.set(name, planted, domain="localhost.local", path="/")
    person.sign_in()
    service.owner.used = person.used
    assert planted not in [cookie.value for cookie in person.http.cookies if cookie.domain != "localhost.local"]
    assert ask(service, "GET", "/me", cookies={name: planted}).status_code == 401


@pytest.mark.parametrize("headers", [
    {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://localhost"}, {},
    {"Origin": "https://localhost.evil.example", "Sec-Fetch-Site": "same-origin"},
])
def test_another_site_cannot_act_with_the_cookie(service, headers):
    name, value = owner_cookie(service)
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
        answer = ask(service, "POST", "/auth/sign-out", {**headers, "Content-Type": kind}, {name: value}, "{}")
        assert answer.status_code in (400, 403, 415), (headers, kind, answer.text)
    assert service.owner.get("/me").status_code == 200, "still signed in"


def test_a_form_of_our_own_origin_is_no_json(service):
    name, value = owner_cookie(service)
    own = {"Origin": service.url, "Sec-Fetch-Site": "same-origin"}
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a"):
        answer = ask(service, "POST", "/auth/sign-out", {**own, "Content-Type": kind}, {name: value}, "{}")
        assert answer.status_code == 415, answer.text


def test_a_token_in_an_address_is_refused_and_leaves_no_trace(service):
    secret = "pot_" + "s3cr3tNeverToBeSeen" * 2
    for query in (f"token={secret}", f"q={secret}", f"access_token={secret}"):
        answer = service.owner.get("/controls?" + query)
        assert answer.status_code == 400 and secret not in answer.text
    stored = [path for path in service.ops.files() if secret.encode() in path.read_bytes()]
    assert not stored and not any(secret.encode() in line for line in service.lines)


def test_heads_and_logs_cannot_be_forged(service):
    """CR LF in what a client sends reaches neither a head nor a line of the log."""
    agent = 'x"}\\n{"event":"forged","level":"error"}'
    answer = ask(service, "GET", "/me", {"User-Agent": agent, "X-Request-Id": "req_forged"})
    assert answer.status_code == 401 and answer.headers["X-Request-Id"] != "req_forged"
    for path in ("/api/v1/controls/%0d%0aSet-Cookie:%20a=b", "/api/v1/x?y=%0d%0aSet-Cookie:a"):
        got = tls_raw(service, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        assert b"Set-Cookie" not in got.split(b"\r\n\r\n")[0] and status_of(got) in (400, 401, 404)
    assert not any(b'"event":"forged"' in line for line in service.lines)


def test_the_password_is_nowhere(service):
    needle = PASSWORD.encode()
    for path in [*service.ops.files(), *service.ops.state.rglob("*")]:
        if path.is_file():
            assert needle not in path.read_bytes(), path
    for pid in service.processes():
        for name in ("cmdline", "environ"):
            assert needle not in pathlib.Path(f"/proc/{pid}/{name}").read_bytes()


# ---- streams -------------------------------------------------------------------------------------------

def test_streams_show_what_happens_and_end_with_their_session(service):
    """An event stream and a WebSocket get the same events; signing out cuts both within a second."""
    person = service.owner.again()
    person.sign_in()
    service.owner.used = person.used
    (cookie,) = person.http.cookies
    events = person.get("/stream", stream=True, headers={"Sec-Fetch-Site": "same-origin"})
    assert events.headers["Content-Type"] == "text/event-stream"
    lines = events.iter_lines()

    async def listen():
        async with websockets.connect(
                service.url.replace("https", "wss") + "/api/v1/stream", ssl=trusting(service.ca),
                extra_headers={"Cookie": f"{cookie.name}={cookie.value}", "Origin": service.url}) as conn:
            message = json.loads(await asyncio.wait_for(conn.recv(), 5))
            assert message["id"] == str(message["data"]["seq"])
            began = time.monotonic()
            answer = await asyncio.get_running_loop().run_in_executor(None, person.post, "/auth/sign-out", {})
            assert answer.status_code == 204
            with pytest.raises(websockets.ConnectionClosed) as closed:
                while True:
                    await asyncio.wait_for(conn.recv(), 5)
            assert closed.value.code == 4401 and time.monotonic() - began < 1
            return message

    message = asyncio.run(listen())
    seen = [line.decode() for line in lines]  # until its end
    data = [json.loads(line[6:]) for line in seen if line.startswith("data: ")]
    assert message["data"] in data


def test_a_stream_needs_a_session_and_our_own_origin(service):
    name, value = owner_cookie(service)
    assert ask(service, "GET", "/stream").status_code == 401

    async def connect(headers):
        async with websockets.connect(service.url.replace("https", "wss") + "/api/v1/stream",
                                      ssl=trusting(service.ca), extra_headers=headers):
            pass

    for headers, want in (({}, 401), ({"Cookie": f"{name}={value}", "Origin": "https://evil.example"}, 403)):
        with pytest.raises(websockets.InvalidStatusCode) as refused:
            asyncio.run(connect(headers))
        assert refused.value.status_code == want


# ---- roles that die -------------------------------------------------------------------------------------

@pytest.mark.parametrize("role", ["front", "keeper", "core"])
def test_a_role_that_is_killed_is_back_within_a_second(service, role):
    before = service.roles()
    began = time.monotonic()
    os.kill(before[role], signal.SIGKILL)
    while service.roles().get(role) in (None, before[role]):
        assert time.monotonic() - began < 5
        time.sleep(0.005)
    until_ready(service, 5)
    took = time.monotonic() - began
    assert took < (1.5 if role == "core" else 1.0), took
    assert service.owner.get("/me").status_code == 200, "sessions outlive it"
    if role == "keeper":
        stranger = Person(service, "nobody@example.org", "wrong wrong wrong")
        answer = stranger.post("/auth/sign-in", {"email": stranger.email, "password": stranger.password})
        assert answer.status_code == 401, answer.text


def test_idle_it_is_small(service):
    """Each page counted once among those who share it (PSS): under 40 MB in all roles together."""
    total = 0
    for pid in service.processes():
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1])
    assert total < 40_000, total


def test_figures_of_core_are_among_the_metrics(service):
    samples = check_prometheus(requests.get(service.probes + "/metrics", timeout=5).text)
    assert samples["paulyops_ready", ""] == 1
    assert samples["paulyops_core_ledger_size", ""] > 0


@pytest.mark.skipif("PO_SOAK" not in os.environ, reason="the long form")
def test_ten_thousand_idle_connections(program, tmp_path):
    """Many addresses of loopback, 50 connections each."""
    from front_role import Front
    front = Front(program, tmp_path)
    conns = []
    try:
        for i in range(10_000):
            conn = socket.socket()
            conn.bind((f"127.0.{1 + i // 50 // 250}.{1 + i // 50 % 250}", 0))
            conn.connect(("127.0.0.1", front.port))
            conns.append(conn)
        front.sync()
        assert front.rss_kb() < 100_000
        assert front.probe("/livez").status == 200
    finally:
        for conn in conns:
            conn.close()
        front.end()
