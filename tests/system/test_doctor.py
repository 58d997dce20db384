"""Auto-Doctor: plan, apply, verify; moves and never deletes; respects the status flags; leaves a record."""
import fcntl
import os
import re
import time

import pytest

from support import changed, tree

LOG_LINE = re.compile(r"^\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\] (missing_directory|wrong_mode|stale_lock): .+$")
OLD = time.time() - 3600


@pytest.fixture
def ready(ops):
    return ops.init()


def steps(ops, *args, codes=(0, 2)):
    return ops.json("doctor", "run", *args, codes=codes)["data"]


def old_lock(path, content=""):
    path.write_text(content)
    os.utime(path, (OLD, OLD))
    return path


def mode(path):
    return path.stat().st_mode & 0o7777


def break_all(ops):
    (ops.home / "Backups/archive").rmdir()
    (ops.home / "intake").chmod(0o755)
    (ops.home / "config/.env").chmod(0o644)
    return old_lock(ops.home / "scripts/job.lock", "4194304\n")


def repairs_recorded(ops):
    return ops.json("audit", "list", "--type", "repair.", "--dry-run")["data"]


def dead_pid():
    """A process id that no process has."""
    for pid in range(4194303, 4000000, -1):
        if not os.path.exists(f"/proc/{pid}"):
            return pid
    raise AssertionError("all ids are taken")


def test_a_healthy_home_needs_nothing(ready):
    assert steps(ready, "--dry-run") == []
    before = tree(*(ready.home / name for name in ("config", "Backups", "Reports", "scripts", "intake")))
    assert ready.ok("doctor", "run").out == "nothing to repair\n"
    assert changed(before, tree(*(ready.home / name for name in ("config", "Backups", "Reports", "scripts",
                                                               "intake")))) == []
    assert repairs_recorded(ready) == []


def test_a_dry_run_computes_the_whole_plan_and_changes_nothing(ready):
    break_all(ready)
    before = tree(ready.home, ready.state)
    planned = steps(ready, "--dry-run", codes=(0,))
    assert {(s["repair"], s["subject"], s["state"]) for s in planned} == {
        ("missing_directory", "Backups/archive", "planned"), ("wrong_mode", "intake", "planned"),
        ("wrong_mode", "config/.env", "planned"), ("stale_lock", "scripts/job.lock", "planned")}
    assert {s["subject"]: (s["before"], s["after"]) for s in planned if s["repair"] == "wrong_mode"} == {
        "intake": ("mode 0755", "mode 0700"), "config/.env": ("mode 0644", "mode 0600")}
    assert changed(before, tree(ready.home, ready.state)) == []


def test_every_repair_is_applied_verified_and_recorded(ready):
    lock = break_all(ready)
    content = lock.read_bytes()
    done = steps(ready, codes=(0,))
    assert {s["state"] for s in done} == {"applied"} and len(done) == 4
    assert mode(ready.home / "Backups/archive") == 0o700
    assert mode(ready.home / "intake") == 0o700 and mode(ready.home / "config/.env") == 0o600
    assert not lock.exists()
    (moved,) = [p for p in (ready.home / "data/quarantine").rglob("*") if p.is_file()]
    assert moved.read_bytes() == content
    events = ready.json("audit", "list", "--limit", "50", "--dry-run")["data"]
    kinds = [e["event_type"] for e in events]
    assert kinds.count("intent.opened") == kinds.count("intent.closed") == 4
    assert len(repairs_recorded(ready)) == 4
    order = [k for k in kinds if k.startswith(("intent.", "repair."))]
    assert order == ["intent.opened", "intent.closed", "repair.applied"] * 4
    assert steps(ready, "--dry-run") == []
    assert ready.json("ledger", "verify")["ok"]


def test_the_daily_log_and_the_marker(ready):
    break_all(ready)
    ready.ok("doctor", "run")
    (log,) = (ready.home / "logs").glob(".autodoctor_log_*.txt")
    assert re.fullmatch(r"\.autodoctor_log_\d{8}\.txt", log.name)
    lines = log.read_text().splitlines()
    assert len(lines) == 4 and all(LOG_LINE.match(line) for line in lines), lines
    assert mode(log) == 0o640
    marker = ready.home / "logs/.autodoctor_last_success"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n", marker.read_text())


def test_the_log_is_made_again_from_the_ledger(ready):
    break_all(ready)
    ready.ok("doctor", "run")
    (log,) = (ready.home / "logs").glob(".autodoctor_log_*.txt")
    first = log.read_text()
    log.write_text("[2020-01-01T00:00:00] nothing: forged\n")
    (ready.home / "scripts").chmod(0o750)
    ready.ok("doctor", "run")
    second = log.read_text()
    assert second.startswith(first) and len(second.splitlines()) == len(first.splitlines()) + 1


def test_only_the_named_repairs_run(ready):
    break_all(ready)
    done = steps(ready, "wrong_mode", codes=(0,))
    assert {s["repair"] for s in done} == {"wrong_mode"}
    assert not (ready.home / "Backups/archive").exists()
    ready.fails(66, "doctor", "run", "format_disk")


@pytest.mark.parametrize("flag,off", [("doctor_enabled", {"missing_directory", "wrong_mode", "stale_lock"}),
                                      ("repair_missing_directory", {"missing_directory"}),
                                      ("repair_wrong_mode", {"wrong_mode"}),
                                      ("repair_stale_lock", {"stale_lock"})])
