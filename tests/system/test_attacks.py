"""What an attacker tries against the whole service, one test for each way that taught something."""
import concurrent.futures
import gzip
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest

from conftest import Ops
from front_role import trusting
from service import PASSWORD, Person, Service, first_owner
from test_front import status_of

OTHER_PASSWORD = "quiet lantern over the harbour"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def service(program, tmp_path_factory):
    ops = Ops(program, tmp_path_factory.mktemp("attacks"))
    ops.init()
    link = first_owner(ops)
    running = Service(ops)
    running.owner = Person(running, "owner@example.org", PASSWORD).accept(link)
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def member(service):
    return invited(service, "member@example.org", "member")


def own(service):
    return {**JSON, "Origin": service.url, "Sec-Fetch-Site": "same-origin"}


def invited(service, email, role):
    answer = service.owner.post("/users", {"email": email, "name": "Somebody", "role": role})
    assert answer.status_code == 200, answer.text
    person = Person(service, email, OTHER_PASSWORD).accept(answer.json()["link"])
    person.id = answer.json()["id"]
    return person


def cookie_of(person):
    (cookie,) = person.http.cookies
    return f"{cookie.name}={cookie.value}"


def raw(service, data, source="127.0.0.1"):
    """Bytes over TLS from one of the loopback addresses; what came back until the end."""
    with socket.create_connection(("127.0.0.1", service.port), 20, (source, 0)) as plain, \
            trusting(service.ca).wrap_socket(plain, server_hostname="localhost") as conn:
        conn.sendall(data)
        got = b""
        try:
            while more := conn.recv(65536):
                got += more
        except (ConnectionResetError, ssl.SSLError):
            pass
        return got


