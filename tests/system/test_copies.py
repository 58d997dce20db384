"""Restores never sign (law 8): a home copied, restored or without its keys serves, verifies, and refuses
to extend."""
import shutil

import pytest

from conftest import flip_byte
from support import changed, tree

READS = [("control", "list"), ("control", "show", "AUD-03"), ("ledger", "tail"), ("ledger", "verify"),
         ("score",), ("health", "list"), ("flag", "list"), ("config", "show"), ("schedule", "status")]
WRITES = [("register", "set", "programme.target", "2027-01-01"), ("assess",), ("health", "run"),
          ("control", "run", "AUD-03"), ("doctor", "run"), ("flag", "set", "maintenance", "true"),
          ("report", "readiness"), ("key", "rotate", "data"), ("key", "rotate", "master"),
          ("pack", "export", "/nonexistent/pack"), ("schedule", "install"), ("schedule", "remove")]


@pytest.fixture
def original(paulyops):
    ops = paulyops("original").init()
    ops.assessed("control", "run", "CRY-01", "AUD-01")
    return ops


def instance_dir(ops):
    (folder,) = (ops.state / "paulyops").iterdir()
    return folder


def copied(ops):
    return ops.copy("copy")


def restored_older(ops):
    """An older backup of the home put over the newer one, keys and signing state as they are."""
    early = ops.copy("early", with_state=False)
    ops.ok("register", "set", "programme.target", "2027-01-01")
    for top in ("data", "config"):
        for path in (early.home / top).rglob("*"):
            if path.is_file():
                (ops.home / path.relative_to(early.home)).write_bytes(path.read_bytes())
    return ops


def restored_directory(ops):
    """The home removed and put back by a backup tool: the same bytes in new files."""
    early = ops.copy("early", with_state=False)
    shutil.rmtree(ops.home)
    shutil.copytree(early.home, ops.home)
    return ops


def without_keys(ops):
    shutil.rmtree(ops.state)
    return ops


def without_master(ops):
    (instance_dir(ops) / "master.key").unlink()
    return ops


def without_signed(ops):
    (instance_dir(ops) / "signed").unlink()
    return ops


def without_ledger_key(ops):
    (instance_dir(ops) / "ledger.key").unlink()
    return ops


def keys_of_another(ops):
    other = type(ops)(ops.program, ops.base.parent / "other").init()
    mine, theirs = instance_dir(ops), instance_dir(other)
    shutil.rmtree(mine)
    shutil.copytree(theirs, mine)
    return ops


def flipped_master(ops):
    flip_byte(instance_dir(ops) / "master.key", 7)
    return ops


def flipped_ledger_key(ops):
    flip_byte(instance_dir(ops) / "ledger.key", 50)
    return ops


def flipped_signed(ops):
    flip_byte(instance_dir(ops) / "signed", 40)
    return ops


def empty_master(ops):
    (instance_dir(ops) / "master.key").write_bytes(b"")
    return ops


WAYS = [copied, restored_older, restored_directory, without_keys, without_master, without_signed,
        without_ledger_key, keys_of_another, flipped_master, flipped_ledger_key, flipped_signed,
        empty_master]
READABLE = [copied, restored_older, restored_directory, without_signed, flipped_signed]  # master key fits


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_it_refuses_to_extend_with_one_line_and_changes_nothing(original, way):
    ops = way(original)
    before = tree(ops.home, ops.state)
    for command in WRITES:
        line = ops.fails(77, *command).err
        assert "read-only" in line, (command, line)
    assert changed(before, tree(ops.home, ops.state)) == []


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_it_serves_reads_and_verifies_and_changes_nothing(original, way):
    ops = way(original)
    before = tree(ops.home, ops.state)
    for command in READS:
        result = ops.run(*command)
        if command == ("score",) and way not in READABLE:
            assert result.code in (0, 69), (command, result)
        elif command[0] == "control" and command[1] == "show" and way not in READABLE:
            assert result.code in (0, 69), (command, result)
        elif command == ("ledger", "verify") and way in (keys_of_another, restored_older, flipped_signed):
            assert result.code == 2 and "root: signed: " in result.out, (command, result)
        else:
            assert result.code == 0, (command, result)
        assert result.err.count("\n") <= 1, (command, result)
    assert changed(before, tree(ops.home, ops.state)) == []


@pytest.mark.parametrize("way", READABLE, ids=lambda way: way.__name__)
def test_with_the_master_key_events_are_still_read(original, way):
    ops = way(original)
    rows = ops.json("audit", "list", "--limit", "500", codes=(0,))["data"]
    assert "instance.created" in {row["event_type"] for row in rows}


@pytest.mark.parametrize("way", [without_keys, without_master, flipped_master, empty_master,
                                 keys_of_another], ids=lambda way: way.__name__)
def test_without_its_master_key_no_event_is_opened(original, way):
    ops = way(original)
    result = ops.run("audit", "list")
    assert result.code == 69 and result.out == "", result
    assert len(result.err.splitlines()) <= 2, result


def test_the_reason_is_said_on_stderr_and_can_be_silenced(original):
    ops = copied(original)
    assert "read-only" in ops.ok("ledger", "tail").err
    assert ops.ok("ledger", "tail", "--quiet").err == ""


def test_init_does_not_give_a_home_new_keys(original):
    ops = without_keys(original)
    before = tree(ops.home, ops.state)
    ops.fails(73, "init")
    assert changed(before, tree(ops.home, ops.state)) == []


def test_the_original_goes_on_after_a_copy_was_refused(original):
    copy = copied(original)
    copy.fails(77, "register", "set", "programme.target", "2027-01-01")
    original.ok("register", "set", "programme.target", "2028-01-01")
    assert original.json("ledger", "verify")["ok"]


def test_putting_the_keys_back_makes_it_whole_again(original, tmp_path):
    shutil.move(original.state, tmp_path / "away")
    original.fails(77, "register", "set", "programme.target", "2027-01-01")
    shutil.move(tmp_path / "away", original.state)
    original.ok("register", "set", "programme.target", "2027-01-01")
    assert original.json("ledger", "verify")["ok"]


def test_a_moved_home_is_the_same_home(original, tmp_path):
    """A rename keeps the directory itself, so it is no copy."""
    original.home.rename(tmp_path / "elsewhere")
    original.home = tmp_path / "elsewhere"
    original.ok("register", "set", "programme.target", "2027-01-01")
    assert original.json("ledger", "verify")["ok"]
