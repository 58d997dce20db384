"""Every hostile request of the library's own table (tests/unit/http/head_cases.h), over TLS, at a running service."""
import os
import pathlib
import socket
import ssl
import subprocess

import pytest
import requests

from conftest import Ops
from front_role import trusting
from service import Service
from test_front import HOSTILE, check_prometheus, status_of

TOOLS = pathlib.Path(os.environ.get("O", pathlib.Path(__file__).resolve().parents[2] / "build")) \
    / os.environ.get("PO_HTTP_VARIANT", "release")
BEHIND = b"GET /api/v1/me HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
# What is well formed goes on to where its path leads: pages are there for reading, nothing else is there.
FOUND = {200, 404, 405, 204}


@pytest.fixture(scope="module")
def service(program, tmp_path_factory):
    ops = Ops(program, tmp_path_factory.mktemp("hostile"))
    ops.init()
    running = Service(ops, "--rate-percent", "100000")
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def cases():
    """[(name, status, bytes)] of the table; 200: well formed."""
    listed = subprocess.run([TOOLS / "http_diff", "--cases"], capture_output=True, text=True, check=True).stdout
    rows = [line.split("\t") for line in listed.splitlines()]
    return [(name, int(status), bytes.fromhex(data)) for name, status, data in rows]


def ask(service, data):
    """What comes back on a connection of its own, until its end."""
    got = b""
    with socket.create_connection(("127.0.0.1", service.port), 5) as plain, \
            trusting(service.ca).wrap_socket(plain, server_hostname="localhost") as conn:
        try:
            conn.sendall(data)
            while more := conn.recv(65536):
                got += more
        except (ConnectionResetError, BrokenPipeError, ssl.SSLError, TimeoutError):
            pass
    return got


def split(got, is_head):
    """[(status, fields, body)] of the answers on a connection; each has a whole body of the length it says."""
    answers = []
    while got:
        head, rest = got.split(b"\r\n\r\n", 1)
        line, *fields = head.decode("latin-1").split("\r\n")
        version, status, _ = line.split(" ", 2)
        assert version == "HTTP/1.1", line
        named = {name.lower(): value for name, value in (field.split(": ", 1) for field in fields)}
        length = 0 if (is_head and not answers) or status in ("204", "304") else int(named["content-length"])
        assert len(rest) >= length
        answers.append((int(status), named, rest[:length]))
        got = rest[length:]
    return answers


def figures(service):
    return check_prometheus(requests.get(service.probes + "/metrics", timeout=5).text)


def is_well(service):
    for probe in ("/livez", "/readyz"):
        assert requests.get(service.probes + probe, timeout=5).status_code == 200, probe
    with service.session() as client:
        assert client.get(service.url + "/signin", timeout=5).status_code == 200
        assert client.get(service.api + "/me", timeout=5).status_code == 401


def test_every_request_of_the_table_gets_the_right_answer(service, cases):
    """Refused: its status, once, the connection ends, what stood behind it is not begun, core hears of none of it.
    Well formed: two answers, the second to what stood behind it, so both sides agree where it ended."""
    roles = service.roles()
    is_well(service)
    before = figures(service)
    wrong, refused, taken = [], 0, 0
    for name, status, data in cases:
        answers = split(ask(service, data + BEHIND), data.startswith(b"HEAD"))
        got = [answer[0] for answer in answers]
        ends_after = b" HTTP/1.0\r\n" in data.split(b"\n")[0] + b"\n"
        if status != 200:
            refused += 1
            is_right = got == [status] and answers[0][1]["connection"] == "close" \
                and answers[0][1]["content-type"] == "application/problem+json"
        elif ends_after:
            taken += 1
            is_right = len(got) == 1 and got[0] in FOUND
        else:
            taken += 1
            is_right = len(got) == 2 and got[0] in FOUND and got[1] == 401
        if not is_right:
            wrong.append((name, status, got))
    for name, (data, status) in HOSTILE.items():
        if status != 0 and status_of(ask(service, data + BEHIND)) != status:
            wrong.append((name, status))
    assert not wrong, wrong
    assert refused >= 180 and refused + taken >= 230
    after = figures(service)
    is_well(service)
    assert service.roles() == roles, "nobody died"
    behind = sum(1 for _, status, data in cases if status == 200 and b" HTTP/1.0\r\n" not in data)
    asked = after["paulyops_core_requests", ""] - before["paulyops_core_requests", ""]
    assert asked == behind, "core saw only what stood behind those that are well formed"
    malformed = after["paulyops_http_malformed_total", ""] - before["paulyops_http_malformed_total", ""]
    announced = sum(1 for _, status, data in cases if status == 413 and b"Content-Length" in data)  # well formed, too long
    assert malformed == refused - announced + sum(1 for _, status in HOSTILE.values() if status)


def test_they_come_apart_and_byte_by_byte(service, cases):
    """The same answer when TLS brings the request in pieces: a byte, then half, then the rest."""
    wrong = []
    for name, status, data in cases[::4]:
        with socket.create_connection(("127.0.0.1", service.port), 20) as plain, \
                trusting(service.ca).wrap_socket(plain, server_hostname="localhost") as conn:
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            got, whole = b"", data + BEHIND
            try:
                for begin, end in ((0, 1), (1, len(data) // 2), (len(data) // 2, len(whole))):
                    conn.sendall(whole[begin:end])
                while more := conn.recv(65536):
                    got += more
            except (ConnectionResetError, BrokenPipeError, ssl.SSLError, TimeoutError):
                pass
        first = status_of(got)
        if first != status and not (status == 200 and first in FOUND):
            wrong.append((name, status, first))
    assert not wrong, wrong
    is_well(service)
