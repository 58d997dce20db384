"""The whole service: `paulyops serve` on free ports, its clients, its people."""
import base64
import hashlib
import hmac
import json
import pathlib
import re
import select
import signal
import socket
import struct
import time

import requests


def totp(secret, at=None):
    """RFC 6238: six digits, SHA-1, 30 s; `secret` in base32, blanks allowed."""
    plain = secret.replace(" ", "").upper()
    key = base64.b32decode(plain + "=" * (-len(plain) % 8))
    digest = hmac.new(key, struct.pack(">Q", int((at or time.time()) // 30)), hashlib.sha1).digest()
    number = struct.unpack_from(">I", digest, digest[-1] & 15)[0] & 0x7fffffff
    return f"{number % 1_000_000:06d}"


def children(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except FileNotFoundError:
        return []
    return [int(child) for child in text.split()]


def free_ports(count):
    """Ports that nobody has now: a role that is started again takes the same ones."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


class Service:
    def __init__(self, ops, *options):
        self.ops = ops
        public, probes = free_ports(2)
        self.process = ops.popen("serve", "--listen", f"127.0.0.1:{public}", "--management", f"127.0.0.1:{probes}",
                                 *options, bufsize=0)
        self.lines = []
        self.port = self.probe_port = self.fingerprint = None
        self.wait_for("service.serving")
        self.url = f"https://localhost:{self.port}"
        self.api = self.url + "/api/v1"
        self.ca = str(next(ops.state.rglob("tls/cert.pem")))
        self.probes = f"http://127.0.0.1:{self.probe_port}"

    def wait_for(self, event, timeout=30):
        """Read the log up to this event; gives its line."""
        until = time.monotonic() + timeout
        pipe = self.process.stderr
        while True:
            ready, _, _ = select.select([pipe], [], [], max(0, until - time.monotonic()))
            line = pipe.readline() if ready else b""
            assert line, (event, self.lines)
            self.lines.append(line)
            if not line.startswith(b"{"):
                continue
            entry = json.loads(line)
            if entry["event"] == "service.role_ready" and entry.get("role") == "front":
                said = entry["message"]
                self.port = int(re.search(r"^https://.*:(\d+)$", said, re.M)[1])
                self.probe_port = int(re.search(r"^management http://.*:(\d+)$", said, re.M)[1])
                self.fingerprint = re.search(r"SHA-256 (\S+)", said)[1]
            if entry["event"] == event:
                return entry

    def roles(self):
        """Process ids by role."""
        found = {}
        for pid in children(self.process.pid):
            line = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode()
            name = re.search(r"--role=(\w+)", line)
            if name:
                found[name[1]] = pid
        return found

    def processes(self):
        todo, found = [self.process.pid], []
        while todo:
            pid = todo.pop()
            found.append(pid)
            todo += children(pid)
        return found

    def session(self):
        """A client that trusts the service's certificate."""
        made = requests.Session()
        made.verify = self.ca
        made.trust_env = False
        return made

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        self.lines += self.process.stderr.read().splitlines()
        for pipe in (self.process.stdout, self.process.stderr):
            pipe.close()
        return code


class Person:
    """Someone who uses the API as the pages do."""

    def __init__(self, service, email, password):
        self.service, self.email, self.password = service, email, password
        self.http = service.session()
        self.secret = None
        self.used = 0
        self.codes = []

    def post(self, path, body, **kwargs):
        headers = {"Origin": self.service.url, "Sec-Fetch-Site": "same-origin", **kwargs.pop("headers", {})}
        return self.http.post(self.service.api + path, json=body, headers=headers, timeout=30, **kwargs)

    def get(self, path, **kwargs):
        return self.http.get(self.service.api + path, timeout=30, **kwargs)

    def code(self):
        """A code that was not used yet: of this step, else of the next; None: both were."""
        now = int(time.time()) // 30
        step = max(now, self.used + 1)
        if step > now + 1:
            return None
        self.used = step
        return totp(self.secret, step * 30)

    def accept(self, link):
        """Take an invitation: password, then the second factor when it is asked for."""
        answer = self.post("/auth/invitation", {"link": link.split("#")[1], "new_password": self.password})
        assert answer.status_code == 200, answer.text
        outcome = answer.json()
        if outcome["state"] == "enrol":
            made = self.post("/auth/enrolment", {"ticket": outcome["ticket"]}).json()
            self.secret = made["secret"]
            answer = self.post("/auth/enrolment/confirm", {"ticket": outcome["ticket"], "code": self.code()})
            assert answer.status_code == 200, answer.text
            self.codes = answer.json()["recovery_codes"]
        return self

    def sign_in(self, **members):
        """`members`: further ones of the request."""
        answer = self.post("/auth/sign-in", {"email": self.email, "password": self.password, **members})
        assert answer.status_code == 200, answer.text
        outcome = answer.json()
        if outcome["state"] == "mfa":
            code = self.code()
            path = "/auth/totp" if code else "/auth/recovery"
            answer = self.post(path, {"ticket": outcome["ticket"], "code": code or self.codes.pop()})
            assert answer.status_code == 200, answer.text
        return self

    def again(self):
        """The same person at another device."""
        other = Person(self.service, self.email, self.password)
        other.secret, other.used, other.codes = self.secret, self.used, self.codes
        return other


PASSWORD = "violet anchors drift past noon"


def first_owner(ops):
    """The link of the first owner."""
    return ops.json("user", "invite", "owner@example.org", "--name", "First Owner", "--first-owner")["data"][0]["link"]
