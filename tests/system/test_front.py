"""The front alone: the test plays the supervisor and core, and some of the clients are hostile."""
import hashlib
import json
import re
import socket
import ssl
import struct
import time

import pytest

from front_role import Front, pack, trusting


@pytest.fixture
def front(program, tmp_path):
    with open(tmp_path / "log", "wb") as log:
        running = Front(program, tmp_path, "--rate-percent=100000", log=log)
    running.log = tmp_path / "log"
    running.link()
    yield running
    running.end()


def answer(core, frame, status=200, body=b"{}", fields=("Content-Type", "application/json")):
    core.send("RESPONSE", frame[1], STATUS=status, LIST=list(fields), BODY=body)


def raw(port, data, timeout=5):
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as conn:
        conn.sendall(data)
        conn.shutdown(socket.SHUT_WR)
        got = b""
        while True:
            try:
                more = conn.recv(65536)
            except ConnectionResetError:
                break
            if not more:
                break
            got += more
        return got


def status_of(answered):
    return int(answered.split(b" ", 2)[1]) if answered else 0


# ---- forwarding ----------------------------------------------------------------------------------

def test_a_request_reaches_core_and_its_answer_the_client(front):
    asked = front.ask("POST", "/api/v1/things/a%20b?x=1&y=%C3%BC", b'{"a":1}',
                      {"Authorization": "Bearer pot_abc", "Content-Type": "application/json", "Cookie": "a=b",
                       "Idempotency-Key": "k", "Origin": "http://127.0.0.1", "User-Agent": "t", "X-Other": "no",
                       "X-Forwarded-For": "203.0.113.9"})
    frame = front.core.expect("REQUEST")
    assert frame[2] == {
        "METHOD": b"POST", "PATH": b"/api/v1/things/a b", "QUERY": b"x=1&y=%C3%BC", "LISTENER": 0,
        "PEER": b"127.0.0.1", "IS_TLS": 0, "HOST": b"127.0.0.1", "PORT": front.port, "BODY": b'{"a":1}',
        "AUTHORIZATION": b"Bearer pot_abc", "CONTENT_TYPE": b"application/json", "COOKIE": b"a=b",
        "IDEMPOTENCY_KEY": b"k", "ORIGIN": b"http://127.0.0.1", "USER_AGENT": b"t"}
    answer(front.core, frame, 201, b'{"id":"x"}', ("Content-Type", "application/json", "ETag", '"7"',
                                                   "set-cookie", "a=b; Secure", "Cache-Control", "private"))
    got = asked.wait()
    assert (got.status, got.body) == (201, b'{"id":"x"}')
    assert got.headers["ETag"] == '"7"' and got.headers["Set-Cookie"] == "a=b; Secure"
    assert got.headers.get_all("Cache-Control") == ["private"]
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert got.headers["Strict-Transport-Security"] is None  # there is no TLS here


def test_answers_may_come_in_any_order(front):
    asked = [front.ask(path=f"/api/v1/n/{i}") for i in range(20)]
    frames = [front.core.expect("REQUEST") for _ in asked]
    for frame in reversed(frames):
        answer(front.core, frame, body=frame[2]["PATH"])
    for i, one in enumerate(asked):
        assert one.wait().body == f"/api/v1/n/{i}".encode()