def request(service, method, path, headers=None, body=b""):
    lines = [f"{method} /api/v1{path} HTTP/1.1", f"Host: localhost:{service.port}", f"Content-Length: {len(body)}",
             *(f"{name}: {value}" for name, value in (headers or {}).items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def at_once(service, path, body, count=20):
    """The same request from `count` addresses at the same moment: status of each, sorted."""
    data = request(service, "POST", path, {**JSON, "Connection": "close"}, json.dumps(body).encode())
    barrier = threading.Barrier(count)

    def one(i):
        barrier.wait()
        return status_of(raw(service, data, f"127.0.0.{10 + i}"))
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return sorted(pool.map(one, range(count)))


def document(service):
    return service.owner.get("/openapi.json").json()


def schema_of(whole, operation):
    (content,) = operation["requestBody"]["content"].values()
    schema = content["schema"]
    for part in schema.get("$ref", "")[2:].split("/") if "$ref" in schema else ():
        whole = whole[part]
    return whole if "$ref" in schema else schema


def test_what_works_once_works_once_however_many_try(service):
    """Link, one-time code and recovery code: of many at the same moment one gets in."""
    link = service.owner.post("/users", {"email": "once@example.org", "name": "Once", "role": "viewer"}).json()["link"]
    body = {"link": link.split("#")[1], "new_password": OTHER_PASSWORD}
    statuses = at_once(service, "/auth/invitation", body, 6)  # each costs a hash
    assert statuses.count(200) == 1 and set(statuses) <= {200, 410, 429}, statuses
    person = service.owner.again()
    asked = {"email": person.email, "password": person.password}
    ticket = person.post("/auth/sign-in", asked).json()["ticket"]
    code = person.code() or person.codes[-1]
    path = "/auth/totp" if len(code) == 6 else "/auth/recovery"
    service.owner.used = person.used
    statuses = at_once(service, path, {"ticket": ticket, "code": code})
    assert statuses.count(200) == 1 and set(statuses) <= {200, 401, 410, 429}, statuses
    ticket = person.post("/auth/sign-in", asked).json()["ticket"]
    statuses = at_once(service, "/auth/recovery", {"ticket": ticket, "code": person.codes[0]})
    assert statuses.count(200) == 1 and set(statuses) <= {200, 401, 410, 429}, statuses


def test_identities_on_one_connection_stay_apart(service, member):
    lines = [request(service, "GET", "/me", headers) for headers in (
        {"Cookie": cookie_of(service.owner)}, {}, {"Cookie": cookie_of(member)}, {"Authorization": "Bearer pot_x"},
        {"Cookie": cookie_of(service.owner), "Connection": "close"})]
    answers = raw(service, b"".join(lines)).split(b"HTTP/1.1 ")[1:]
    ids = [re.search(rb'"id":"(\w+)"', answer) for answer in answers]
    seen = [found[1].decode() if found else int(answer[:3]) for answer, found in zip(answers, ids)]
    owner = service.owner.get("/me").json()["id"]
    assert seen == [owner, 401, member.id, 401, owner]


def test_ids_of_others_open_nothing(service, member):
    """Each path with an id, with the owner's ids: a member reads and changes none of it."""
    token = service.owner.post("/tokens", {"name": "t", "scopes": ["control.list"]}).json()["id"]
    session = service.owner.get("/me").json()["session"]
    ids = {"user": service.owner.get("/me").json()["id"], "token": token, "session": session}
    tried = 0
    for path, item in document(service)["paths"].items():
        names = re.findall(r"{(\w+)}", path)
        if not names or names[0] not in ids:
            continue
        for verb in item:
            where = path.replace("{%s}" % names[0], ids[names[0]])
            answer = member.http.request(verb, service.api + where, headers=own(service), timeout=30,
                                         data=None if verb in ("get", "delete") else "{}")
            assert answer.status_code in (403, 404, 429), (verb, where, answer.text)
            tried += answer.status_code != 429
    for query in (f"/sessions?user={ids['user']}", "/sessions?all=true", f"/tokens?user={ids['user']}",
                  "/tokens?all=true", f"/access/decisions?user={ids['user']}&action=key.rotate"):
        assert member.get(query).status_code == 403, query
    assert tried >= 8
    assert service.owner.get("/me").status_code == 200
    assert token in [row["id"] for row in service.owner.get("/tokens").json()["data"]]


def test_nothing_can_be_assigned_that_was_not_offered(service):
    """Members of every schema in the bodies of every route that does not have them."""
    whole = document(service)
    others = {name for schema in whole["components"]["schemas"].values() for name in schema.get("properties", {})}
    others = sorted(others | {"tenant", "is_canary", "approved_by", "first_owner", "dry-run", "home", "__proto__"})
    tried = 0
    for i, (path, item) in enumerate(sorted(whole["paths"].items())):
        for verb, operation in item.items():
            if "requestBody" not in operation or path.startswith("/auth/"):
                continue
            strange = [name for name in others if name not in schema_of(whole, operation)["properties"]]
            for name in (strange[i % len(strange)], strange[(7 * i + 3) % len(strange)]):
                where = re.sub(r"{\w+}", "usr_00000000000000000000000000", path)
                answer = service.owner.http.request(verb, service.api + where, headers=own(service), timeout=30,
                                                    data=json.dumps({name: "x"}))
                assert answer.status_code in (400, 429), (verb, where, name, answer.text)
                tried += answer.status_code == 400 and answer.json()["member"] == name
    assert tried >= 30


def test_content_in_another_coding_is_not_read_as_plain(service):
    before = service.owner.get("/register").json()["data"]
    for coding, body in (("gzip", gzip.compress(b'{"value":"1"}')), ("gzip", b'{"value":"1"}'), ("br", b'{"value":"1"}')):
        answer = service.owner.http.put(service.api + "/register/cost.audit", data=body, timeout=30,
                                        headers={**own(service), "Content-Encoding": coding})
        assert answer.status_code == 415, answer.text
    assert service.owner.get("/register").json()["data"] == before


def test_names_cannot_play_with_a_terminal(service):
    """Overrides of direction, line ends and bytes of a terminal's commands, in what a client may choose."""
    for text in ("a\u202egpj.exe", "a\u2028b", "a\u2066b", "a\u009b31m", "a\u001b[31m"):
        answer = service.owner.http.put(service.api + "/register/cost.audit", headers=own(service), timeout=30,
                                        data=json.dumps({"value": text}))
        assert answer.status_code == 400, text
    person = service.owner.again()
    ticket = person.post("/auth/sign-in", {"email": person.email, "password": person.password}).json()["ticket"]
    body = json.dumps({"ticket": ticket, "code": person.codes[1]}).encode()
    agent = b"x\xe2\x80\xaey\xe2\x80\xa8z\x9b31m\xc2\x9b\xff"
    data = request(service, "POST", "/auth/recovery", {**JSON, "Connection": "close", "User-Agent": "AGENT"}, body)
    assert status_of(raw(service, data.replace(b"AGENT", agent))) == 200
    shown = subprocess.run([service.ops.program, "session", "list", "--all"], env=service.ops.environment(),
                           capture_output=True, check=True).stdout
    assert b"x?y?z?31m??" in shown
    assert not [byte for byte in shown if byte != 10 and not 32 <= byte < 127]


def test_who_is_deprovisioned_keeps_nothing_for_a_second(service):
    person = invited(service, "leaver@example.org", "operator")
    token = person.post("/tokens", {"name": "t"}).json()["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    ended = []

    def listen(headers):
        with service.session().get(service.api + "/stream", headers=headers, stream=True, timeout=30) as answer:
            assert answer.status_code == 200, answer.text
            opened.release()
            for _ in answer.iter_content(1):
                pass
        ended.append(time.monotonic())
    opened = threading.Semaphore(0)
    threads = [threading.Thread(target=listen, args=(headers,))
               for headers in ({"Cookie": cookie_of(person)}, bearer)]
    for thread in threads:
        thread.start()
        assert opened.acquire(timeout=20)
    gone = service.owner.http.delete(f"{service.api}/users/{person.id}", headers=own(service), timeout=30)
    began = time.monotonic()
    assert gone.status_code == 204, gone.text
    assert person.get("/me").status_code == 401
    assert service.session().get(service.api + "/controls", headers=bearer, timeout=30).status_code == 401
    for thread in threads:
        thread.join(20)
    assert len(ended) == 2 and max(ended) - began < 1, [at - began for at in ended]


def test_a_certificate_that_is_no_file_holds_nothing_up(service):
    """Reload with a FIFO, a directory and a chain of thousands in the place of the certificate."""
    cert = next(service.ops.state.rglob("tls/cert.pem"))
    good = cert.read_bytes()
    kept = cert.with_name("kept.pem")
    kept.write_bytes(good)
    service.ca = str(kept)
    roles = service.roles()
    cert.unlink()
    for put, drop in ((lambda: os.mkfifo(cert), cert.unlink), (cert.mkdir, cert.rmdir),
                      (lambda: cert.write_bytes(good * 5000), cert.unlink)):
        put()
        service.process.send_signal(signal.SIGHUP)
        service.wait_for("front.certificate_refused", 10)
        drop()
        with service.session() as http:
            assert http.get(service.url + "/signin", timeout=10).status_code == 200
    cert.write_bytes(good)
    assert service.roles() == roles


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
def test_another_user_of_the_machine_is_not_let_in(service):
    """Even when the modes of the home would let them reach the socket."""
    path = service.ops.home / "data/paulyops.sock"
    program = ("import os, socket, sys\n"
               "os.chdir(sys.argv[1]); os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
               "s = socket.socket(socket.AF_UNIX); s.settimeout(10)\n"
               "try:\n s.connect('paulyops.sock'); print(s.recv(1))\n"
               "except OSError as e: print(type(e).__name__)\n")
    assert path.stat().st_mode & 0o777 == 0o600
    for mode in (0o600, 0o666):
        path.chmod(mode)
        said = subprocess.run([sys.executable, "-c", program, path.parent], capture_output=True, text=True, check=True)
        assert said.stdout.strip() in ("b''", "PermissionError", "ConnectionResetError"), said
    path.chmod(0o600)
