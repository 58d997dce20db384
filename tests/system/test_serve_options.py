"""Options of `paulyops serve`: where it listens, its certificate, and whose word about a client it takes."""
import collections
import hashlib
import http.client
import json
import os
import re
import select
import signal
import socket
import ssl
import subprocess
import time

import pytest
import requests

from service import PASSWORD, Person, Service, first_owner, free_ports

NOBODYS = "A" * 43  # a ticket that nobody was given: it counts for its source alone
SOURCE_FAILURES = 20  # docs/spec/credentials.md: then the source waits
PROXY, STRANGER = "127.0.0.9", "127.0.0.10"


@pytest.fixture
def serve(ops):
    """serve(*options): a service of one home; all of them end."""
    ops.init()
    running = []

    def start(*options):
        running.append(Service(ops, *options))
        return running[-1]
    yield start
    for service in running:
        assert service.stop() == 0


def printed(service):
    """What it said on stdout so far."""
    got = b""
    while select.select([service.process.stdout], [], [], 0)[0] and (more := os.read(service.process.stdout.fileno(), 65536)):
        got += more
    return got.decode()


def plain(port, path="/api/v1/auth/totp", source=PROXY, body=None, **headers):
    """A request without TLS from one of the loopback addresses."""
    body = json.dumps({"ticket": NOBODYS, "code": "123456"} if body is None else body)
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=20, source_address=(source, 0))
    fields = {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    asked.request("POST", path, body, fields)
    answer = asked.getresponse()
    answer.text = answer.read().decode()
    asked.close()
    return answer


def addresses(ops, *event):
    """ip_address of the events (of a kind), oldest first."""
    kind = ("--type", *event) if event else ()
    return [row["ip_address"] for row in ops.json("audit", "list", *kind, "--limit", "1000")["data"]]


def fingerprint_of(port, host="127.0.0.1"):
    """SHA-256 of what is served there, and its certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((host, port), 5) as conn, context.wrap_socket(conn) as tls:
        der = tls.getpeercert(True)
    digest = hashlib.sha256(der).hexdigest().upper()
    return ":".join(digest[i:i + 2] for i in range(0, 64, 2)), ssl.DER_cert_to_PEM_cert(der)


def certificate(place, name):
    """A self-signed pair name.pem, name.key."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                    "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", place / f"{name}.key",
                    "-out", place / f"{name}.pem"], check=True, capture_output=True)
    (place / f"{name}.key").chmod(0o600)


# ---- where it is ---------------------------------------------------------------------------------------

def test_it_says_where_it_is_and_what_its_certificate_is(serve):
    service = serve()
    fingerprint, _ = fingerprint_of(service.port)
    assert printed(service) == f"serving https://127.0.0.1:{service.port}, certificate SHA-256 {fingerprint}\n"
    assert fingerprint == service.fingerprint


def test_quiet_it_says_nothing(ops):
    ops.init()
    public, probes = free_ports(2)
    process = ops.popen("serve", "--quiet", "--listen", f"127.0.0.1:{public}", "--management", f"127.0.0.1:{probes}")
    while b"service.serving" not in (line := process.stderr.readline()):
        assert line
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=30)[0] == b"" and process.returncode == 0


def test_it_listens_where_it_is_told(serve, ops):
    """Several addresses, IPv6, without TLS on loopback, and a unix socket whose path is long gone and comes back."""
    (v6,) = free_ports(1)
    (bare,) = free_ports(1)
    path = f"/tmp/po-{os.getpid()}.sock"
    service = serve("--listen", f"[::1]:{v6}", "--plain", f"127.0.0.1:{bare}", "--plain", path)
    try:
        lines = printed(service).splitlines()
        assert [line.split(",")[0].split("serving ")[1] for line in lines] == [
            f"https://127.0.0.1:{service.port}", f"https://[::1]:{v6}", f"http://127.0.0.1:{bare}", f"unix:{path}"]
        assert fingerprint_of(v6, "::1")[0] == service.fingerprint

        def over_unix():
            conn = http.client.HTTPConnection("localhost")
            conn.sock = socket.socket(socket.AF_UNIX)
            conn.sock.connect(path)
            conn.request("GET", "/api/v1/me", headers={"X-Forwarded-For": "203.0.113.1"})
            return conn.getresponse().status
        assert over_unix() == 401 and os.stat(path).st_mode & 0o777 == 0o600
        with service.session() as client:
            assert client.get(f"https://[::1]:{v6}/api/v1/me", timeout=10).status_code == 401
        assert requests.get(f"http://127.0.0.1:{bare}/api/v1/me", timeout=10).status_code == 401
        assert set(addresses(ops, "access.denied")) == {"unix", "::1", "127.0.0.1"}
        os.kill(service.roles()["front"], signal.SIGKILL)
        service.wait_for("service.role_ready")
        assert over_unix() == 401
    finally:
        os.unlink(path)


