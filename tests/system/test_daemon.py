"""The service from outside: it keeps the home, commands go to it, its roles come back.

The tests of its network side are test_front.py's and the API's.
"""
import contextlib
import json
import os
import pathlib
import random
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

from support import CHECKED, SmallDisk, blames, fill, free_all

BACK_S = 1.0  # a role that died serves again within this time
STOP_S = 15


class Service:
    """`paulyops serve` for a home; ready when it says so to its manager (sd_notify)."""

    def __init__(self, ops, prefix=(), env=None):
        self.ops = ops
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(ops.base / "notify"))
        self.notify.settimeout(20)
        self.log = open(ops.base / "serve.log", "ab")
        self.process = subprocess.Popen(
            [*prefix, str(ops.program), "serve", "--listen", "127.0.0.1:0", "--management", "127.0.0.1:0"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd=ops.base,
            env=ops.environment({"NOTIFY_SOCKET": str(ops.base / "notify"), **(env or {})}))
        self.said = "WATCHDOG=1"
        while self.said == "WATCHDOG=1":
            self.said = self.notify.recv(4096).decode()
        assert self.said.startswith("READY=1"), self.said

    def role(self, name):
        """Process id of a role, or None."""
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                argv = (entry / "cmdline").read_bytes().split(b"\0")
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                if f"--role={name}".encode() in argv and parent == self.process.pid:
                    return int(entry.name)
        return None

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(STOP_S)

    def close(self):
        if self.process.poll() is None:
            core = self.role("core")
            self.process.kill()
            self.process.wait(STOP_S)
            # the kernel ends core after that, and it answers until then
            assert core is None or wait_until(lambda: not pathlib.Path(f"/proc/{core}").exists())
        self.notify.close()
        self.log.close()
        (self.ops.base / "notify").unlink()

    def text(self):
        return (self.ops.base / "serve.log").read_text()


@contextlib.contextmanager
def serving(ops, **how):
    service = Service(ops, **how)
    try:
        yield service
    finally:
        service.close()


def wait_until(what, seconds=5.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.005)
    return False


def changed_values(ops):
    """What `flag set company_name` has left in the ledger, in order."""
    rows = ops.ok("audit", "list", "--type", "flag.changed", "--limit", "5000", "-o", "ndjson").ndjson()
    return [row for row in rows if "company_name" in json.dumps(row)]


def verifies(ops):
    result = ops.run("ledger", "verify", "--quiet")
    assert result.code == 0, result


# ---- the same with and without -------------------------------------------------------------------

SAME = [
    ["flag", "list"],
    ["flag", "list", "-o", "json"],
    ["config", "show"],
    ["control", "show", "AUD-03"],
    ["control", "show", "AUD-03", "-o", "json"],
    ["register", "list", "-o", "ndjson"],
    ["score"],
    ["health", "show", "HC-01"],
    ["key", "status"],
    ["store", "check"],
    ["ledger", "prove", "3"],
    ["register", "set", "target_date", "2027-01-31"],
    ["flag", "set", "company_name", "Example"],
    # errors
    ["flag", "set", "no_such_flag", "1"],
    ["control", "show", "NOT-99"],
    ["report", "verify", "nothing_here"],
    ["ledger", "prove", "999999"],
    ["flag", "list", "--no-such-option"],
    ["ledger", "verify", "--against", "not_there"],
    ["flag", "set", "company_name", "Other", "--dry-run"],
]


def test_commands_answer_alike_with_and_without_a_service(assessed_home, tmp_path):
    alone = assessed_home.copy(tmp_path.name + "/alone/x")
    served = assessed_home.copy(tmp_path.name + "/served/x")
    for copy in (alone, served):  # the state belongs to a place: a copy would be read-only
        copy.home, copy.state = copy.home, copy.state
    plain = [alone.run(*args) for args in SAME]
    with serving(served):
        for args, want in zip(SAME, plain):
            got = served.run(*args)
            out = got.out.replace(str(served.base), str(alone.base))
            err = got.err.replace(str(served.base), str(alone.base))
            assert (got.code, out, err) == (want.code, want.out, want.err), args


@pytest.fixture
def served(ops):
    ops.init()
    with serving(ops) as service:
        yield ops, service


def test_a_change_through_the_service_is_the_callers(served):
    ops, _ = served
    ops.ok("flag", "set", "company_name", "Example")
    rows = changed_values(ops)
    assert len(rows) == 1
    assert f"os:{os.getuid()}" in json.dumps(rows[0])
    ops.ok("ledger", "verify")


def test_paths_are_those_of_the_caller(served):
    ops, _ = served
    ops.assessed("assess")
    ops.ok("report", "readiness")
    report = next((ops.home / "Reports").glob("*eadiness*.md"))
    assert ops.ok("report", "verify", report.name, cwd=report.parent)
    ops.ok("pack", "export", "here", cwd=ops.base)  # borrows the home
    assert (ops.base / "here").is_dir()
    assert ops.run("pack", "verify", str(ops.base / "here")).code == 0
    ops.ok("ledger", "verify", "--against", "here", cwd=ops.base)
    ops.ok("flag", "set", "company_name", "Again")
    assert ops.json("status")["loans"] == 2  # so does whoever names a file outside the home


def test_a_dry_run_changes_nothing(served):
    ops, _ = served
    before = ops.json("status")["ledger_size"]
    ops.ok("flag", "set", "company_name", "Never", "--dry-run")
    assert ops.json("status")["ledger_size"] == before
    assert "Never" not in ops.ok("flag", "list").out
    before = ops.json("status")["ledger_size"]  # reading is recorded
    ops.assessed("assess", "--dry-run")
    assert ops.json("status")["ledger_size"] == before
    ops.ok("flag", "set", "company_name", "Now")  # and it is thawed again


def test_others_are_answered_during_an_assessment(served):
    ops, _ = served
    long = ops.popen("assess", "--all", "--quiet")
    answered = 0
    while long.poll() is None:
        assert ops.run("status").code == 0
        answered += long.poll() is None
    long.communicate()
    assert long.returncode in (0, 2)
    assert answered >= 3
    verifies(ops)


def test_a_second_service_is_refused(served):
    ops, _ = served
    ops.fails(75, "serve")
    assert "runs" in ops.run("serve").err


def test_status_without_a_service(ops):
    ops.init()
    ops.fails(69, "status")


def test_a_borrower_that_is_killed_gives_the_home_back(served):
    ops, service = served
    lease = ops.dial()
    lease.sendall(frame(24, 1))
    assert lease.recv(4096)[4] == 25
    assert ops.json("status")["is_lent"] is True
    waiting = ops.popen("flag", "set", "company_name", "Waits")
    time.sleep(0.1)
    assert waiting.poll() is None
    lease.close()
    assert waiting.wait(10) == 0
    waiting.communicate()
    assert service.process.poll() is None


# ---- hostile bytes -----------------------------------------------------------------------------

def frame(kind, number, *fields):
    body = struct.pack("<BQ", kind, number) + b"".join(
        struct.pack("<BI", tag, len(value)) + value for tag, value in fields)
    return struct.pack("<I", len(body)) + body


def words(*items):
    return struct.pack("<I", len(items)) + b"".join(struct.pack("<I", len(i)) + i for i in items)


BROKEN = [
    b"\xff" * 64,
    b"GET / HTTP/1.1\r\n\r\n",
    frame(99, 1),
    frame(1, 1),
    frame(10, 1, (2, b"/")),
    frame(9, 1, (50, struct.pack("<Q", 0))),  # keeper's to say
    frame(15, 1),  # the supervisor's
    frame(20, 1, (34, struct.pack("<II", 1, 1 << 31) + b"x")),
    frame(20, 1, (34, words(b"paulyops", b"flag\0", b"list"))),
    frame(20, 1, (34, words(b"paulyops", b"flag", b"list"))) * 2,  # before the first is answered
    frame(20, 1, (34, words(b"paulyops", b"flag", b"list")))[:-1],
    frame(20, 1, (34, words())),
    frame(20, 1, (34, words(b"x" * 5000, b"y" * 5000))),
    frame(20, 1, (34, words(b"paulyops", b"\xff\xfe"))),
]


def test_malformed_frames_cost_only_their_sender(served):
    ops, service = served
    core = service.role("core")
    rounds = BROKEN + [random.Random(7).randbytes(200) for _ in range(50)]
    for bad in rounds:
        with ops.dial() as caller:
            with contextlib.suppress(OSError):
                caller.sendall(bad)
                caller.shutdown(socket.SHUT_WR)
                caller.settimeout(5)
                while caller.recv(65536):
                    pass
    assert service.role("core") == core
    ops.ok("flag", "list")
    verifies(ops)


# ---- ends --------------------------------------------------------------------------------------

class Writer(threading.Thread):
    """Sets a flag again and again; remembers each value that was acknowledged."""

    def __init__(self, ops, name):
        super().__init__()
        self.ops = ops
        self.prefix = name
        self.acknowledged = []
        self.waits = []
        self.is_over = False

    def run(self):
        n = 0
        while not self.is_over:
            value = f"{self.prefix}-{n}"
            n += 1
            began = time.monotonic()
            while not self.is_over:
                result = self.ops.run("flag", "set", "company_name", value)
                if result.code == 0:
                    self.acknowledged.append(value)
                    break
            self.waits.append(time.monotonic() - began)

    def stop(self):
        self.is_over = True
        self.join()


def check_acknowledged(ops, writers):
    text = ops.ok("audit", "list", "--type", "flag.changed", "--limit", "10000", "-o", "ndjson").out
    for writer in writers:
        for value in writer.acknowledged:
            assert f'"{value}"' in text or value in text, value


@pytest.mark.parametrize("role", ["core", "front", "keeper"])
def test_a_killed_role_is_back_and_nothing_acknowledged_is_lost(served, role, is_soak):
    ops, service = served
    writers = [Writer(ops, f"{role}-{i}") for i in range(2)]
    for writer in writers:
        writer.start()
    choice = random.Random(role)
    worst = 0.0
    for _ in range(40 if is_soak else 2):
        time.sleep(choice.uniform(0.02, 0.12))
        old = service.role(role)
        assert old is not None
        killed = time.monotonic()
        os.kill(old, signal.SIGKILL)
        assert wait_until(lambda: service.role(role) not in (None, old))
        assert wait_until(lambda: ops.run("status").code == 0)
        worst = max(worst, time.monotonic() - killed)
        if not is_soak:
            time.sleep(0.05)
    for writer in writers:
        writer.stop()
    assert service.process.poll() is None
    assert all(writer.acknowledged for writer in writers)
    check_acknowledged(ops, writers)
    verifies(ops)
    assert "process.crashed" in ops.ok("audit", "list", "--type", "process.crashed").out
    # The first end is answered at once; those that repeat wait longer on purpose.
    assert worst < BACK_S + 0.4, worst


def test_one_crash_is_over_in_less_than_a_second(served):
    ops, service = served
    for role in ("core", "front", "keeper"):
        old = service.role(role)
        killed = time.monotonic()
        os.kill(old, signal.SIGKILL)
        assert wait_until(lambda: service.role(role) not in (None, old))
        assert wait_until(lambda: ops.run("status").code == 0)
        assert time.monotonic() - killed < BACK_S, role


def test_a_command_given_while_core_starts_again_is_served(served):
    ops, service = served
    for n in range(6):
        core = service.role("core")
        os.kill(core, signal.SIGKILL)
        time.sleep(0.02 * n)
        began = time.monotonic()
        ops.ok("flag", "set", "company_name", f"again-{n}")
        assert time.monotonic() - began < 3
        assert wait_until(lambda: service.role("core") not in (None, core), 10)
    verifies(ops)


def test_the_roles_end_with_the_supervisor(served):
    ops, service = served
    pids = [service.role(name) for name in ("core", "front", "keeper")]
    assert all(pids)
    service.process.kill()
    service.process.wait(STOP_S)
    assert wait_until(lambda: not any(os.path.exists(f"/proc/{pid}/exe") for pid in pids))
    ops.ok("flag", "set", "company_name", "Alone")  # its socket is stale: the command runs by itself
    verifies(ops)


def test_a_graceful_stop_in_the_middle_of_writes(served):
    ops, service = served
    writers = [Writer(ops, f"stop-{i}") for i in range(2)]
    for writer in writers:
        writer.start()
    assert wait_until(lambda: all(writer.acknowledged for writer in writers), 20)
    assert service.stop() == 0
    for writer in writers:
        writer.stop()
    check_acknowledged(ops, writers)
    verifies(ops)
    assert not (ops.home / "data/paulyops.sock").exists()
    rows = ops.ok("audit", "list", "--type", "service.", "-o", "ndjson").out
    assert "service.started" in rows and "service.stopped" in rows


def test_the_manager_is_told_of_the_end(served):
    _, service = served
    assert service.stop() == 0
    said = [service.notify.recv(4096).decode()]
    assert said[-1].startswith("STOPPING=1")


def test_the_watchdog_is_fed(ops):
    ops.init()
    with serving(ops, env={"WATCHDOG_USEC": "400000"}) as service:
        assert service.notify.recv(4096) == b"WATCHDOG=1"


def test_a_reload_reads_the_configuration_again(served):
    ops, service = served
    (ops.home / "config/.env").write_text("ORG_NAME=Renamed\n")
    (ops.home / "config/.env").chmod(0o600)
    service.process.send_signal(signal.SIGHUP)
    assert wait_until(lambda: "service.reloaded" in ops.ok("audit", "list", "--type", "service.").out)
    assert "Renamed" in ops.ok("config", "show").out


def test_a_wrong_configuration_is_not_taken_at_a_reload(served):
    ops, service = served
    (ops.home / "config/.env").write_text("NO_SUCH_OPTION=1\n")
    (ops.home / "config/.env").chmod(0o600)
    service.process.send_signal(signal.SIGHUP)
    assert wait_until(lambda: "service.not_reloaded" in service.text())
    ops.ok("flag", "list")


def test_a_home_without_keys_is_served_for_reading(assessed_home, tmp_path):
    copy = assessed_home.copy(tmp_path.name + "/keyless/x", with_state=False)
    with serving(copy):
        assert copy.json("status")["is_read_only"] is True
        copy.ok("flag", "list")
        copy.fails(77, "flag", "set", "company_name", "No")


def test_a_full_disk_loses_nothing_that_was_acknowledged(ops):
    ops.init()
    size = max(path.stat().st_size for path in ops.files("data")) + 40000
    with serving(ops, prefix=("prlimit", f"--fsize={size}")):
        acknowledged = []
        codes = set()
        for n in range(60):
            result = ops.run("flag", "set", "company_name", f"full-{n}-{'x' * 150}")
            codes.add(result.code)
            if result.code == 0:
                acknowledged.append(f"full-{n}-")
    assert codes - {0}, "the limit was not reached"
    text = ops.ok("audit", "list", "--type", "flag.changed", "--limit", "5000", "-o", "ndjson").out
    assert [value for value in acknowledged if value not in text] == []
    verifies(ops)


def test_a_small_disk_that_fills_up_stops_nothing_for_good(ops):
    with SmallDisk(ops.home, "6m") as disk:
        run = lambda *args: ops.run(*args, prefix=disk.prefix)
        assert run("init").code == 0
        with serving(ops, prefix=disk.prefix):
            acknowledged, refused = [], 0
            for keep in (0, 8, 24, 48, 96):
                fill(ops.home, disk, keep)
                for n in range(16):
                    name = f"disk-{keep}-{n}-{'x' * 150}"
                    result = run("flag", "set", "company_name", name)
                    if result.code == 0:
                        acknowledged.append(name)
                        continue
                    refused += 1
                    assert result.code in (69, 74), result
                    assert result.out == "" and len(result.err.splitlines()) == 1, result
                free_all(ops.home, disk)
                assert wait_until(lambda: run("flag", "set", "company_name", "room").code == 0, 30)
            assert refused > 0
            text = run("audit", "list", "--type", "flag.changed", "--limit", "5000", "-o", "ndjson").out
            assert [name for name in acknowledged if name not in text] == []
            assert run("ledger", "verify", "--quiet").code == 0
            assert run("store", "check").code == 0


def flip(path, at):
    """In place, for the service appends to the same files."""
    with open(path, "r+b", buffering=0) as file:
        old = os.pread(file.fileno(), 1, at)
        os.pwrite(file.fileno(), bytes([old[0] ^ 0x10]), at)


def test_damage_done_while_it_serves_is_found_and_the_file_named(served):
    ops, _ = served
    while ops.json("status")["ledger_size"] <= 256:
        ops.assessed("control", "run", *CHECKED)
    name = ops.json("report", "status")["path"]
    for path in ops.files("data", "ledger"):
        if path.suffix == ".pay" or path.stat().st_size == 0:
            spots = (9, 2000)
        else:
            spots = (0, path.stat().st_size // 3 if path.suffix != ".rec" else 116 * 100)
        for at in spots:
            flip(path, at)
            found = ops.run("ledger", "verify", "--dry-run", "-o", "json")
            flip(path, at)
            assert blames(found, str(path.relative_to(ops.home / "data/ledger"))), (path, at, found)
    report = ops.home / name
    whole = report.read_bytes()
    for at in (0, len(whole) // 2, len(whole) - 1):
        flip(report, at)
        assert ops.run("report", "verify", name, "--dry-run").code == 2, at
        flip(report, at)
    ops.ok("report", "verify", name)
    ops.ok("flag", "set", "company_name", "Whole")
    verifies(ops)


def test_an_idle_service_is_small(served):
    _, service = served
    total = 0
    pids = [service.process.pid] + [service.role(name) for name in ("core", "front", "keeper")]
    for pid in list(pids):
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        pids += [int(child) for child in children if int(child) not in pids]
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    assert total < 40 * 1024, f"{total} kB"
