"""systemd timers: written, shown, checked by systemd itself, moved away."""
import os
import shutil
import subprocess

import pytest

from support import changed, tree

UNITS = ["paulyops-assess.service", "paulyops-assess.timer", "paulyops-nightly.service",
         "paulyops-nightly.timer"]


@pytest.fixture
def ready(ops):
    return ops.init()


@pytest.fixture
def units(tmp_path):
    return tmp_path / "units"


def states(ops, units):
    rows = ops.json("schedule", "status", "--unit-dir", units, "--dry-run")["data"]
    return {row["job"]: row["state"] for row in rows}


def both(state):
    return {"paulyops-assess": state, "paulyops-nightly": state}


def installed(units):
    return sorted(p.name for p in units.iterdir() if p.is_file())


def test_install_status_remove(ready, units):
    assert states(ready, units) == both("absent")
    ready.ok("schedule", "install", "--unit-dir", units)
    assert states(ready, units) == both("enabled")
    assert installed(units) == UNITS
    links = sorted((units / "timers.target.wants").iterdir())
    assert [link.name for link in links] == ["paulyops-assess.timer", "paulyops-nightly.timer"]
    assert all(link.exists() for link in links)
    ready.ok("schedule", "remove", "--unit-dir", units)
    assert states(ready, units) == both("absent")
    assert installed(units) == [f"{name}.removed" for name in UNITS]
    assert list((units / "timers.target.wants").iterdir()) == []


def test_a_dry_run_writes_no_unit(ready, units):
    units.mkdir()
    before = tree(ready.home, ready.state, units)
    assert str(units) in ready.ok("schedule", "install", "--unit-dir", units, "--dry-run").out
    ready.ok("schedule", "remove", "--unit-dir", units, "--dry-run")
    assert changed(before, tree(ready.home, ready.state, units)) == []


def test_installing_twice_changes_nothing_more(ready, units):
    ready.ok("schedule", "install", "--unit-dir", units)
    before = tree(units)
    ready.ok("schedule", "install", "--unit-dir", units)
    assert changed(before, tree(units)) == []


def test_the_timers_run_this_program_with_this_home(ready, units):
    ready.ok("schedule", "install", "--unit-dir", units)
    service = (units / "paulyops-assess.service").read_text()
    assert f'"{ready.program}" assess --timer' in service and str(ready.home) in service
    assert f"XDG_STATE_HOME" in service and str(ready.state) in service
    timer = (units / "paulyops-assess.timer").read_text()
    assert "OnUnitActiveSec=300s" in timer
    assert "OnCalendar=*-*-* 02:30:00" in (units / "paulyops-nightly.timer").read_text()


def test_the_periods_come_from_the_configuration(ready, units):
    with open(ready.home / "config/.env", "a", encoding="utf-8") as file:
        file.write("ASSESS_PERIOD=15m\nNIGHTLY_AT=04:45\n")
    ready.ok("schedule", "install", "--unit-dir", units)
    assert "OnUnitActiveSec=900s" in (units / "paulyops-assess.timer").read_text()
    assert "OnCalendar=*-*-* 04:45:00" in (units / "paulyops-nightly.timer").read_text()


def test_what_a_unit_starts_works(ready, units):
    """ExecStart's own words, in an environment as bare as systemd's."""
    ready.ok("schedule", "install", "--unit-dir", units)
    for name in ("paulyops-assess", "paulyops-nightly"):
        lines = (units / f"{name}.service").read_text().splitlines()
        start = next(line for line in lines if line.startswith("ExecStart="))[len("ExecStart="):]
        state = next(line for line in lines if line.startswith("Environment="))[len("Environment="):]
        done = subprocess.run(f"env -i {state} {start}", shell=True, capture_output=True, timeout=60, check=False)
        assert done.returncode in (0, 2), done
        assert done.stderr == b""
    assert list((ready.home / "Reports").glob("Nightly_Update_Report_*.md"))


def test_systemd_finds_nothing_to_say(ready, units):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    ready.ok("schedule", "install", "--unit-dir", units)
    done = subprocess.run(["systemd-analyze", "verify", *(units / name for name in UNITS)],
                          capture_output=True, text=True, check=False, env={**os.environ, "SYSTEMD_LOG_COLOR": "0"})
    said = [line for line in (done.stdout + done.stderr).splitlines() if "paulyops" in line]
    assert said == [] and done.returncode == 0, done


@pytest.mark.parametrize("name", ["with space", "per%cent", "dollar$HOME", 'quote"x', "back\\slash", "ümlaut"])
def test_odd_paths_are_quoted_for_systemd(paulyops, units, name):
    ops = paulyops("odd")
    ops.home = ops.base / name
    ops.init()
    ops.ok("schedule", "install", "--unit-dir", units)
    if shutil.which("systemd-analyze"):
        done = subprocess.run(["systemd-analyze", "verify", *(units / u for u in UNITS)], capture_output=True,
                              text=True, check=False)
        assert "paulyops" not in done.stdout + done.stderr, done


def test_a_path_a_unit_cannot_name_is_refused(paulyops, units):
    ops = paulyops("odd")
    ops.home = ops.base / "new\nline\nExecStart=/bin/false"
    ops.init()
    ops.fails(69, "schedule", "install", "--unit-dir", units)
    assert not units.exists() or not any(p.suffix == ".service" for p in units.rglob("*"))


def test_units_that_were_changed_are_shown_as_different_and_kept_when_removed(ready, units):
    ready.ok("schedule", "install", "--unit-dir", units)
    unit = units / "paulyops-nightly.timer"
    unit.write_text(unit.read_text() + "# the operator's own\n")
    assert states(ready, units)["paulyops-nightly"] == "different"
    ready.ok("schedule", "remove", "--unit-dir", units)
    ready.ok("schedule", "install", "--unit-dir", units)
    ready.ok("schedule", "remove", "--unit-dir", units)
    texts = [p.read_text() for p in units.iterdir() if p.name.startswith("paulyops-nightly.timer.removed")]
    assert any("the operator's own" in text for text in texts)


def test_both_changes_are_recorded_with_intent_and_outcome(ready, units):
    ready.ok("schedule", "install", "--unit-dir", units)
    ready.ok("schedule", "remove", "--unit-dir", units)
    kinds = [e["event_type"] for e in ready.json("audit", "list", "--dry-run")["data"]]
    assert kinds.count("schedule.changed") == 2
    assert kinds.count("intent.opened") == kinds.count("intent.closed") == 2


def test_a_place_that_cannot_be_written_is_one_line_and_recorded(ready):
    for place in ("/proc/units", "/dev/null/units"):
        result = ready.run("schedule", "install", "--unit-dir", place)
        result.check_line(result.code)
        assert result.code in (66, 73, 74, 77), result
    kinds = [(e["event_type"], e["result"]) for e in ready.json("audit", "list", "--dry-run")["data"]]
    assert kinds.count(("intent.closed", "failure")) == 2
    ready.fails(64, "schedule", "install", "--unit-dir", "relative")
    ready.fails(64, "schedule", "install", "--unit-dir", "")
