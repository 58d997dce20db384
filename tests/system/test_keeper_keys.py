"""Keys live in the keeper: core cannot read them, and the service goes on when the keeper does not."""
import contextlib
import os
import pathlib
import re
import signal
import struct
import time

import pytest

from test_daemon import Writer, changed_values, check_acknowledged, frame, serving, verifies, wait_until
from test_keys import CODE, on_terminal

PSS_KB_MAX = 40 << 10  # of all roles together


@pytest.fixture
def served(ops):
    ops.init()
    other = ops.state / "paulyops/inst_00000000000000000000000000000000"  # another home of the same user
    other.mkdir(mode=0o700)
    (other / "master.key").write_bytes(b"k" * 32)
    with serving(ops) as service:
        yield ops, service


def folder(ops):
    return next(path.parent for path in (ops.state / "paulyops").glob("*/ledger.key"))


def memory(pid):
    """All that this process may read of its own, piece by piece."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as content:
        for line in maps:
            begin, end = (int(part, 16) for part in re.match(r"(\w+)-(\w+) ", line).groups())
            with contextlib.suppress(OSError, ValueError, OverflowError):
                content.seek(begin)
                yield content.read(end - begin)


def holds(pid, secret):
    return any(secret in piece for piece in memory(pid))


@contextlib.contextmanager
def writing(ops, name):
    """Two who write until the block ends; what they were told is there afterwards."""
    writers = [Writer(ops, f"{name}-{i}") for i in range(2)]
    for writer in writers:
        writer.start()
    try:
        yield writers
    finally:
        for writer in writers:
            writer.stop()
    check_acknowledged(ops, writers)
    verifies(ops)


def all_pids(service):
    pids, todo = [], [service.process.pid]
    while todo:
        pid = todo.pop()
        pids.append(pid)
        todo += map(int, pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return pids


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into other processes")
def test_no_role_but_the_keeper_holds_the_master_key(served):
    ops, service = served
    ops.ok("flag", "set", "company_name", "One")
    ops.ok("key", "status")
    old = (folder(ops) / "master.key").read_bytes()
    ops.ok("key", "rotate", "master")
    ops.ok("register", "set", "cost.audit", "after")
    new = (folder(ops) / "master.key").read_bytes()
    assert new != old
    keeper, core = service.role("keeper"), service.role("core")
    assert holds(keeper, new)  # the search finds what is there
    for pid in all_pids(service):
        if pid != keeper:
            assert not holds(pid, new) and not holds(pid, old), pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    assert core in all_pids(service)


def test_core_may_not_open_what_is_in_the_key_directory(served):
    ops, service = served
    names = ["master.key", "ledger.key", "keyring.sealed", "signed"]
    reader = ops.home / "Reports/link"  # in the home, so that core is asked to read it
    for name in names:
        reader.unlink(missing_ok=True)
        reader.symlink_to(folder(ops) / name)
        asked = run_there(ops, "ledger", "verify", "--against", str(folder(ops) / name))
        assert asked[0] == 77 and b"Permission denied" in asked[1], (name, asked)
        asked = run_there(ops, "ledger", "verify", "--against", str(reader))
        assert asked[0] != 0, (name, asked)
        through = f"/proc/self/root{folder(ops) / name}"
        assert run_there(ops, "ledger", "verify", "--against", through)[0] == 77
    other = ops.state / "paulyops/inst_00000000000000000000000000000000/master.key"
    assert run_there(ops, "ledger", "verify", "--against", str(other))[0] == 77
    # beside the way, and the certificate, may be read; what is made there later may not
    tls = run_there(ops, "ledger", "verify", "--against", str(folder(ops) / "tls/cert.pem"))
    assert tls[0] == 65, tls
    later = ops.base / "later"
    later.write_text("made after the service began")
    assert run_there(ops, "ledger", "verify", "--against", str(later))[0] == 77
    # who names it from outside the home is served all the same: the caller's process reads it
    ops.fails(65, "ledger", "verify", "--against", later)
    assert service.process.poll() is None


def run_there(ops, *words):
    """A command in core itself, whatever the command line would have done: exit code and notes."""
    items = [b"paulyops", *(word.encode() for word in words)]
    listed = struct.pack("<I", len(items)) + b"".join(struct.pack("<I", len(i)) + i for i in items)
    notes = b""
    with ops.dial() as caller:
        caller.settimeout(20)
        caller.sendall(frame(20, 1, (34, listed), (64, b"/")))
        data = b""
        while True:
            while len(data) < 4 or len(data) < 4 + struct.unpack_from("<I", data)[0]:
                more = caller.recv(65536)
                assert more, (notes, data)
                data += more
            size = struct.unpack_from("<I", data)[0]
            body, data = data[4:4 + size], data[4 + size:]
            if body[0] == 22:
                notes += body[14:]
            if body[0] == 23:
                at = body.index(struct.pack("<BI", 66, 8)) + 5
                return struct.unpack_from("<Q", body, at)[0], notes


def test_a_role_s_fences_are_up(served):
    _, service = served
    for name in ("keeper", "core"):
        text = pathlib.Path(f"/proc/{service.role(name)}/status").read_text()
        assert "Seccomp:\t2" in text and "NoNewPrivs:\t1" in text, name
    locked = re.search(r"VmLck:\s+(\d+)", pathlib.Path(f"/proc/{service.role('keeper')}/status").read_text())
    ok = pathlib.Path(f"/proc/{service.role('keeper')}/limits").read_text()
    assert re.search(r"Max locked memory\s+4194304", ok) or int(locked[1]) > 0


def test_rotations_go_on_while_others_write(served):
    ops, _ = served
    seen = set()
    with writing(ops, "rotate"):
        for _ in range(3):
            ops.ok("key", "rotate", "master")
            ops.ok("key", "rotate", "data")
            seen.add((folder(ops) / "master.key").read_bytes())
    assert len(seen) == 3 and not (folder(ops) / "master.next").exists()
    ops.ok("store", "check")


def test_what_a_borrower_did_to_the_keys_is_known_afterwards(served):
    ops, service = served
    code, seen, _ = on_terminal(ops, "key", "recovery", "create")
    assert code == 0 and CODE.search(seen), seen
    states = {row["purpose"]: row["state"] for row in ops.json("key", "status")["data"] if row["purpose"] != "data"}
    assert states["recovery"] == "active"
    # as a borrowing command would: the home is lent, and the key replaced without the service
    before = (folder(ops) / "master.key").read_bytes()
    lease = ops.dial()
    lease.sendall(frame(24, 1))
    assert lease.recv(4096)[4] == 25
    (ops.home / "data/paulyops.sock").rename(ops.home / "data/aside.sock")  # nobody to ask: by itself
    ops.ok("key", "rotate", "master")
    (ops.home / "data/aside.sock").rename(ops.home / "data/paulyops.sock")
    lease.close()
    assert wait_until(lambda: ops.json("status")["is_lent"] is False)
    assert (folder(ops) / "master.key").read_bytes() != before
    ops.ok("key", "rotate", "data")
    ops.ok("flag", "set", "company_name", "After")
    verifies(ops)
    rows = ops.json("key", "status")["data"]
    assert [row["state"] for row in rows if row["purpose"] == "master"] == ["active", "retired"]
    assert service.role("core") is not None


def test_a_keeper_that_dies_again_and_again_costs_no_acknowledged_write(served, is_soak):
    ops, service = served
    core = service.role("core")
    with writing(ops, "keeper"):
        for _ in range(30 if is_soak else 4):
            assert wait_until(lambda: service.role("keeper") is not None, 40)
            old = service.role("keeper")
            os.kill(old, signal.SIGKILL)
            assert wait_until(lambda: service.role("keeper") not in (None, old), 40)
            time.sleep(0.1)
        assert wait_until(lambda: ops.run("flag", "set", "company_name", "again").code == 0, 20)
    assert service.role("core") == core  # nobody else went with it


def test_without_a_keeper_reading_goes_on_and_signing_is_busy(served):
    ops, service = served
    ops.ok("flag", "set", "company_name", "Before")
    keeper = service.role("keeper")
    os.kill(keeper, signal.SIGSTOP)  # it hangs: nothing is answered, nobody knows yet
    try:
        began = time.monotonic()
        result = ops.run("flag", "set", "company_name", "Hangs")
        took = time.monotonic() - began
        # the change before was signed; this command is either done without asking, or busy in time
        assert result.code in (0, 75), result
        assert took < 12, took
        assert ops.run("status").code == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(keeper, signal.SIGCONT)
    assert wait_until(lambda: ops.run("flag", "set", "company_name", "Again").code == 0, 30)
    verifies(ops)
    assert service.process.poll() is None


def test_the_last_checkpoint_is_signed_at_a_stop(ops):
    ops.init()
    for _ in range(3):
        with serving(ops) as service:
            ops.ok("flag", "set", "company_name", "x")
            assert service.stop() == 0
            assert "failed" not in service.text() and "not_signed" not in service.text()
        note = (ops.home / "data/ledger/checkpoint").read_text().splitlines()
        assert (ops.home / "data/ledger/writer").read_text() == "state closed\n"
        assert f"size {note[1]}\n" in (folder(ops) / "signed").read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may sum up what other processes hold")
def test_all_roles_together_are_small(served):
    ops, service = served
    ops.ok("flag", "set", "company_name", "One")
    total = 0
    for pid in all_pids(service):
        rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += int(re.search(r"^Pss:\s+(\d+)", rollup, re.M)[1])
    assert total < PSS_KB_MAX, total


def test_the_master_key_of_a_credential_is_the_keepers_too(ops, tmp_path):
    ops.init()
    credentials = tmp_path / "credentials"
    credentials.mkdir(mode=0o700)
    (folder(ops) / "master.key").rename(credentials / "paulyops-master")
    with serving(ops, env={"CREDENTIALS_DIRECTORY": str(credentials)}):
        ops.ok("flag", "set", "company_name", "Credential")
        asked = run_there(ops, "ledger", "verify", "--against", str(credentials / "paulyops-master"))
        assert asked[0] == 77, asked
        assert "credential" in ops.run("key", "rotate", "master").check_line(69)
        ops.ok("flag", "set", "company_name", "Still")
    assert len(changed_values(with_credential(ops, credentials))) == 2


def with_credential(ops, credentials):
    plain = ops.environment
    ops.environment = lambda extra=None: plain({"CREDENTIALS_DIRECTORY": str(credentials), **(extra or {})})
    return ops


def test_a_keeper_that_is_started_again_has_the_same_instances_keys_or_none(served):
    ops, service = served
    name = (ops.home / "data/instance").read_text()
    (ops.home / "data/instance").write_text("inst_00000000000000000000000000000000\n")
    os.kill(service.role("keeper"), signal.SIGKILL)
    result = ops.run("key", "rotate", "master")
    assert result.code != 0 and "another instance" in result.err, result
    (ops.home / "data/instance").write_text(name)
    service.stop()  # without its keys core has ended, or serves for reading
    ops.ok("flag", "set", "company_name", "Again")
    verifies(ops)


def test_a_service_starts_soon(ops):
    ops.init()
    with serving(ops):
        pass
    began = time.monotonic()
    with serving(ops):
        assert time.monotonic() - began < 5


def test_a_signing_state_that_was_put_back_is_not_signed_upon(served):
    """Law 8, at the keeper: whoever can write there, or has taken core over, gets no second past."""
    ops, service = served
    ops.ok("flag", "set", "company_name", "One")
    ops.ok("flag", "set", "company_name", "Two")
    old = (folder(ops) / "signed").read_bytes()
    for i in range(3):
        ops.ok("flag", "set", "company_name", f"More {i}")
    assert wait_until(lambda: (folder(ops) / "signed").read_bytes() != old)
    (folder(ops) / "signed").write_bytes(old)
    assert wait_until(lambda: ops.run("flag", "set", "company_name", "Forked").code != 0, 10)
    assert (folder(ops) / "signed").read_bytes() == old
    assert service.process.poll() is None


