"""The HTTP server under real clients: curl, requests, websockets, raw sockets. The server is
tests/http/http_tool.c, built with the release flags; the product's own service is tested elsewhere."""
import asyncio
import hashlib
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import time

import pytest
import requests
import websockets

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = pathlib.Path(os.environ.get("O", ROOT / "build")) / os.environ.get("PO_HTTP_VARIANT", "release")


class Server:
    def __init__(self, *args):
        self.process = subprocess.Popen([TOOLS / "http_tool", *map(str, args)], stdout=subprocess.PIPE,
                                        encoding="utf-8")
        word, port, self.fingerprint = self.process.stdout.readline().split()
        assert word == "listening"
        self.port = int(port)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(10)
        self.process.stdout.close()
        return code


@pytest.fixture(params=["plain", "tls"])
def server(request, tmp_path):
    tls = request.param == "tls"
    running = Server(*(("--tls", tmp_path / "crt", tmp_path / "key") if tls else ()))
    running.tls = tls
    running.url = f"http{'s' if tls else ''}://127.0.0.1:{running.port}"
    running.ca = str(tmp_path / "crt") if tls else True
    yield running
    assert running.stop() == 0


@pytest.fixture
def secure(tmp_path):
    running = Server("--tls", tmp_path / "crt", tmp_path / "key")
    running.url = f"https://127.0.0.1:{running.port}"
    running.ca = str(tmp_path / "crt")
    yield running
    assert running.stop() == 0


@pytest.fixture
def plain():
    running = Server()
    yield running
    assert running.stop() == 0


def curl(server, path, *args, data=None):
    trust = ["--cacert", server.ca] if server.tls else []
    return subprocess.run(["curl", "-sS", "--max-time", "20", *trust, *args, server.url + path],
                          input=data, capture_output=True, check=True).stdout


def raw(port, data, timeout=5):
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as conn:
        conn.sendall(data)
        conn.shutdown(socket.SHUT_WR)
        answer = b""
        while True:
            try:
                more = conn.recv(65536)
            except ConnectionResetError:
                break
            if not more:
                break
            answer += more
        return answer


def test_curl_gets_and_posts(server):
    assert curl(server, "/").startswith(b"hello")
    assert b"HTTP/1.1 200 OK" in curl(server, "/", "-I")
    body = os.urandom(3_000_000)
    assert curl(server, "/echo", "-X", "POST", "--data-binary", "@-", data=body) == body
    chunked = curl(server, "/echo", "-T", "-", "-X", "PUT", "-H", "Transfer-Encoding: chunked", data=body)
    assert chunked == body
    expect = curl(server, "/echo", "-H", "Expect: 100-continue", "--data-binary", "@-", data=body[:100])
    assert expect == body[:100]
    assert curl(server, "/nothing", "-o", "/dev/null", "-w", "%{http_code}") == b"404"
    assert curl(server, "/../x", "--path-as-is", "-o", "/dev/null", "-w", "%{http_code}") == b"400"
    # one connection for several requests
    assert curl(server, "/", "-o", "/dev/null", server.url + "/later", "-w", "%{num_connects} ").endswith(b"0 ")


def test_curl_negotiates_tls_and_http(secure):
    verbose = subprocess.run(["curl", "-sv", "--cacert", secure.ca, secure.url + "/"], capture_output=True,
                             check=True, encoding="utf-8").stderr
    assert "TLSv1.3" in verbose and "ALPN: server accepted http/1.1" in verbose
    old = subprocess.run(["curl", "-s", "--tls-max", "1.2", "--cacert", secure.ca, secure.url + "/"], check=False)
    assert old.returncode == 35


def test_the_fingerprint_is_that_of_the_certificate(secure):
    pem = ssl.get_server_certificate(("127.0.0.1", secure.port))
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()
    assert ":".join(digest[i:i + 2] for i in range(0, 64, 2)) == secure.fingerprint


def test_requests_keeps_a_session(server):
    with requests.Session() as session:
        session.trust_env = False
        session.verify = server.ca
        for size in (0, 1, 1000, 40_000, 1_000_000):
            body = os.urandom(size)
            assert session.post(server.url + "/echo", data=body, timeout=20).content == body
        answer = session.get(server.url + "/show", params={"a": "b c", "ü": "é"}, cookies={"s": "1"}, timeout=20)
        assert answer.text.startswith("GET /show ?a=b+c&%C3%BC=%C3%A9 127.0.0.1 0\n")
        assert "cookie: s=1\n" in answer.text
        assert session.put(server.url + "/echo", data=iter([b"one", b"two"]), timeout=20).content == b"onetwo"
        assert session.get(server.url + "/later", timeout=20).text == "later\n"
        tag = session.get(server.url + "/asset", timeout=20).headers["ETag"]
        assert session.get(server.url + "/asset", headers={"If-None-Match": tag}, timeout=20).status_code == 304
        problem = session.get(server.url + "/none", timeout=20)
        assert problem.headers["Content-Type"] == "application/problem+json"
        assert problem.json() == {"type": "about:blank", "title": "Not Found", "status": 404}


