"""Hostile and broken input: one clear line, the documented exit code, nothing lost, and afterwards all is
as before."""
import os
import sqlite3
import subprocess

import pytest

from support import changed, damage, flipped, tree

MB = 1 << 20


@pytest.fixture
def ready(ops):
    ops.init()
    ops.ok("register", "set", "programme.target", "2027-01-01")
    return ops


def as_nobody():
    """Somebody else than the home's owner."""
    return ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups") if os.geteuid() == 0 else ()


# -- the database ----------------------------------------------------------------------------------


def broken_databases(whole):
    yield "empty", b""
    yield "short", whole[:700]
    yield "half", whole[:len(whole) // 2 // 4096 * 4096]
    yield "text", b"this is no database\n" * 1000
    yield "zeros", bytes(len(whole))
    yield "header", flipped(whole, 3, 0)
    yield "version", flipped(whole, 18, 3)
    yield "schema", whole[:100] + bytes(3996) + whole[4096:]
    yield "page", whole[:4096] + os.urandom(0) + b"\xa5" * 4096 + whole[8192:]
    yield "pages", whole[:4096] + b"\xff" * (len(whole) - 4096)


def test_a_corrupt_database_is_one_clear_line_and_nothing_is_lost(ready):
    database = ready.home / "data/paulyops.db"
    whole = database.read_bytes()
    for name, content in broken_databases(whole):
        with damage(database, content):
            before = tree(ready.home / "data/ledger", ready.state)
            for command in (("register", "set", "programme.target", "2029-01-01"), ("register", "list"),
                            ("assess",), ("store", "check"), ("audit", "list")):
                result = ready.run(*command)
                if result.code in (0, 2) and name in ("page", "pages"):
                    continue  # the damage is where this command does not look
                assert result.code in ((65, 77) if name == "version" else (65, 74)), (name, command, result)
                assert len(result.err.splitlines()) == 1, (name, command, result)
                assert "database" in result.err, (name, command, result)
                assert result.out == "", (name, command, result)
            if name != "page" and name != "pages":
                assert changed(before, tree(ready.home / "data/ledger", ready.state)) == [], name
        for extra in ("-wal", "-shm", "-journal"):
            (ready.home / f"data/paulyops.db{extra}").unlink(missing_ok=True)
        if name in ("page", "pages"):
            return_to(ready, whole)
    assert ready.json("ledger", "verify")["ok"]


def return_to(ops, whole):
    """A command may have worked on a database damaged elsewhere: its ledger has gone on since."""
    (ops.home / "data/paulyops.db").write_bytes(whole)
    assert ops.run("register", "list").code == 0


def test_store_check_finds_what_commands_do_not_look_at(ready):
    database = ready.home / "data/paulyops.db"
    whole = database.read_bytes()
    found = 0
    pages = len(whole) // 4096
    for page in range(1, pages):
        if not any(whole[page * 4096:(page + 1) * 4096]):
            continue
        with damage(database, whole[:page * 4096] + b"\xa5" * 4096 + whole[(page + 1) * 4096:]):
            result = ready.run("store", "check", "--dry-run")
            assert result.code in (2, 65), (page, result)
            found += 1
    assert found > 5


def sql(ops, statement):
    """One statement on the database, from outside."""
    connection = sqlite3.connect(ops.home / "data/paulyops.db")
    try:
        with connection:
            return list(connection.execute(statement))
    finally:
        connection.close()


def test_an_altered_sealed_key_is_found(ready):
    (column,) = [row[1] for row in sql(ready, "pragma table_info(data_key)") if row[2] == "BLOB"]
    sql(ready, f"update data_key set {column} = zeroblob(length({column}))")
    result = ready.run("register", "set", "programme.target", "2030-01-01")
    result.check_line(result.code)
    assert result.code in (65, 69, 77), result


def test_a_database_of_a_later_version_is_refused(ready):
    sql(ready, "insert into schema_migration select number + 1, 'later', checksum, applied_us "
               "from schema_migration order by number desc limit 1")
    for command in (("register", "list"), ("register", "set", "programme.target", "2030-01-01")):
        result = ready.run(*command)
        result.check_line(result.code, "newer version")
        assert result.code in (65, 69, 78), result


@pytest.mark.parametrize("name", ["data/paulyops.db", "data/instance", "data/ledger/000000.rec",
                                  "data/ledger/writer", "config/.env", "config/status_flags.json"])
def test_a_directory_or_a_fifo_where_a_file_should_be(ready, name):
    path = ready.home / name
    kept = path.rename(ready.base / "kept")
    path.mkdir()
    result = ready.run("register", "set", "programme.target", "2029-01-01")
    assert result.code in (65, 66, 73, 74, 77, 78), result
    assert len(result.err.splitlines()) == 1, result
    path.rmdir()
    os.mkfifo(path)
    result = ready.run("register", "set", "programme.target", "2029-01-01", timeout=30)
    assert result.code in (65, 66, 73, 74, 77, 78), result
    assert len(result.err.splitlines()) == 1, result
    path.unlink()
    kept.rename(path)
    ready.ok("register", "set", "programme.target", "2029-01-01")
    assert ready.json("ledger", "verify")["ok"]


# -- the home's place ------------------------------------------------------------------------------


def test_no_home_here(ops):
    for command in (("assess",), ("register", "list"), ("ledger", "verify"), ("score",)):
        assert "init" in ops.fails(66, *command).err
    assert not ops.home.exists()


def test_an_unreadable_home_is_one_line(ready):
    if not as_nobody():
        ready.home.chmod(0)
    before = tree(ready.home) if as_nobody() else None
    ready.run("register", "list", prefix=as_nobody(), cwd="/").check_line(77)
    ready.home.chmod(0o700)
    if before:
        assert changed(before, tree(ready.home)) == []


def test_a_home_of_another_user_is_not_served(ready):
    if os.geteuid() != 0:
        pytest.skip("needs root to give a home away")
    for path in [ready.base, *ready.base.parents]:
        if path == path.parent or str(path) == "/tmp":
            break
        path.chmod(path.stat().st_mode | 0o055)
    subprocess.run(["chmod", "-R", "a+rX", ready.home], check=True)
    ready.run("register", "list", prefix=as_nobody(), cwd="/").check_line(77, "belongs to user")


@pytest.mark.parametrize("home", ["", "relative/path", "/dev/null", "/proc/nothing", "/" + "x" * 2000,
                                  "/nonexistent/\n\x1b[31mred", "/tmp/" + "a/" * 600])
def test_odd_home_paths_are_one_line(ops, home):
    for command in (("register", "list"), ("assess",)):
        result = ops.run(*command, env={"PAULYOPS_HOME": home})
        assert result.code in (65, 66, 73, 74, 77, 78), result
        assert len(result.err.splitlines()) == 1 and "\x1b" not in result.err, result


@pytest.mark.parametrize("home", ["/dev/null/x", "/proc/paulyops", "/dev/null", "/sys/paulyops"])
def test_init_where_nothing_can_be_made(ops, home):
    result = ops.run("init", env={"PAULYOPS_HOME": home})
    assert result.code in (73, 74, 77), result
    assert len(result.err.splitlines()) == 1, result


@pytest.mark.parametrize("name", ["with space", "ümlaut-日本", "line\nbreak", "quote'\"$(x)`", "-dash",
                                  "percent%s%n"])
def test_a_home_may_have_any_name(paulyops, name):
    ops = paulyops(f"base-{name}")
    ops.home = ops.base / name
    ops.init()
    ops.ok("register", "set", "programme.target", "2027-01-01")
    ops.ok("register", "list", "--home", ops.home)
    assert ops.json("ledger", "verify")["ok"]
    made = ops.json("report", "readiness")
    assert ops.run("report", "verify", ops.home / made["path"]).code == 0


def test_keys_are_never_put_inside_the_home(ops):
    for state in (ops.home, ops.home / "data", ops.home / "x/y"):
        line = ops.fails(78, "init", env={"XDG_STATE_HOME": str(state)}).err
        assert "inside the home" in line
    assert not list(ops.base.rglob("master.key"))


def test_keys_are_not_put_inside_the_home_by_a_detour(ops):
    ops.home.mkdir(parents=True)
    (ops.base / "link").symlink_to(ops.home)
    for state in (f"{ops.home}/../home/state", str(ops.base / "link/state"), f"{ops.base}//home/state",
                  f"{ops.base}/./home/state"):
        result = ops.run("init", env={"XDG_STATE_HOME": state})
        assert result.code == 78, (state, result)
    assert not list(ops.home.rglob("master.key"))


def test_a_linked_home_works_and_a_linked_file_is_not_followed(ready, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(ready.home)
    ready.ok("register", "set", "programme.target", "2027-02-01", "--home", link)
    for name in ("data/lock", "data/ledger/000000.rec", "data/ledger/000000.pay", "config/.env"):
        path = ready.home / name
        kept = path.rename(tmp_path / "kept")
        path.symlink_to(kept)
        result = ready.run("register", "set", "programme.target", "2027-03-01")
        assert result.code in (65, 74, 77, 78), (name, result)
        assert len(result.err.splitlines()) == 1, (name, result)
        path.unlink()
        kept.rename(path)
    ready.ok("register", "set", "programme.target", "2027-04-01")
    assert ready.json("ledger", "verify")["ok"]


def test_linked_parts_of_a_home_lead_nowhere_dangerous(ready, tmp_path):
    """Directories may be links of the operator's; all works or says why, and the ledger verifies."""
    for name in ("Reports", "logs", "config", "data/ledger", "data"):
        path = ready.home / name
        kept = path.rename(tmp_path / "kept")
        path.symlink_to(kept)
        result = ready.run("report", "health")
        assert result.code in (0, 65, 66, 74, 77, 78), (name, result)
        if result.code:
            assert len(result.err.splitlines()) == 1, (name, result)
        path.unlink()
        kept.rename(path)
    assert ready.json("ledger", "verify")["ok"]


# -- configuration ---------------------------------------------------------------------------------

ENVS = [("binary", bytes(range(256)) * 16, ""), ("nul", b"LOG_LEVEL=info\0\n", ""),
        ("large", b"# " + b"x" * (10 * MB) + b"\n", ""), ("lines", b"#\n" * (5 * MB), ""),
        ("unknown", b"ARCHIVE_MAXX=3\n", "ARCHIVE_MAX"), ("unknown number", b"\n\nNO_SUCH_THING=3\n", "line 3"),
        ("no value", b"ARCHIVE_MAX\n", "line 1"), ("range", b"ARCHIVE_MAX=-5\n", "ARCHIVE_MAX"),
        ("huge number", b"ARCHIVE_MAX=99999999999999999999999\n", "ARCHIVE_MAX"),
        ("twice", b"ARCHIVE_MAX=3\nARCHIVE_MAX=4\n", "ARCHIVE_MAX"), ("utf16", "\ufeffA=1".encode("utf-16"), ""),
        ("shell", b"ARCHIVE_MAX=$(id)\n", "ARCHIVE_MAX"), ("open quote", b'REPO_DIR="/x\n', "")]

FLAGS = [("empty", b""), ("binary", bytes(range(256))), ("array", b"[]"), ("text", b"yes"),
         ("deep", b"[" * 100000), ("deep object", b'{"a":' * 50000), ("large", b'{"x":"' + b"y" * (10 * MB) + b'"}'),
         ("nul", b'{"maintenance":true}\0'), ("twice", b'{"maintenance":true,"maintenance":false}'),
         ("type", b'{"maintenance":"maybe"}'), ("trailing", b'{} {}'), ("utf16", "{}".encode("utf-16"))]


@pytest.mark.parametrize("name,content,word", ENVS, ids=[e[0] for e in ENVS])
def test_a_hostile_env_file_is_one_clear_line(ready, name, content, word):
    with damage(ready.home / "config/.env", content):
        for command in (("config", "check"), ("register", "list"), ("assess",)):
            ready.run(*command).check_line(78, ".env", word)
    ready.ok("config", "check")


@pytest.mark.parametrize("name,content", FLAGS, ids=[f[0] for f in FLAGS])
def test_a_hostile_flags_file_is_one_clear_line(ready, name, content):
    with damage(ready.home / "config/status_flags.json", content):
        for command in (("config", "check"), ("flag", "list"), ("assess",)):
            ready.run(*command).check_line(78, "status_flags.json")
    ready.ok("config", "check")


def test_an_unknown_flag_or_option_names_the_nearest(ready):
    name = ready.json("flag", "list")["data"][0]["name"]
    typo = name[:-1] + ("x" if name[-1] != "x" else "y")
    with damage(ready.home / "config/status_flags.json", f'{{"{typo}":true}}'.encode()):
        ready.run("config", "check").check_line(78, typo, name)
    ready.run("flag", "set", typo, "off").check_line(66, typo, name)


def test_a_secret_in_the_process_environment_is_a_configuration_error(ready):
    result = ready.run("register", "list", env={"PAULYOPS_SMTP_PASSWORD": "hunter2hunter2"})
    result.check_line(78, "SMTP_PASSWORD")
    assert "hunter2" not in result.err


def test_a_secret_of_the_env_file_is_shown_nowhere(ready):
    secret = "correct-horse-battery-staple"
    with open(ready.home / "config/.env", "a", encoding="utf-8") as file:
        file.write(f"SMTP_PASSWORD={secret}\n")
    for command in (("config", "show"), ("config", "show", "-o", "json"), ("config", "check"), ("assess",),
                    ("report", "readiness", "--stdout"), ("audit", "list", "-o", "json"),
                    ("pack", "export", ready.base / "pack")):
        result = ready.run(*command)
        assert result.code in (0, 2), result
        assert secret not in result.out + result.err, command
    for path in [p for top in (ready.home, ready.state, ready.base / "pack") for p in top.rglob("*")]:
        if path.is_file() and path.name != ".env":
            assert secret.encode() not in path.read_bytes(), path


# -- arguments -------------------------------------------------------------------------------------


def test_large_arguments_are_one_line(ready):
    big = "x" * 100_000
    for command in (("register", "set", "programme.target", big), ("control", "show", big), (big,), ("--" + big,),
                    ("flag", "set", big, "off"), ("ledger", "verify", "--against", big),
                    ("ledger", "verify", f"--against={big}"), ("help", big), ("score", "--states", big)):
        result = ready.run(*command)
        assert result.code == 64, (command[0], result.code, result.err[:300])
        assert len(result.err.splitlines()) == 1 and len(result.err) < 1000, command[0]


def test_ten_megabytes_of_arguments_are_one_line(ready):
    result = ready.run("control", "run", *["x" * 100_000] * 15)
    result.check_line(64)
    ready.run("control", "run", *["AUD-03"] * 5000).check_line(64, "limit")


def test_ten_megabytes_in_a_file_are_one_line(ready, tmp_path):
    file = tmp_path / "large"
    for content in (b"x" * (10 * MB), b"[" * (10 * MB), b"\n" * (10 * MB), bytes(10 * MB)):
        file.write_bytes(content)
        for command in (("score", "--states", file), ("pack", "verify", file), ("claims", file),
                        ("claims", file, "--facts", file), ("report", "verify", file),
                        ("ledger", "verify", "--against", file),
                        ("pack", "verify", file, "--vkey", file)):
            result = ready.run(*command)
            assert result.code in (64, 65, 66), (command, result)
            assert len(result.err.splitlines()) == 1 and len(result.err) < 1000, (command, result)
    assert ready.json("ledger", "verify")["ok"]


@pytest.mark.parametrize("value", ["\x01\x02", "a\nb", "\x1b[31m", "x" * 4000, "%s%n%x", "';drop table", ""])
def test_odd_register_values_are_stored_exactly_or_refused(ready, value):
    result = ready.run("register", "set", "programme.target", value)
    if result.code == 0:
        rows = {row["name"]: row for row in ready.json("register", "list")["data"]}
        assert rows["programme.target"]["value"] == value
    else:
        assert result.code in (64, 65) and len(result.err.splitlines()) == 1, result
    table = ready.run("register", "list")
    assert "\x1b" not in table.out and table.code == 0
    assert ready.run("report", "readiness").code == 0
    assert ready.json("ledger", "verify")["ok"]


def test_arguments_that_are_no_utf8_are_refused(ready):
    ready.run("register", "set", "programme.target", b"\xff\xfe".decode("utf-8", "surrogateescape")).check_line(64, "UTF-8")


# -- surroundings ----------------------------------------------------------------------------------


@pytest.mark.parametrize("env", [
    {"PATH": None}, {"PATH": ""}, {"PATH": "/nonexistent"}, {"LC_ALL": "tr_TR.UTF-8"}, {"LC_ALL": "no.such"},
    {"LANG": "de_DE.UTF-8", "LC_ALL": None}, {"TZ": "Nonsense/Zone"}, {"TZ": ":/etc/passwd"},
    {"TZ": "ABC+25:99:99"}, {"HOME": None}, {"HOME": ""}, {"HOME": "relative"}, {"HOME": "/nonexistent"},
    {"LD_PRELOAD": ""}, {"IFS": "x"}, {"POSIXLY_CORRECT": "1"}, {"NO_COLOR": "1"}, {"COLUMNS": "-1"},
    {"TERM": "x" * 5000}, {"SQLITE_TMPDIR": "/nonexistent", "TMPDIR": "/nonexistent"},
    {"MALLOC_PERTURB_": "165"}], ids=str)
def test_odd_surroundings_change_nothing(ready, env):
    plain = ready.ok("control", "list", "-o", "json").out
    assert ready.ok("control", "list", "-o", "json", env=env).out == plain
    ready.ok("register", "set", "programme.target", "2028-01-01", env=env)
    rows = ready.json("audit", "list", "--type", "register.", env=env)["data"]
    assert rows[-1]["timestamp"].endswith("Z")
    assert ready.json("ledger", "verify", env=env)["ok"]


def test_without_any_place_for_keys_it_says_so(ready):
    nothing = {"HOME": None, "XDG_STATE_HOME": None}
    ready.run("register", "list", env=nothing).check_line(78, "XDG_STATE_HOME")
    ready.run("register", "list", env={**nothing, "PAULYOPS_HOME": None}).check_line(78, "PAULYOPS_HOME")


def run_with(ops, redirection, *command):
    """Through a shell, with its redirection."""
    line = 'p="$0"; exec "$p" "$@" ' + redirection
    return ops.run(*command, prefix=("/bin/sh", "-c", line))


@pytest.mark.parametrize("redirection", ["<&-", ">&-", "2>&-", "<&- >&-", "<&- 2>&-", ">&- 2>&-",
                                         "<&- >&- 2>&-"])
def test_closed_standard_files_never_become_files_of_the_home(ready, redirection):
    for command in (("register", "set", "programme.target", "2027-05-01"), ("ledger", "verify"), ("assess",),
                    ("register", "set", "programme.target", "nonsense\x01"), ("ledger", "tail"), ("nonsense",)):
        result = run_with(ready, redirection, *command)
        if ">&-" in redirection.replace("2>&-", ""):
            assert result.code in (64, 65, 74), (command, result)
        else:
            assert result.code in (0, 2, 64, 65), (command, result)
    verdict = ready.json("ledger", "verify")
    assert verdict["ok"], verdict
    assert ready.json("store", "check") is not None
    assert (ready.home / "data/lock").read_text().strip().isdigit()


def test_a_full_output_is_an_error_of_output(ready):
    for command in (("control", "list"), ("help",), ("register", "list"), ("ledger", "verify"), ("version",)):
        result = run_with(ready, ">/dev/full", *command)
        result.check_line(74)
    assert ready.json("ledger", "verify")["ok"]


def test_a_reader_that_went_away_is_no_error(ready):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run([ready.program, "control", "list"], stdout=writer, stderr=subprocess.PIPE,
                              env=ready.environment(), timeout=30, check=False)
    finally:
        os.close(writer)
    assert done.returncode == 0 and done.stderr == b""


def test_small_limits_of_the_process_are_clear_errors(ready):
    for limit in ("-n 4", "-n 8", "-v 40000", "-f 8", "-s 256"):
        result = ready.run("register", "set", "programme.target", "2027-06-01",
                           prefix=("/bin/sh", "-c", f'ulimit {limit} && p="$0" && exec "$p" "$@"'))
        if result.code in (126, 127) or "ulimit" in result.err:
            continue  # not even started
        assert result.code >= 0, (limit, result)
        if result.code != 0:
            assert result.code in (1, 65, 69, 71, 73, 74, 77), (limit, result)
            assert len(result.err.splitlines()) == 1, (limit, result)
    ready.ok("register", "set", "programme.target", "2027-07-01")
    assert ready.json("ledger", "verify")["ok"]
