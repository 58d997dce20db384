"""Keys: status, rotation, and a recovery code that only a terminal sees."""
import errno
import os
import pty
import re
import select
import subprocess

import pytest

from support import changed, tree

CODE = re.compile(rb"away from this machine:\s+(\S[^\r\n]*?)\s*[\r\n]")


@pytest.fixture
def ready(ops):
    ops.init()
    ops.ok("register", "set", "cost.audit", "first")
    return ops


def on_terminal(ops, *args, typed=None, until=None):
    """Run with a terminal of its own; stdout apart. Gives exit code, what the terminal saw, stdout."""
    leader, follower = pty.openpty()
    out_read, out_write = os.pipe()

    def take_terminal():
        os.setsid()
        os.close(os.open(os.ttyname(0), os.O_RDWR))  # the first terminal opened becomes the controlling one

    process = subprocess.Popen([str(ops.program), *args], stdin=follower, stdout=out_write, stderr=follower,
                               env=ops.environment(), cwd=ops.base, preexec_fn=take_terminal, close_fds=True)
    os.close(follower)
    os.close(out_write)
    seen = b""
    while True:
        ready, _, _ = select.select([leader], [], [], 30)
        assert ready, (seen, "the program said nothing for 30 s")
        try:
            part = os.read(leader, 4096)
        except OSError as error:
            assert error.errno == errno.EIO  # the other side is closed
            break
        if not part:
            break
        seen += part
        if typed is not None and until in seen:
            # echo is off once the question stands there and tcsetattr is through
            import termios
            while termios.tcgetattr(leader)[3] & termios.ECHO and process.poll() is None:
                pass
            os.write(leader, typed + b"\n")
            typed = None
    code = process.wait(timeout=30)
    stdout = b""
    while part := os.read(out_read, 65536):
        stdout += part
    os.close(leader)
    os.close(out_read)
    return code, seen, stdout


def figures(ops):
    return [row["value"] for row in ops.json("register", "list", "--history")["data"]]


def test_status_lists_keys_and_never_a_key(ready):
    result = ready.ok("key", "status", "-o", "json")
    rows = result.json()["data"]
    assert {"master", "ledger"} <= {word for row in rows for word in row["purpose"].replace("_", " ").split()}, rows
    (folder,) = (ready.state / "paulyops").iterdir()
    master = (folder / "master.key").read_bytes()
    for text in (result.out, ready.ok("key", "status").out):
        assert master.hex() not in text.lower()


@pytest.mark.parametrize("kind", ["master", "data"])
def test_after_a_rotation_everything_verifies_and_old_events_open(ready, kind):
    (folder,) = (ready.state / "paulyops").iterdir()
    before = (folder / "master.key").read_bytes()
    made = ready.json("report", "status")["path"]
    for i in range(3):
        ready.ok("key", "rotate", kind)
        ready.ok("register", "set", "cost.audit", f"after {i}")
    assert ((folder / "master.key").read_bytes() != before) == (kind == "master")
    assert figures(ready)[:1] == ["first"] and len(figures(ready)) == 4
    verdict = ready.json("ledger", "verify")
    assert verdict["ok"]
    opened = [v for v in verdict["verdicts"] if v["verdict"] == "commitments"][0]
    assert opened["state"] == "ok" and opened["checked"] == verdict["size"]
    rows = ready.json("audit", "list", "--limit", "1000")["data"]
    assert sum(row["event_type"] == "key.rotated" for row in rows) == 3
    assert "instance.created" in {row["event_type"] for row in rows}
    ready.ok("report", "verify", ready.home / made)
    ready.ok("store", "check")
    ready.ok("pack", "export", ready.base / "pack")
    ready.ok("pack", "verify", ready.base / "pack", "--vkey", ready.home / "data/ledger/vkey")


def test_an_old_master_key_no_longer_opens(ready):
    (folder,) = (ready.state / "paulyops").iterdir()
    old = (folder / "master.key").read_bytes()
    ready.ok("key", "rotate", "master")
    new = (folder / "master.key").read_bytes()
    (folder / "master.key").write_bytes(old)
    ready.fails(77, "register", "set", "cost.audit", "with the old key")
    (folder / "master.key").write_bytes(new)
    ready.ok("register", "set", "cost.audit", "with the new key")