def test_a_flag_switched_off_is_respected(ready, flag, off):
    break_all(ready)
    ready.ok("flag", "set", flag, "false", "--reason", "test")
    result = ready.run("doctor", "run", "-o", "json")
    assert result.code == 2, result
    for step in result.json()["data"]:
        assert step["state"] == ("off" if step["repair"] in off else "applied"), step
    left = {s["repair"] for s in steps(ready, "--dry-run")}
    assert left == off
    marker = ready.home / "logs/.autodoctor_last_success"
    assert not marker.exists()


def test_no_more_repairs_than_the_flag_allows(ready):
    break_all(ready)
    ready.ok("flag", "set", "doctor_repairs_max", "2")
    assert [s["state"] for s in steps(ready)].count("applied") == 2
    assert len(steps(ready, "--dry-run")) == 2


def test_a_lock_of_a_living_process_is_left_alone(ready):
    lock = old_lock(ready.home / "scripts/job.lock", f"{os.getpid()}\n")
    assert steps(ready) == []
    assert lock.exists()


def test_a_lock_that_is_held_is_left_alone(ready):
    path = old_lock(ready.home / "Backups/backup.lock", f"{dead_pid()}\n")
    with open(path, encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert steps(ready) == []
        assert path.exists()
    assert [s["subject"] for s in steps(ready)] == ["Backups/backup.lock"]
    assert not path.exists()


def test_a_young_lock_is_left_alone(ready):
    path = ready.home / "scripts/job.lock"
    path.write_text(f"{dead_pid()}\n")
    assert steps(ready) == [] and path.exists()


def test_locks_of_one_name_are_all_kept(ready):
    for i in range(3):
        old_lock(ready.home / "scripts/job.lock", f"{dead_pid()}\nnumber {i}\n")
        assert [s["state"] for s in steps(ready)] == ["applied"]
    kept = [p.read_text().splitlines()[1] for p in (ready.home / "data/quarantine").rglob("*") if p.is_file()]
    assert sorted(kept) == ["number 0", "number 1", "number 2"]


def test_odd_locks_do_no_harm(ready, tmp_path):
    outside = tmp_path / "outside.lock"
    outside.write_text("1\n")
    (ready.home / "scripts/link.lock").symlink_to(outside)
    os.mkfifo(ready.home / "scripts/fifo.lock")
    (ready.home / "scripts/dir.lock").mkdir()
    old_lock(ready.home / "scripts/new\nline.lock", "nonsense\n")
    old_lock(ready.home / "scripts/large.lock", "x" * 100000)
    old_lock(ready.home / "scripts/number.lock", "99999999999999999999\n")
    result = ready.run("doctor", "run", timeout=30)
    assert result.code in (0, 2), result
    assert outside.read_text() == "1\n"
    assert (ready.home / "scripts/link.lock").is_symlink() and (ready.home / "scripts/dir.lock").is_dir()
    for line in result.out.splitlines():
        assert not line.startswith("line.lock")
    for log in (ready.home / "logs").glob(".autodoctor_log_*.txt"):
        assert all(LOG_LINE.match(line) for line in log.read_text().splitlines()), log.read_text()


def test_nothing_of_the_operators_is_ever_deleted(ready):
    kept = {}
    for name in ("Backups/set1.tar", "Reports/old.md", "logs/app.log", "scripts/job.sh", "config/notes"):
        path = ready.home / name
        path.write_text(f"content of {name}")
        path.chmod(0o777)
        kept[path] = path.read_text()
    break_all(ready)
    ready.ok("doctor", "run")
    assert {path: path.read_text() for path in kept} == kept


def test_a_link_in_place_of_a_directory_is_not_followed(ready, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o755)
    (ready.home / "scripts").rmdir()
    (ready.home / "scripts").symlink_to(outside)
    assert ready.run("doctor", "run").code in (0, 2)
    assert mode(outside) == 0o755 and list(outside.iterdir()) == []


def test_after_three_failures_it_gives_up(ready):
    """A file where a directory should be cannot be repaired by making one."""
    (ready.home / "Backups/archive").rmdir()
    (ready.home / "Backups").rmdir()
    (ready.home / "Backups").symlink_to("/nonexistent/place")  # making Backups/archive fails
    states = []
    for _ in range(5):
        result = ready.run("doctor", "run", "missing_directory", "-o", "json")
        assert result.code == 2, result
        states.append({s["subject"]: s["state"] for s in result.json()["data"]}["Backups/archive"])
    assert states == ["failed", "failed", "failed", "given up", "given up"]
    assert [e["result"] for e in repairs_recorded(ready)] == ["failure"] * 3
    assert not (ready.home / "logs/.autodoctor_last_success").exists()
    (ready.home / "Backups").unlink()
    result = ready.run("doctor", "run", "-o", "json").json()["data"]
    assert {s["subject"]: s["state"] for s in result}["Backups"] == "applied"


def test_an_interrupted_repair_is_a_finding_at_the_next_start(ready, tmp_path):
    strace = ("strace", "-o", "/dev/null", "-e", "trace=fchmod,chmod", "-e", "inject=fchmod,chmod:signal=KILL")
    if ready.run("version", prefix=("strace", "-o", "/dev/null")).code != 0:
        pytest.skip("strace cannot trace here")
    (ready.home / "intake").chmod(0o755)
    assert ready.run("doctor", "run", "wrong_mode", prefix=strace).code != 0
    ready.ok("register", "list")
    kinds = [e["event_type"] for e in ready.json("audit", "list", "--dry-run")["data"]]
    assert "intent.abandoned" in kinds and kinds.count("intent.opened") == 1
    assert mode(ready.home / "intake") == 0o755
    ready.ok("doctor", "run")
    assert mode(ready.home / "intake") == 0o700
