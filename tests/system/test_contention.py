"""Several commands at once, a held lock, a full disk: wait, say busy, or fail with one line; lose nothing."""
import fcntl
import os

import pytest

from support import SmallDisk, changed, fill, free_all, tree


@pytest.fixture
def ready(ops):
    return ops.init()


def values(ops):
    rows = ops.json("register", "list", "--history")["data"]
    return [row["value"] for row in rows if row["name"] == "programme.target"]


def day(i):
    return f"2027-{1 + i // 28:02}-{1 + i % 28:02}"


def test_a_second_command_waits_for_the_first(ready):
    lock = open(ready.home / "data/lock", "r+")
    fcntl.flock(lock, fcntl.LOCK_EX)
    waiting = ready.popen("register", "set", "programme.target", "2027-01-01")
    target = str(ready.home / "data/lock")
    while waiting.poll() is None:  # until it has looked at the lock
        try:
            calls = open(f"/proc/{waiting.pid}/syscall").read()
            links = {os.readlink(f"/proc/{waiting.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{waiting.pid}/fd")}
        except OSError:
            continue
        sleeps = calls.split()[0] in ("35", "230")  # nanosleep, clock_nanosleep
        if target in links or sleeps:
            break
    assert waiting.poll() is None
    lock.close()
    out, err = waiting.communicate(timeout=30)
    assert waiting.returncode == 0, (out, err)
    assert values(ready) == ["2027-01-01"]


def test_a_lock_held_for_longer_than_five_seconds_is_busy(ready):
    before = tree(ready.home, ready.state)
    with open(ready.home / "data/lock", "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = [ready.popen(*command) for command in
                   (("register", "set", "programme.target", "2027-01-01"), ("ledger", "verify"), ("init",),
                    ("register", "list", "--dry-run"), ("assess",))]
        for command in waiting:
            out, err = command.communicate(timeout=30)
            assert command.returncode == 75, (out, err)
            assert out == b"" and err.startswith(b"paulyops: ") and err.count(b"\n") == 1
            assert b"locked" in err
    assert changed(before, tree(ready.home, ready.state)) == []
    ready.ok("register", "set", "programme.target", "2027-01-01")