@pytest.mark.parametrize("options, words", [
    (("--plain", "0.0.0.0:80"), "only loopback"), (("--plain", "[::]:80"), "only loopback"),
    (("--management", "192.0.2.1:80"), "loopback"), (("--listen", "::1:443"), "ADDRESS:PORT"),
    (("--trusted-proxy", "proxy.example"), "no address"), (("--trusted-proxy", "10.0.0.0/8"), "no address"),
    (("--trusted-proxy", "010.0.0.1"), "no address"), (("--cert", "x.pem"), "needs its key"),
    (("--rate-percent", "0"), "no share"), (("--rate-percent", "many"), "no share"),
    (("--listen", "127.0.0.1:0") * 9, "listeners"), (("--name", "a") * 17, "names"),
])
def test_a_wrong_option_is_told_before_anything_starts(ops, options, words):
    ops.init()
    before = ops.json("ledger", "tail", "-n", "1")["data"][0]["leaf"]
    ops.fails(64, "serve", *options).check_line(64, words)
    assert ops.json("ledger", "tail", "-n", "1")["data"][0]["leaf"] == before + 1  # that of the question before


# ---- its certificate -----------------------------------------------------------------------------------

def test_names_stand_in_the_certificate_that_is_made(serve):
    service = serve("--name", "ops.example.org", "--name", "192.0.2.7")
    _, pem = fingerprint_of(service.port)
    text = subprocess.run(["openssl", "x509", "-noout", "-text"], input=pem, capture_output=True, text=True, check=True).stdout
    assert "DNS:ops.example.org" in text and "IP Address:192.0.2.7" in text and "DNS:localhost" not in text


def test_a_certificate_of_ones_own_and_its_renewal_behind_a_link(serve, ops):
    """As ACME clients leave it: live/cert.pem leads to archive/; the link is turned, SIGHUP, the new one is served."""
    live, archive = ops.base / "live", ops.base / "archive"
    live.mkdir()
    archive.mkdir()
    for name in ("one.example", "two.example"):
        certificate(archive, name)

    def turn(name):
        for kind, link in (("pem", "cert.pem"), ("key", "key.pem")):
            (live / "new").symlink_to(f"../archive/{name}.{kind}")
            (live / "new").rename(live / link)
    turn("one.example")
    service = Service.__new__(Service)  # its own certificate is not below the state directory
    public, probes = free_ports(2)
    service.ops, service.lines = ops, []
    service.process = ops.popen("serve", "--listen", f"127.0.0.1:{public}", "--management", f"127.0.0.1:{probes}",
                                "--cert", "live/cert.pem", "--key", "live/key.pem", bufsize=0)
    service.wait_for("service.serving")
    first, pem = fingerprint_of(public)
    assert first == service.fingerprint and (archive / "one.example.pem").read_text() == pem
    assert not list(ops.state.rglob("tls/*")), "none is made"
    turn("two.example")
    service.process.send_signal(signal.SIGHUP)
    assert service.wait_for("front.certificate_loaded", 10)["sha256"] == fingerprint_of(public)[0] != first
    (live / "cert.pem").unlink()
    service.process.send_signal(signal.SIGHUP)
    service.wait_for("front.certificate_refused", 10)
    assert fingerprint_of(public)[1] == (archive / "two.example.pem").read_text()
    assert service.stop() == 0


def test_a_certificate_that_is_not_there_ends_it_with_one_clear_line(ops):
    ops.init()
    result = ops.run("serve", "--listen", "127.0.0.1:0", "--management", "none", "--cert", "no.pem", "--key", "no.key")
    lines = [line for line in result.err.splitlines() if line.startswith("paulyops: ")]  # beside the roles' logs
    assert result.code == 66 and len(lines) == 1 and lines[0].startswith("paulyops: there is no certificate"), result


# ---- whose word is taken ---------------------------------------------------------------------------------