def test_requests_reads_events(server):
    with requests.get(server.url + "/events", stream=True, timeout=20, verify=server.ca) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        text = answer.content.decode()
    assert text == "".join(f"id: {i}\nevent: tick\ndata: event {i}\ndata: of three\n\n" for i in (1, 2, 3))


def test_a_websocket_client_talks(server):
    async def talk():
        trust = ssl.create_default_context(cafile=server.ca) if server.tls else None
        url = server.url.replace("http", "ws", 1) + "/ws"
        async with websockets.connect(url, ssl=trust, max_size=None) as conn:
            for message in ("", "hello", "\u00e9\U0001f600", "x" * 70000, b"", b"\0\xff", os.urandom(1_000_000)):
                await conn.send(message)
                assert await conn.recv() == message
            await conn.send(["frag", "men", "ted"])
            assert await conn.recv() == "fragmented"
            await asyncio.wait_for(await conn.ping(b"are you there"), 5)
            await conn.close(4000, "enough")
        assert conn.close_code == 4000
    asyncio.run(talk())


def test_an_upgrade_that_is_none_is_refused(plain):
    answer = raw(plain.port, b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                             b"Sec-WebSocket-Version: 13\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")


SMUGGLES = [
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x4\r\n\r\nabcd",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-7\r\n\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
    b"GET / HTTP/1.1\nHost: a\n\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
]


@pytest.mark.parametrize("request_bytes", SMUGGLES)
def test_a_smuggled_request_gets_no_answer(plain, request_bytes):
    answer = raw(plain.port, request_bytes + b"GET /show HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.split()[1] in (b"400", b"501")
    assert b"Connection: close\r\n" in answer


def test_a_slow_header_ends_at_its_deadline(plain):
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", plain.port), timeout=5) as conn:
        conn.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
        conn.settimeout(0.25)
        answer = b""
        while time.monotonic() - began < 20:
            try:
                conn.sendall(b"a")
                answer += conn.recv(4096)
                if answer:
                    break
            except socket.timeout:
                continue
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert 9.5 < time.monotonic() - began < 15


def test_a_stalled_handshake_ends(secure):
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", secure.port), timeout=20) as conn:
        conn.sendall(b"\x16\x03\x01")
        assert conn.recv(100) == b""
    assert 9.5 < time.monotonic() - began < 15


def test_one_address_has_64_connections(plain):
    conns = [socket.create_connection(("127.0.0.1", plain.port), timeout=5) for _ in range(64)]
    conns[63].sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert conns[63].recv(100).startswith(b"HTTP/1.1 200")
    with socket.create_connection(("127.0.0.1", plain.port), timeout=5) as more:
        assert more.recv(100) == b""
    for conn in conns:
        conn.close()


def test_a_unix_socket_serves_and_is_private(tmp_path):
    path = tmp_path / "socket"
    running = Server("--unix", path)
    assert path.stat().st_mode & 0o777 == 0o600
    out = subprocess.run(["curl", "-sS", "--unix-socket", path, "http://local/show"], capture_output=True, check=True)
    assert out.stdout.startswith(b"GET /show ? unix 0\n")
    assert running.stop() == 0


def test_a_stop_finishes_what_is_under_way(plain):
    with socket.create_connection(("127.0.0.1", plain.port), timeout=10) as conn:
        conn.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        idle = socket.create_connection(("127.0.0.1", plain.port), timeout=10)
        idle.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert idle.recv(1000).startswith(b"HTTP/1.1 200")
        plain.process.send_signal(signal.SIGTERM)
        assert idle.recv(100) == b""
        idle.close()
        answer = b""
        while more := conn.recv(1000):
            answer += more
    assert b"Connection: close" in answer and answer.endswith(b"drained\n")


def test_a_reload_changes_the_certificate(tmp_path):
    crt, key = tmp_path / "crt", tmp_path / "key"
    running = Server("--tls", crt, key)
    before = ssl.get_server_certificate(("127.0.0.1", running.port))
    crt.unlink(), key.unlink()
    running.process.send_signal(signal.SIGHUP)
    assert running.process.stdout.readline().startswith("reloaded ")
    after = ssl.get_server_certificate(("127.0.0.1", running.port))
    assert before != after
    crt.write_text("damaged")
    running.process.send_signal(signal.SIGHUP)
    assert "not a certificate" in running.process.stdout.readline()
    assert ssl.get_server_certificate(("127.0.0.1", running.port)) == after
    assert running.stop() == 0


def test_nothing_is_taken_that_libmicrohttpd_refuses():
    result = subprocess.run([TOOLS / "http_diff", "5000", "7"], capture_output=True, encoding="utf-8", check=False)
    assert result.returncode == 0, result.stdout[-3000:]
    assert result.stdout.splitlines()[-1].endswith(" 0 laxer")