def test_commands_that_need_no_home_do_not_wait(ready):
    with open(ready.home / "data/lock", "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in (("version",), ("help",), ("control", "list"), ("health", "list"), ("config", "check")):
            ready.ok(*command, timeout=4)


def test_ten_commands_at_once_all_succeed_or_say_busy(ready, is_soak):
    rounds, at_once = (10, 20) if is_soak else (2, 10)
    done = []
    for turn in range(rounds):
        running = {day(turn * at_once + i): ready.popen("register", "set", "programme.target", day(turn * at_once + i))
                   for i in range(at_once)}
        for value, command in running.items():
            out, err = command.communicate(timeout=60)
            assert command.returncode in (0, 75), (out, err)
            if command.returncode == 0:
                done.append(value)
            else:
                assert err.count(b"\n") == 1
    assert len(done) >= rounds
    assert sorted(values(ready)) == sorted(done)
    verdict = ready.json("ledger", "verify")
    assert verdict["ok"], verdict


def test_readers_and_writers_at_once(ready):
    commands = [("register", "set", "programme.target", "2027-01-01"), ("ledger", "verify"), ("score",),
                ("audit", "list"), ("report", "health"), ("control", "run", "CRY-01"),
                ("ledger", "tail"), ("pack", "export", ready.base / "pack"), ("key", "status")]
    running = [(command, ready.popen(*command)) for command in commands]
    for command, process in running:
        out, err = process.communicate(timeout=60)
        assert process.returncode in (0, 2, 75), (command, out, err)
    assert ready.json("ledger", "verify")["ok"]


def test_two_inits_at_once_make_one_home(ops):
    running = [ops.popen("init") for _ in range(4)]
    codes = []
    for process in running:
        out, err = process.communicate(timeout=60)
        codes.append(process.returncode)
        assert process.returncode in (0, 73, 75), (out, err)
    assert codes.count(0) == 1, codes
    assert len(list(ops.state.rglob("master.key"))) == 1
    assert ops.json("ledger", "verify")["ok"]


# -- a full disk -----------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["home", "state"])
def test_a_full_disk_is_one_line_and_what_was_acknowledged_stays(paulyops, where):
    ops = paulyops()
    disk_top = ops.base
    if where == "state":
        disk_top = ops.state
    with SmallDisk(disk_top, "6m") as disk:
        run = lambda *args: ops.run(*args, prefix=disk.prefix)
        assert run("init").code == 0
        acknowledged, refused = [], 0
        for i, keep in enumerate([0, 4, 8, 16, 24, 32, 48, 64, 96, 128, 200, 300]):
            assert run("register", "set", "programme.target", day(2 * i)).code == 0
            acknowledged.append(day(2 * i))
            fill(disk_top, disk, keep)
            for command in (("register", "set", "programme.target", day(2 * i + 1)), ("control", "run", "CRY-01"),
                            ("report", "health")):
                result = run(*command)
                if result.code in (0, 2):
                    if command[0] == "register":
                        acknowledged.append(command[3])
                    continue
                refused += 1
                result.check_line(74)
                assert result.out == ""
            free_all(disk_top, disk)
            result = run("ledger", "verify", "-o", "json")
            assert result.code == 0, (keep, result)
        assert refused > 0
        rows = run("register", "list", "--history", "-o", "json").json()["data"]
        stored = [row["value"] for row in rows if row["name"] == "programme.target"]
        assert set(acknowledged) <= set(stored)
        assert run("assess").code in (0, 2)
        assert run("ledger", "verify").code == 0
        assert run("store", "check").code == 0


def test_writing_until_the_disk_is_full_loses_nothing(paulyops):
    ops = paulyops()
    with SmallDisk(ops.base, "1500k") as disk:
        run = lambda *args: ops.run(*args, prefix=disk.prefix)
        assert run("init").code == 0
        before = run("ledger", "verify", "--dry-run", "-o", "json").json()["size"]
        good = 0
        fill(ops.base, disk, 260)
        for _ in range(400):
            result = run("control", "run", "CRY-01", "AUD-01", "MON-02")
            if result.code not in (0, 2):
                break
            good += 1
        result.check_line(74)
        free_all(ops.base, disk)
        verdict = run("ledger", "verify", "--dry-run", "-o", "json").json()
        assert verdict["ok"] and verdict["size"] >= before + good, (good, verdict)
        assert run("control", "run", "CRY-01").code in (0, 2)
        assert run("ledger", "verify").code == 0


def test_init_on_a_full_disk_can_be_finished_later(paulyops):
    ops = paulyops()
    with SmallDisk(ops.base, "4m") as disk:
        run = lambda *args: ops.run(*args, prefix=disk.prefix)
        refused = 0
        for keep in (0, 4, 8, 16, 32, 64, 96, 128, 200, 300, 400):
            fill(ops.base, disk, keep)
            result = run("init")
            if result.code == 0:
                break
            refused += 1
            assert result.code in (73, 74), (keep, result)
            assert len(result.err.splitlines()) == 1, (keep, result)
            free_all(ops.base, disk)
        assert refused >= 3
        free_all(ops.base, disk)
        if result.code != 0:  # 73: only its last event or checkpoint was missing; the next command adds it
            assert run("init").code in (0, 73)
        assert run("assess").code in (0, 2)
        assert run("ledger", "verify").code == 0


def test_an_export_onto_a_full_disk_leaves_no_pack_that_verifies(paulyops):
    ops = paulyops().init()
    ops.assessed("control", "run", "CRY-01", "AUD-01")
    out = ops.base / "out"
    with SmallDisk(out, "300k") as disk:
        for option in ((), ("--tar",)):
            result = ops.run("pack", "export", *option, out / "pack", prefix=disk.prefix)
            result.check_line(74)
            check = ops.run("pack", "verify", out / "pack", prefix=disk.prefix)
            assert check.code != 0, check
            result = ops.run("ledger", "export", "--c2sp", out / "c2sp", prefix=disk.prefix)
            assert result.code in (0, 74), result
    assert ops.json("ledger", "verify")["ok"]
    ops.ok("pack", "export", ops.base / "pack")


def test_a_home_on_a_read_only_file_system_is_served(paulyops):
    ops = paulyops().init()
    ops.ok("register", "set", "programme.target", "2027-01-01")
    ro = ("unshare", "-m", "--propagation", "private", "/bin/sh", "-c",
          f'mount --bind "{ops.home}" "{ops.home}" && mount -o remount,bind,ro "{ops.home}" && '
          'p="$0"; exec "$p" "$@"')
    if ops.run("version", prefix=ro).code != 0:
        pytest.skip("a mount namespace of its own needs root")
    for command in (("ledger", "verify"), ("register", "list"), ("control", "show", "AUD-03"),
                    ("audit", "list"), ("register", "list", "--dry-run")):
        result = ops.run(*command, prefix=ro)
        assert result.code in (0, 77, 74), (command, result)
        assert result.code == 0 or len(result.err.splitlines()) == 1, (command, result)
    result = ops.run("register", "set", "programme.target", "2028-01-01", prefix=ro)
    assert result.code in (74, 77), result
    assert len(result.err.splitlines()) == 1, result
    assert ops.json("ledger", "verify")["ok"]