def test_nobody_chooses_the_address_that_counts(serve, ops):
    """A stranger names another address with each try: all count for its own, none for those it named."""
    (bare,) = free_ports(1)
    serve("--plain", f"127.0.0.1:{bare}", "--trusted-proxy", PROXY)
    victim = "127.0.0.77"
    for number in range(SOURCE_FAILURES):
        named = {"X_Forwarded_For": victim if number % 2 else f"203.0.113.{number}", "X_Real_IP": victim,
                 "Forwarded": f"for={victim}", "X_Forwarded_Proto": "https"}
        assert plain(bare, source=STRANGER, **named).status in (401, 410)
    locked = plain(bare, source=STRANGER, X_Forwarded_For="198.51.100.1")
    assert locked.status == 429 and "too many failures" in locked.text
    assert plain(bare, source=STRANGER).status == 429
    assert plain(bare, source=victim).status in (401, 410), "the one it named is not locked"
    seen = collections.Counter(addresses(ops))
    assert seen[STRANGER] >= SOURCE_FAILURES + 2 and seen[victim] == 1, seen
    assert not [one for one in seen if one.startswith(("203.", "198."))], seen


def test_a_trusted_proxy_names_its_clients(serve, ops):
    """The last address that no trusted proxy vouches for; what a client wrote before it is nothing."""
    (bare,) = free_ports(1)
    serve("--plain", f"127.0.0.1:{bare}", "--trusted-proxy", PROXY, "--trusted-proxy", "2001:DB8:0::5")
    for said, want in (("203.0.113.5", "203.0.113.5"), ("198.51.100.1, 203.0.113.6", "203.0.113.6"),
                       ("127.0.0.1,  2001:db8::7", "2001:db8::7"), ("203.0.113.8, 2001:db8::5", "203.0.113.8"), (None, PROXY)):
        fields = {} if said is None else {"X_Forwarded_For": said}
        assert plain(bare, "/api/v1/auth/sign-out", body={}, **fields).status == 401
        assert addresses(ops, "access.denied")[-1] == want, said
    for said in ("nobody", "203.0.113.5:80", "203.0.113.5,", ",", "203.0.113.5 198.51.100.1", "2001:DB8::7", "unix", "[::1]"):
        assert plain(bare, X_Forwarded_For=said).status == 400, said
    # each client is a source of its own
    for _ in range(SOURCE_FAILURES):
        assert plain(bare, X_Forwarded_For="203.0.113.20").status in (401, 410)
    assert plain(bare, X_Forwarded_For="203.0.113.20").status == 429
    assert plain(bare, X_Forwarded_For="198.51.100.1, 203.0.113.20").status == 429
    assert plain(bare, X_Forwarded_For="203.0.113.20, 203.0.113.21").status in (401, 410)


def test_a_person_signs_in_through_a_proxy_that_ends_tls(serve, ops):
    """Host kept, scheme told: our own pages are known as such, and the session bears the person's address."""
    (bare,) = free_ports(1)
    link = first_owner(ops)
    service = serve("--plain", f"127.0.0.1:{bare}", "--trusted-proxy", "127.0.0.1")
    owner = Person(service, "owner@example.org", PASSWORD)

    def through(http_client, proto):
        http_client.headers.update({"Host": "ops.example.org", "X-Forwarded-For": "203.0.113.5", "X-Forwarded-Proto": proto})
    through(owner.http, "https")
    service.url, service.api = "https://ops.example.org", f"http://127.0.0.1:{bare}/api/v1"
    answer = owner.post("/auth/invitation", {"link": link.split("#")[1], "new_password": PASSWORD})
    assert answer.status_code == 200, answer.text
    ticket = answer.json()["ticket"]
    owner.secret = owner.post("/auth/enrolment", {"ticket": ticket}).json()["secret"]
    confirmed = owner.post("/auth/enrolment/confirm", {"ticket": ticket, "code": owner.code()})
    assert confirmed.status_code == 200, confirmed.text
    cookie = re.match(r"(__Host-paulyops=[^;]+); .*Secure", confirmed.headers["Set-Cookie"])[1]
    owner.http.headers["Cookie"] = cookie
    (mine,) = owner.get("/me/sessions").json()["data"]
    assert mine["ip"] == "203.0.113.5"
    for origin, want in (("https://ops.example.org", 200), ("http://ops.example.org", 403), ("https://evil.example", 403)):
        answer = owner.http.delete(service.api + "/me/sessions", headers={"Origin": origin}, timeout=10)
        assert answer.status_code == want, (origin, answer.text)


def test_rates_can_be_others(serve):
    """A tenth: 24 pages at once from one address instead of 240."""
    service = serve("--rate-percent", "10")
    with service.session() as client:
        began = time.monotonic()
        got = [client.get(service.url + "/signin", timeout=10).status_code for _ in range(60)]
        allowed = 24 + 2 * (time.monotonic() - began) + 1
    assert 24 <= got.count(200) <= allowed and got.count(429) == 60 - got.count(200), (got, allowed)