def test_recovery_needs_a_terminal(ready):
    (folder,) = (ready.state / "paulyops").iterdir()
    names = sorted(p.name for p in folder.iterdir())
    for step in ("create", "verify"):
        for stdin in (None, "some code\n"):
            ready.run("key", "recovery", step, stdin=stdin).check_line(69, "terminal")
    assert sorted(p.name for p in folder.iterdir()) == names  # no sealed code was made


def recovery_code(ops):
    code, seen, out = on_terminal(ops, "key", "recovery", "create")
    assert code == 0, (seen, out)
    match = CODE.search(seen)
    assert match, seen
    return match.group(1).strip(), seen, out


def test_the_code_is_shown_once_on_the_terminal_and_nowhere_else(ready):
    text, seen, out = recovery_code(ready)
    assert len(text) >= 20 and seen.count(text) == 1
    assert text not in out
    bare = text.replace(b"-", b"").replace(b" ", b"")
    for path in [*ready.files(), *(p for p in ready.state.rglob("*") if p.is_file())]:
        content = path.read_bytes()
        assert text not in content and bare not in content, path
    listed = ready.ok("audit", "list", "-o", "json").out.encode()
    assert text not in listed and bare not in listed
    assert b"key.recovery_created" in listed
    sealed = list(ready.state.rglob("recovery.sealed"))
    assert len(sealed) == 1 and sealed[0].stat().st_mode & 0o777 == 0o600


def test_the_right_code_verifies_and_is_not_echoed(ready):
    text, _, _ = recovery_code(ready)
    code, seen, out = on_terminal(ready, "key", "recovery", "verify", typed=text, until=b"code: ")
    assert code == 0, (seen, out)
    assert text not in seen and text not in out
    assert "key.recovery_tested" in ready.ok("audit", "list", "-o", "json").out


def test_a_wrong_code_does_not_verify(ready):
    text, _, _ = recovery_code(ready)
    at = len(text) // 2
    while text[at:at + 1] in b"- ":
        at += 1
    wrong = text[:at] + (b"2" if text[at:at + 1] != b"2" else b"3") + text[at + 1:]
    for typed in (wrong, b"", text[:-1], b"x" * 200, b"\xff\xfe", text + text):
        code, seen, out = on_terminal(ready, "key", "recovery", "verify", typed=typed, until=b"code: ")
        assert code not in (0, -11, -6), (typed, seen)
        assert b"opens the present" not in out
        assert text not in seen
    assert "key.recovery_tested" not in ready.ok("audit", "list", "-o", "json").out


def test_after_a_rotation_the_old_code_is_of_the_old_key(ready):
    text, _, _ = recovery_code(ready)
    ready.ok("key", "rotate", "master")
    code, _, out = on_terminal(ready, "key", "recovery", "verify", typed=text, until=b"code: ")
    assert code != 0 and b"opens the present" not in out


def test_verifying_without_a_code_made_is_one_line(ready):
    code, seen, _ = on_terminal(ready, "key", "recovery", "verify")
    assert code == 66 and b"no recovery code" in seen


def test_a_dry_run_makes_no_code(ready):
    before = tree(ready.home, ready.state)
    code, seen, _ = on_terminal(ready, "key", "recovery", "create", "--dry-run")
    assert code == 0 and not CODE.search(seen)
    assert changed(before, tree(ready.home, ready.state)) == []


def test_the_master_key_may_come_from_a_credential(ready, tmp_path):
    (folder,) = (ready.state / "paulyops").iterdir()
    credentials = tmp_path / "credentials"
    credentials.mkdir(mode=0o700)
    key = credentials / "paulyops-master"
    (folder / "master.key").rename(key)
    ready.fails(77, "register", "set", "cost.audit", "without")
    ready.ok("register", "set", "cost.audit", "with", env={"CREDENTIALS_DIRECTORY": str(credentials)})
    assert ready.json("ledger", "verify", env={"CREDENTIALS_DIRECTORY": str(credentials)})["ok"]
