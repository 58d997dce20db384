"""The front and the keeper as processes of their own: the test is their supervisor and their core.

Frames as in docs/spec/daemon.md: u32 length, u8 kind, u64 id, then fields of u8 number, u32 length, bytes.
"""
import array
import http.client
import pathlib
import re
import select
import socket
import ssl
import struct
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def _rows(name):
    text = (ROOT / "src/daemon" / name).read_text()
    return re.findall(r"^X\((\w+), (\d+), ?(\w+)?", text, re.M)


FIELDS = {name: (int(number), kind) for name, number, kind in _rows("wire_fields.def")}
FIELD_NAMES = {number: (name, kind) for name, (number, kind) in FIELDS.items()}
KINDS = {name: int(number) for name, number, _ in _rows("wire_kinds.def")}
KIND_NAMES = {number: name for name, number in KINDS.items()}


def _value(kind, value):
    if kind == "NUMBER":
        return struct.pack("<Q", value)
    if kind == "LIST":
        items = [item.encode() if isinstance(item, str) else item for item in value]
        return struct.pack("<I", len(items)) + b"".join(struct.pack("<I", len(i)) + i for i in items)
    return value.encode() if isinstance(value, str) else value


def pack(kind, ident, **fields):
    body = struct.pack("<BQ", KINDS[kind], ident)
    for name, value in fields.items():
        number, type_ = FIELDS[name]
        data = _value(type_, value)
        body += struct.pack("<BI", number, len(data)) + data
    return struct.pack("<I", len(body)) + body


def unpack(data):
    """The first frame of `data` and what follows it; None when it is not whole."""
    if len(data) < 4 or len(data) < 4 + struct.unpack_from("<I", data)[0]:
        return None, data
    length = struct.unpack_from("<I", data)[0]
    body, rest = data[4:4 + length], data[4 + length:]
    kind, ident = struct.unpack_from("<BQ", body)
    fields, at = {}, 9
    while at < len(body):
        number, size = struct.unpack_from("<BI", body, at)
        raw = body[at + 5:at + 5 + size]
        name, type_ = FIELD_NAMES[number]
        fields[name] = struct.unpack("<Q", raw)[0] if type_ == "NUMBER" else raw
        at += 5 + size
    return (KIND_NAMES[kind], ident, fields), rest


class Channel:
    def __init__(self, sock):
        self.sock = sock
        self.data = b""

    def send(self, kind, ident=0, **fields):
        self.sock.sendall(pack(kind, ident, **fields))

    def receive(self, timeout=5.0):
        """The next frame (kind, id, fields); None at the end of the channel."""
        until = time.monotonic() + timeout
        while True:
            frame, self.data = unpack(self.data)
            if frame:
                return frame
            if not select.select([self.sock], [], [], max(0, until - time.monotonic()))[0]:
                raise TimeoutError("no frame came")
            try:
                more = self.sock.recv(1 << 20)
            except ConnectionResetError:
                return None
            if not more:
                return None
            self.data += more

    def expect(self, kind, timeout=5.0):
        frame = self.receive(timeout)
        assert frame is not None and frame[0] == kind, frame
        return frame

    def close(self):
        self.sock.close()


class Role:
    """A role's process; `core` is our end of its link."""

    def __init__(self, program, name, *options, log=None):
        ours, theirs = socket.socketpair()
        # descriptor 3 is where a role finds its channel
        argv = ["/bin/bash", "-c", f"exec 3<&{theirs.fileno()} {theirs.fileno()}<&-; exec \"$@\"", "sh", str(program), f"--role={name}",
                *map(str, options)]
        self.process = subprocess.Popen(argv, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=log or subprocess.DEVNULL)
        theirs.close()
        self.control = Channel(ours)
        self.core = None
        ready = self.control.receive(20)
        assert ready is not None and ready[0] == "READY", ready
        self.said = ready[2].get("MESSAGE", b"").decode()

    def link(self):
        """A new link to core (the old one stays open at our side)."""
        ours, theirs = socket.socketpair()
        passed = array.array("i", [theirs.fileno()])
        self.control.sock.sendmsg([pack("LINK", 0, ROLE="core")],
                                  [(socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)])
        theirs.close()
        self.core = Channel(ours)
        self.sync()
        return self.core

    def sync(self):
        """What was sent on the control channel has been read."""
        self.control.send("PING", 77)
        assert self.control.expect("PONG")[1] == 77

    def stop(self):
        if self.process.poll() is None:
            self.control.send("STOP")
        return self.process.wait(15)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(15)
        self.control.close()
        if self.core:
            self.core.close()

    def rss_kb(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])


class Front(Role):
    def __init__(self, program, base, *options, log=None):
        super().__init__(program, "front", f"--state={base}", "--listen=127.0.0.1:0", "--plain=127.0.0.1:0",
                         "--management=127.0.0.1:0", *options, log=log)
        lines = self.said.splitlines()
        self.tls_port, self.port = (int(line.rsplit(":", 1)[1]) for line in lines[:2])
        self.probe_port = int(lines[2].rsplit(":", 1)[1])
        self.fingerprint = lines[-1].rsplit(" ", 1)[1]
        self.ca = str(base / "tls/cert.pem")
        assert lines[0].startswith("https://") and lines[1].startswith("http://")

    def ask(self, method="GET", path="/", body=None, headers=None, port=None):
        """One request on a connection of its own, in a thread: the answer is `.wait()`ed for."""
        return Answer(port or self.port, method, path, body, headers)

    def probe(self, path):
        return self.ask(path=path, port=self.probe_port).wait()


class Answer(threading.Thread):
    def __init__(self, port, method, path, body, headers):
        super().__init__(daemon=True)
        self.arguments = (method, path, body, headers or {})
        self.port = port
        self.error = None
        self.start()

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(*self.arguments)
            answer = connection.getresponse()
            self.status, self.headers, self.body = answer.status, answer.headers, answer.read()
        except OSError as error:
            self.error = error
        finally:
            connection.close()

    def wait(self):
        self.join(20)
        assert not self.is_alive() and self.error is None, self.error
        return self


def trusting(ca):
    return ssl.create_default_context(cafile=ca)