def test_over_tls_the_certificate_is_ours_and_hsts_is_said(front):
    pem = ssl.get_server_certificate(("127.0.0.1", front.tls_port))
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()
    assert ":".join(digest[i:i + 2] for i in range(0, 64, 2)) == front.fingerprint
    with socket.create_connection(("127.0.0.1", front.tls_port), 5) as plain, \
            trusting(front.ca).wrap_socket(plain, server_hostname="localhost") as conn:
        conn.sendall(b"GET /api/v1/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        frame = front.core.expect("REQUEST")
        assert frame[2]["IS_TLS"] == 1
        answer(front.core, frame)
        assert b"Strict-Transport-Security: max-age=31536000\r\n" in conn.recv(65536)


def test_a_client_that_leaves_is_told_to_core(front):
    conn = socket.create_connection(("127.0.0.1", front.port), 5)
    conn.sendall(b"GET /api/v1/slow HTTP/1.1\r\nHost: a\r\n\r\n")
    frame = front.core.expect("REQUEST")
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # with a reset
    conn.close()
    assert front.core.expect("CANCEL")[1] == frame[1]
    answer(front.core, frame)  # comes too late: nobody minds
    asked = front.ask(path="/api/v1/next")
    answer(front.core, front.core.expect("REQUEST"))
    assert asked.wait().status == 200


def test_without_core_it_is_503_until_core_is_back(front):
    asked = front.ask(path="/api/v1/lost")
    front.core.expect("REQUEST")
    front.core.close()
    lost = asked.wait()
    assert lost.status == 503 and lost.headers["Retry-After"] == "1"
    away = front.ask(path="/api/v1/x").wait()
    assert away.status == 503 and away.headers["Retry-After"] == "1"
    assert json.loads(away.body)["status"] == 503
    assert front.probe("/readyz").status == 503 and front.probe("/livez").status == 200
    assert front.ask(path="/signin").wait().status == 200
    front.link()
    asked = front.ask(path="/api/v1/x")
    answer(front.core, front.core.expect("REQUEST"))
    assert asked.wait().status == 200


# ---- a core that lies, or is broken ----------------------------------------------------------------

LIES = [
    b"\xff\xff\xff\xff", b"\x05\0\0\0\x02aaaa", pack("PING", 1), pack("RESPONSE", 1, STATUS=200) + b"\0" * 64,
    pack("REQUEST", 1, METHOD="GET", PATH="/", PEER="a"), b"\0" * 13,
]


def test_what_core_may_not_say_ends_the_link_and_not_the_front(front):
    for lie in LIES:
        front.core.sock.sendall(lie + b"\0" * 64)
        assert front.core.receive() is None, lie
        front.link()
        asked = front.ask(path="/api/v1/x")
        answer(front.core, front.core.expect("REQUEST"))
        assert asked.wait().status == 200


def test_a_head_cannot_be_split_by_core(front):
    asked = front.ask(path="/api/v1/x")
    answer(front.core, front.core.expect("REQUEST"), fields=("Location", "/\r\nSet-Cookie: a=b"))
    got = asked.wait()
    assert got.status == 500 and got.headers["Set-Cookie"] is None
    asked = front.ask(path="/api/v1/x")
    answer(front.core, front.core.expect("REQUEST"), fields=("Transfer-Encoding", "chunked"))
    assert asked.wait().status == 500


# ---- what never reaches core -----------------------------------------------------------------------

SECRETS = [
    "token=abc", "access_token=abc", "API_KEY=abc", "x=1&Password=abc", "x=pot_abcdefghijklmnop", "pot_abc=1",
    "%74oken=abc", "tok%65n=a", "x=%70ot_abcdefgh", "session=1", "ticket=1", "x=%00&token=a", "x=%ff&token=a",
]


def test_a_credential_in_an_address_is_refused_and_not_repeated(front):
    for query in SECRETS:
        got = front.ask(path="/api/v1/controls?" + query).wait()
        assert got.status == 400 and b"abc" not in got.body, query
    asked = front.ask(path="/api/v1/after")
    frame = front.core.expect("REQUEST")
    assert frame[2]["PATH"] == b"/api/v1/after"
    answer(front.core, frame)
    asked.wait()
    assert b"abc" not in front.log.read_bytes()


def test_a_field_that_decides_stands_once(front):
    for field in ("Authorization: Bearer a", "Cookie: a=b", "Origin: https://a", 'If-Match: "a"',
                  "Content-Type: application/json", "Sec-Fetch-Site: same-origin", "Idempotency-Key: a"):
        got = raw(front.port, f"POST /api/v1/x HTTP/1.1\r\nHost: a\r\n{field}\r\n{field}\r\n"
                              "Content-Length: 0\r\n\r\n".encode())
        assert status_of(got) == 400, field


def test_too_long_fields_are_431_and_bodies_413(front):
    got = raw(front.port, b"GET /api/v1/x HTTP/1.1\r\nHost: a\r\nUser-Agent: " + b"x" * 3000 + b"\r\n\r\n")
    assert status_of(got) == 431
    for path, size in (("/api/v1/x", (1 << 20) + 1), ("/api/v1/auth/signin", (16 << 10) + 1), ("/signin", 1 << 20)):
        head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n"
        assert status_of(raw(front.port, head.encode())) == 413


def test_only_the_management_listener_has_probes(front):
    for path in ("/metrics", "/livez", "/readyz"):
        assert front.ask(path=path).wait().status == 404
    assert front.ask(path="/api/v1/x", port=front.probe_port).wait().status == 404
    assert front.ask("POST", "/metrics", b"", port=front.probe_port).wait().status == 405


# ---- the hostile battery, through the whole front ----------------------------------------------------

G = b"GET /api/v1/x HTTP/1.1\r\nHost: a\r\n"
P = b"POST /api/v1/x HTTP/1.1\r\nHost: a\r\n"
HOSTILE = {
    "bare lf": (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    "no host": (b"GET /api/v1/x HTTP/1.1\r\n\r\n", 400),
    "two hosts": (G + b"Host: a\r\n\r\n", 400),
    "host with a path": (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    "host with credentials": (b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
    "obs-fold": (G + b"X: a\r\n b\r\n\r\n", 400),
    "blank before colon": (G + b"X : a\r\n\r\n", 400),
    "nul in value": (G + b"X: a\0b\r\n\r\n", 400),
    "cr in value": (G + b"X: a\rb\r\n\r\n", 400),
    "length twice": (P + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na", 400),
    "length list": (P + b"Content-Length: 1, 1\r\n\r\na", 400),
    "length signed": (P + b"Content-Length: +1\r\n\r\na", 400),
    "length hex": (P + b"Content-Length: 0x1\r\n\r\na", 400),
    "length and chunked": (P + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunked twice": (P + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "gzip, chunked": (P + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    "xchunked": (P + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
    "chunk extension": (P + b"Transfer-Encoding: chunked\r\n\r\n1;a=b\r\na\r\n0\r\n\r\n", 400),
    "chunk trailer": (P + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: a\r\n\r\n", 400),
    "chunk size negative": (P + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n", 400),
    "get with content": (G + b"Content-Length: 1\r\n\r\na", 400),
    "dot dot": (b"GET /api/../x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "encoded dot dot": (b"GET /api/%2e%2e/x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "encoded slash": (b"GET /api%2fv1 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "double slash": (b"GET //api/v1 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "nul in path": (b"GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "bad triplet": (b"GET /a%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "not utf-8": (b"GET /a%ff HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "fragment": (b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "http/0.9": (b"GET /\r\n\r\n", 400),
    "http/2.0": (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    "trace": (b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    "connect": (b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 501),
    "lower case method": (b"get / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "tls on a plain port": (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"a" * 64, 400),
    "huge target": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    "huge head": (G + b"X: " + b"a" * 20000 + b"\r\n\r\n", 431),
    "101 fields": (G + b"".join(b"x%d: a\r\n" % i for i in range(101)) + b"\r\n", 431),
    "other authority": (b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "expectation": (P + b"Expect: 200-maybe\r\nContent-Length: 1\r\n\r\na", 417),
    "old websocket": (b"GET /api/v1/stream HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
                      b"Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", 0),
}


def test_hostile_requests_never_reach_core(front):
    """Each is refused with its status, on a connection that then ends; a request behind it is not begun."""
    smuggled = b"GET /api/v1/smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
    for name, (data, want) in HOSTILE.items():
        if want == 0:
            continue
        got = raw(front.port, data + smuggled)
        assert status_of(got) == want, (name, got)
        assert got.count(b"HTTP/1.1 ") == 1, (name, got)
    asked = front.ask(path="/api/v1/after")
    frame = front.core.expect("REQUEST")
    assert frame[2]["PATH"] == b"/api/v1/after"
    answer(front.core, frame)
    assert asked.wait().status == 200


def test_slow_clients_cost_only_themselves(front):
    """Many that drip or stall: others are answered at once, and the front stays small."""
    slow = [socket.create_connection(("127.0.0.1", front.port), 5) for _ in range(30)]
    stalled = [socket.create_connection(("127.0.0.1", front.tls_port), 5) for _ in range(30)]
    for i, conn in enumerate(slow):
        conn.sendall(b"POST /api/v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"[:20 + 3 * i])
    for conn in stalled:
        conn.sendall(b"\x16\x03\x01")
    for _ in range(5):
        for conn in slow:
            conn.sendall(b"a" if conn is slow[-1] else b"")
        began = time.monotonic()
        asked = front.ask(path="/api/v1/x")
        answer(front.core, front.core.expect("REQUEST"))
        assert asked.wait().status == 200
        assert time.monotonic() - began < 2
    assert front.rss_kb() < 60_000
    for conn in slow + stalled:
        conn.close()


def test_one_address_may_have_so_many_connections(front):
    conns = [socket.create_connection(("127.0.0.1", front.port), 5) for _ in range(64)]
    front.sync()
    late = socket.create_connection(("127.0.0.1", front.port), 5)
    assert late.recv(1) == b""
    for conn in conns:
        conn.close()


# ---- streams -----------------------------------------------------------------------------------------

UPGRADE = (b"GET /api/v1/stream HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")


def until(conn, end):
    got = b""
    while end not in got:
        more = conn.recv(65536)
        assert more, got
        got += more
    return got


def open_stream(front, request=b"GET /api/v1/stream HTTP/1.1\r\nHost: a\r\nLast-Event-ID: 7\r\n\r\n", **fields):
    conn = socket.create_connection(("127.0.0.1", front.port), 5)
    conn.sendall(request)
    frame = front.core.expect("REQUEST")
    front.core.send("STREAM_OPEN", frame[1], STATUS=200, **fields)
    return conn, frame


def test_events_pass_through_and_are_acknowledged(front):
    conn, frame = open_stream(front, LIST=["Cache-Control", "no-store", "Content-Type", "text/event-stream"])
    assert frame[2]["LAST_EVENT_ID"] == b"7"
    head = until(conn, b"\r\n\r\n")
    assert b"Content-Type: text/event-stream\r\n" in head
    assert head.count(b"Cache-Control:") == 1 and head.count(b"Content-Type:") == 1
    for i in range(3):
        front.core.send("STREAM_EVENT", frame[1], EVENT_ID=str(i), NAME="event", BODY='{"n":%d}' % i)
        assert front.core.expect("STREAM_TAKEN")[2] == {"COUNT": 1}
        assert until(conn, b"\n\n") == b'id: %d\nevent: event\ndata: {"n":%d}\n\n' % (i, i)
    front.core.send("STREAM_CLOSE", frame[1])
    assert conn.recv(10) == b""


def test_a_websocket_gets_the_same_events_and_its_code(front):
    conn, frame = open_stream(front, UPGRADE, IS_WEBSOCKET=1)
    assert frame[2]["WANTS_WEBSOCKET"] == 1
    head = until(conn, b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ") and b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
    front.core.send("STREAM_EVENT", frame[1], EVENT_ID="8", NAME="health", BODY='{"a":1}')
    front.core.expect("STREAM_TAKEN")
    message = until(conn, b"}}")
    assert json.loads(message[2:]) == {"id": "8", "event": "health", "data": {"a": 1}}
    front.core.send("STREAM_CLOSE", frame[1], CODE=4401)
    assert until(conn, struct.pack(">H", 4401)) == b"\x88\x02" + struct.pack(">H", 4401)


def test_a_reader_that_leaves_or_never_reads_is_told_to_core(front):
    conn, frame = open_stream(front)
    until(conn, b"\r\n\r\n")
    conn.close()
    assert front.core.expect("CANCEL")[1] == frame[1]
    conn, frame = open_stream(front)
    sent = 0
    while True:
        front.core.send("STREAM_EVENT", frame[1], BODY='"' + "x" * 60_000 + '"')
        sent += 60_000
        kind, ident, _ = front.core.receive()
        if kind == "CANCEL":
            break
        assert sent < 50_000_000
    assert ident == frame[1]
    assert b"paulyops_http_slow_streams_total 1\n" in metrics(front)
    conn.close()


def test_streams_end_when_core_does(front):
    conn, _ = open_stream(front)
    until(conn, b"\r\n\r\n")
    front.core.close()
    assert conn.recv(10) == b""


def test_a_stream_core_refuses_is_an_ordinary_answer(front):
    conn = socket.create_connection(("127.0.0.1", front.port), 5)
    conn.sendall(UPGRADE)
    answer(front.core, front.core.expect("REQUEST"), 401, b"{}")
    assert until(conn, b"{}").startswith(b"HTTP/1.1 401 ")


# ---- metrics -----------------------------------------------------------------------------------------

STATS = b'{"ledger":{"size":7,"checkpoint_age_s":2},"ready":true,"name":"x","list":[1],"a\\n}b 1":3}'


def metrics(front, stats=STATS):
    asked = front.ask(path="/metrics", port=front.probe_port)
    frame = front.core.expect("STATS")
    front.core.send("STATS_ANSWER", frame[1], BODY=stats)
    got = asked.wait()
    assert got.status == 200 and got.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return got.body


def check_prometheus(text):
    """The exposition format, strictly: HELP and TYPE before their samples, each family once, values numbers."""
    assert text.endswith("\n")
    types, samples, family, done = {}, {}, None, set()
    for line in text.splitlines():
        head = re.fullmatch(r"# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)", line)
        if head:
            if head[2] != family:
                assert head[1] == "HELP" and head[2] not in done, line
                done.add(head[2])
                family = head[2]
            if head[1] == "TYPE":
                assert family not in types and head[3] in ("counter", "gauge", "histogram"), line
                types[family] = head[3]
            continue
        sample = re.fullmatch(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-z_]+="[^"\\\n]*"(?:,[a-z_]+="[^"\\\n]*")*\})? '
                              r"(-?[0-9]+(?:\.[0-9]+)?)", line)
        assert sample, line
        base = re.sub(r"_(bucket|sum|count)$", "", sample[1]) if types[family] == "histogram" else sample[1]
        assert base == family and base.startswith("paulyops_"), line
        assert (sample[1], sample[2]) not in samples, line
        assert types[family] != "counter" or sample[1].endswith("_total"), line
        samples[sample[1], sample[2] or ""] = float(sample[3])
    for (name, labels), value in samples.items():
        if name.endswith("_bucket") and 'le="+Inf"' in labels:
            rest = labels.replace(',le="+Inf"', "")
            assert samples[name[:-7] + "_count", rest] == value
    buckets = {}
    for (name, labels), value in samples.items():
        if name.endswith("_bucket"):
            buckets.setdefault(re.sub(r',le="[^"]*"', "", labels), []).append(value)
    assert buckets and all(values == sorted(values) for values in buckets.values())
    return samples


def test_metrics_are_in_the_text_format_and_count_what_happened(front):
    asked = front.ask(path="/api/v1/x")
    answer(front.core, front.core.expect("REQUEST"), 404)
    asked.wait()
    raw(front.port, b"GET /\0 HTTP/1.1\r\n\r\n")
    front.ask(path="/api/v1/x?token=a").wait()
    samples = check_prometheus(metrics(front).decode("ascii"))
    assert samples["paulyops_http_requests_total", '{class="read",status="404"}'] == 1
    assert samples["paulyops_http_requests_total", '{class="read",status="400"}'] == 1
    assert samples["paulyops_http_malformed_total", ""] == 1
    assert samples["paulyops_http_query_secrets_total", ""] == 1
    assert samples["paulyops_core_ledger_size", ""] == 7
    assert samples["paulyops_core_ledger_checkpoint_age_s", ""] == 2
    assert samples["paulyops_core_ready", ""] == 1
    assert samples["paulyops_ready", ""] == 1
    assert samples["paulyops_http_request_duration_seconds_count", '{class="read"}'] == 2
    # figures that are none are left out
    check_prometheus(metrics(front, b"[]").decode("ascii"))
    check_prometheus(metrics(front, b"{").decode("ascii"))


def test_probes_say_whether_core_answers(front):
    asked = front.ask(path="/readyz", port=front.probe_port)
    front.core.send("STATS_ANSWER", front.core.expect("STATS")[1], BODY=b"{}")
    assert asked.wait().status == 200
    began = time.monotonic()
    assert front.probe("/readyz").status == 503  # core is there and says nothing
    assert 1.5 < time.monotonic() - began < 4
    assert front.probe("/livez").status == 200


# ---- rates -------------------------------------------------------------------------------------------

def test_rates_are_held_by_address_and_class(program, tmp_path):
    front = Front(program, tmp_path, "--trusted-proxy=127.0.0.1")
    try:
        codes = [front.ask("POST", "/api/v1/auth/signin", b"{}", {"X-Forwarded-For": "198.51.100.7"}).wait().status
                 for _ in range(70)]
        assert codes[0] == 503 and codes[-1] == 429  # no core: 503 is what is let through
        assert 15 <= codes.index(429) <= 61
        limited = front.ask("POST", "/api/v1/auth/signin", b"{}", {"X-Forwarded-For": "198.51.100.7"}).wait()
        assert limited.status == 429 and 1 <= int(limited.headers["Retry-After"]) <= 60
        # another address, and another class of the same one
        assert front.ask("POST", "/api/v1/auth/signin", b"{}", {"X-Forwarded-For": "198.51.100.8"}).wait().status == 503
        assert front.ask(path="/api/v1/x", headers={"X-Forwarded-For": "198.51.100.7"}).wait().status == 503
        # one whose proxy says nonsense
        assert front.ask(path="/api/v1/x", headers={"X-Forwarded-For": "not an address"}).wait().status == 400
    finally:
        front.end()


def test_a_proxy_is_believed_only_when_it_is_trusted(program, tmp_path):
    for options, peer, tls in (((), b"127.0.0.1", 0), (("--trusted-proxy=127.0.0.1",), b"2001:db8::9", 1)):
        front = Front(program, tmp_path, *options)
        try:
            core = front.link()
            asked = front.ask(path="/api/v1/x", headers={"X-Forwarded-For": "203.0.113.1, 2001:db8::9",
                                                         "X-Forwarded-Proto": "https"})
            frame = core.expect("REQUEST")
            assert (frame[2]["PEER"], frame[2]["IS_TLS"]) == (peer, tls)
            answer(core, frame)
            asked.wait()
        finally:
            front.end()


# ---- pages -------------------------------------------------------------------------------------------

def test_pages_are_served_with_strict_fields_and_etags(front):
    for path in ("/", "/signin", "/invite", "/sessions"):
        page = front.ask(path=path).wait()
        assert page.status == 200 and page.headers["Content-Type"] == "text/html; charset=utf-8"
        policy = page.headers["Content-Security-Policy"]
        assert "unsafe" not in policy and "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        for name in ("X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Permissions-Policy",
                     "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy"):
            assert len(page.headers.get_all(name)) == 1
        again = front.ask(path=path, headers={"If-None-Match": page.headers["ETag"]}).wait()
        assert again.status == 304 and again.body == b"" and again.headers["ETag"] == page.headers["ETag"]
    assert front.ask("POST", "/signin", b"a").wait().status == 405
    assert front.ask(path="/nothing").wait().status == 404


# ---- its own life ------------------------------------------------------------------------------------

def test_it_drains_what_is_under_way_and_ends(front):
    asked = front.ask(path="/api/v1/last")
    frame = front.core.expect("REQUEST")
    front.control.send("STOP")
    while True:  # the listener closes
        try:
            socket.create_connection(("127.0.0.1", front.port), 5).close()
        except (ConnectionRefusedError, ConnectionResetError):
            break
    answer(front.core, frame)
    assert asked.wait().status == 200
    assert front.process.wait(10) == 0


def test_a_new_certificate_is_used_after_a_reload(front, tmp_path):
    before = ssl.get_server_certificate(("127.0.0.1", front.tls_port))
    key, cert = tmp_path / "tls/key.pem", tmp_path / "tls/cert.pem"
    good = cert.read_bytes()
    cert.write_bytes(b"not a certificate")
    front.control.send("RELOAD")
    front.sync()
    assert ssl.get_server_certificate(("127.0.0.1", front.tls_port)) == before
    cert.write_bytes(good)
    for path in (key, cert):
        path.rename(path.with_suffix(".old"))
    Front(front.process.args[4], tmp_path).end()  # makes new ones
    front.control.send("RELOAD")
    front.sync()
    assert ssl.get_server_certificate(("127.0.0.1", front.tls_port)) != before


def test_it_ends_with_its_supervisor(front):
    front.control.close()
    assert front.process.wait(5) == 0


def test_it_is_fenced_in(front):
    """What the kernel says of it: no capability, a filter, no new privileges, no dump."""
    status = dict(line.split(":\t", 1) for line in
                  open(f"/proc/{front.process.pid}/status", encoding="ascii").read().splitlines() if ":\t" in line)
    assert status["Seccomp"] == "2" and status["NoNewPrivs"] == "1"
    assert int(status["CapEff"], 16) == 0 and int(status["CapPrm"], 16) == 0
    assert int(status["Threads"]) == 1


def test_idle_it_is_small(front):
    assert front.rss_kb() < 20_000
