"""System calls that fail in the release program: a documented exit code, one line, nothing half-written.

strace makes one call of one name fail; only calls on files below the test's own directory are counted.
"""
import re
import subprocess

import pytest

from conftest import Ops

CALLS = ("write", "pwrite64", "fdatasync", "fsync", "openat", "rename", "renameat", "renameat2", "mkdir",
         "mkdirat", "unlink", "unlinkat", "ftruncate", "link", "linkat", "fchmod", "flock", "pread64", "read",
         "newfstatat", "fstat", "getdents64")
CHANGING = ("write", "pwrite64", "fdatasync", "fsync", "openat", "rename", "mkdir", "unlink", "ftruncate",
            "linkat")
DOCUMENTED = (1, 64, 65, 66, 69, 73, 74, 75, 77, 78)
LINE = re.compile(r"^(\w+)\((?:AT_FDCWD<[^>]*>)?(.*)")


def have_strace():
    done = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False)
    return done.returncode == 0


pytestmark = pytest.mark.skipif(not have_strace(), reason="strace cannot trace here")


def calls(ops, tmp_path, *command):
    """name -> numbers (from 1) of its calls on files of ours, in the program itself."""
    log = tmp_path / "strace"
    result = ops.run(*command, prefix=("strace", "-y", "-o", str(log), "-e", "trace=" + ",".join(CALLS)))
    assert result.code in (0, 2), result
    numbers, found = {}, {}
    for line in log.read_text(errors="replace").splitlines():
        match = LINE.match(line)
        if not match:
            continue
        name = match.group(1)
        numbers[name] = numbers.get(name, 0) + 1
        if str(ops.base) in match.group(2):
            found.setdefault(name, []).append(numbers[name])
    return found


def chosen(numbers, is_all):
    """First and last; all of them in the long form."""
    return numbers if is_all else sorted({numbers[0], numbers[-1]})


def run_failing(ops, name, number, error, command):
    return ops.run(*command, prefix=("strace", "-o", "/dev/null", "-e", f"trace={name}", "-e",
                                     f"inject={name}:error={error}:when={number}"))


def check_answer(result, what):
    assert result.code in (0, 2) or result.code in DOCUMENTED, (what, result)
    if result.code in DOCUMENTED:
        assert len(result.err.splitlines()) == 1 and result.err.startswith("paulyops: "), (what, result)
        assert result.out == "", (what, result)


def sampled(found, is_all, errors):
    for name in sorted(found):
        for number in chosen(found[name], is_all):
            for error in errors if is_all else errors[number % len(errors):][:1]:
                yield name, number, error


COMMANDS = [("register", "set", "programme.target", "2027-01-01"), ("report", "readiness"),
            ("control", "run", "CRY-01", "AUD-01"), ("health", "run"), ("ledger", "verify"),
            ("key", "rotate", "data"), ("key", "rotate", "master"), ("flag", "set", "maintenance", "true"),
            ("doctor", "run")]


def fail_each(ops, tmp_path, command, is_all, changing_only=False):
    found = calls(ops, tmp_path, *command)
    assert "openat" in found and found, found
    count = 0
    for name, number, error in sampled(found, is_all, ("EIO", "ENOSPC")):
        if changing_only and name not in CHANGING:
            continue
        if command[:2] == ("key", "rotate") and count % 25 == 24:  # 64 master keys fit
            ops = Ops(ops.program, tmp_path / f"mo{count:03}" / "ops").init()
        result = run_failing(ops, name, number, error, command)
        check_answer(result, (command, name, number, error))
        after = ops.run(*command)
        assert after.code in (0, 2), (name, number, error, result, after)
        verdict = ops.run("ledger", "verify", "--dry-run")
        assert verdict.code == 0, (name, number, error, result, verdict)
        count += 1
    return count


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: "_".join(c[:2]))
def test_a_failing_call_in_a_command_is_one_line_and_nothing_half_written(ops, tmp_path, command, is_soak):
    ops.init()
    if command[0] == "doctor":
        (ops.home / "scripts").rmdir()
    assert fail_each(ops, tmp_path, command, is_soak, changing_only=not is_soak) > 3
    assert ops.run("store", "check").code == 0


def test_a_failing_call_in_assess_is_one_line_and_nothing_half_written(ops, tmp_path, is_soak):
    ops.init()
    assert fail_each(ops, tmp_path, ("assess", "--all"), is_soak, changing_only=not is_soak) > 3


def test_a_failing_call_in_init_leaves_what_the_next_init_completes(program, tmp_path, is_soak):
    model = Ops(program, tmp_path / "model")
    found = calls(model, tmp_path, "init")
    count = 0
    for name, number, error in sampled(found, is_soak, ("ENOSPC", "EIO")):
        ops = Ops(program, tmp_path / "mode" / f"{name}{number}{error}"[-5:].rjust(5, "0"))  # as long a path
        result = run_failing(ops, name, number, error, ("init",))
        check_answer(result, (name, number, error))
        again = ops.run("init")
        assert again.code in (0, 73), (name, number, error, result, again)
        assert (again.code == 73) <= (result.code == 0 or ops.run("register", "list").code == 0)
        ops.ok("register", "set", "programme.target", "2027-01-01")
        assert ops.run("ledger", "verify").code == 0, (name, number, error)
        assert len(list(ops.state.rglob("master.key"))) == 1
        count += 1
    assert count > 10


@pytest.mark.parametrize("command", [("register", "set", "programme.target", "2027-01-01"),
                                     ("control", "run", "CRY-01"), ("key", "rotate", "master"),
                                     ("report", "readiness")], ids=lambda c: "_".join(c[:2]))
def test_killed_at_a_call_nothing_is_lost_and_the_next_command_goes_on(ops, tmp_path, command, is_soak):
    ops.init()
    first = calls(ops, tmp_path, *command)  # the first run of a program stores its text, too
    again = calls(ops, tmp_path, *command)
    for name in sorted(set(first) & set(again) & set(CHANGING)):
        for number in chosen(sorted(set(first[name]) & set(again[name])), is_soak):
            before = ops.json("ledger", "verify", "--dry-run")["size"]
            killed = ops.run(*command, prefix=("strace", "-o", "/dev/null", "-e", f"trace={name}", "-e",
                                               f"inject={name}:signal=KILL:when={number}"))
            assert killed.code != 0, (name, number, killed)
            after = ops.run(*command)
            assert after.code in (0, 2), (name, number, after)
            verdict = ops.run("ledger", "verify", "--dry-run", "-o", "json")
            assert verdict.code == 0, (name, number, verdict)
            assert verdict.json()["size"] > before
    assert ops.run("store", "check").code == 0


def test_output_that_cannot_be_written_is_said_and_the_work_is_kept(ops, tmp_path):
    ops.init()
    result = ops.run("register", "set", "programme.target", "2027-01-01",
                     prefix=("strace", "-o", "/dev/null", "-e", "trace=write", "-e",
                             "inject=write:error=EIO:when=1"))
    result.check_line(74)
    assert [row["value"] for row in ops.json("register", "list")["data"] if row["name"] == "programme.target"] \
        == ["2027-01-01"]


def test_interrupted_calls_are_repeated(ops, tmp_path):
    ops.init()
    command = ("control", "run", "CRY-01", "AUD-01")
    found = calls(ops, tmp_path, *command)
    for name in ("write", "pwrite64", "fdatasync", "openat", "pread64", "read", "flock"):
        if name not in found:
            continue
        result = ops.run(*command, prefix=("strace", "-o", "/dev/null", "-e", f"trace={name}", "-e",
                                           f"inject={name}:error=EINTR:when={found[name][0]}+2"))
        assert result.code in (0, 2), (name, result)
    assert ops.json("ledger", "verify")["ok"]
