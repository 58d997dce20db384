"""What can be asked of the program: commands, options, formats, exit codes, dry runs."""
import json
import re
import subprocess

import pytest

from support import changed, tree

HEADING = re.compile(r"^[a-z]+( [a-z]+)?$")


@pytest.fixture(scope="module")
def table(program):
    """Paths of all commands, from the manual page."""
    done = subprocess.run([program, "help", "--man"], capture_output=True, text=True, check=True)
    paths = re.findall(r"^\.It (?:Cm|Nm|Ic|Xo Cm)? ?([a-z]+(?: [a-z]+)?)(?: |$)", done.stdout, re.M)
    assert len(paths) > 30, done.stdout[:2000]
    return [path.split() for path in dict.fromkeys(paths)]


COMMANDS = ["assess", "audit list", "claims", "config check", "config show", "control list", "control run",
            "control show", "doctor run", "flag list", "flag set", "health list", "health run", "health show",
            "help", "init", "key recovery", "key rotate", "key status", "ledger export", "ledger prove",
            "ledger tail", "ledger verify", "pack export", "pack verify", "register list", "register set",
            "report health", "report nightly", "report readiness", "report status", "report verify",
            "schedule install", "schedule remove", "schedule status", "score", "store check", "version"]
NO_HOME = ["claims", "config check", "control list", "health list", "help", "init", "pack verify", "score",
           "version"]


@pytest.fixture
def ready(ops):
    return ops.init()


# -- help ------------------------------------------------------------------------------------------


def test_help_names_every_command(ops):
    text = ops.ok("help").out
    for command in COMMANDS:
        assert re.search(rf"\b{command}\b", text) or command.split()[0] in text, command
    assert ops.ok("--help").out == text == ops.ok("-h").out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_without_a_home(ops, command):
    words = command.split()
    text = ops.ok(*words, "--help").out
    assert text.strip() and command in text
    assert ops.ok("help", *words).out == text
    assert ops.ok(*words, "-h").out == text
    assert not ops.home.exists() and not ops.state.exists()


@pytest.mark.parametrize("noun", sorted({c.split()[0] for c in COMMANDS if " " in c}))
def test_a_noun_alone_explains_its_verbs(ops, noun):
    text = ops.ok(noun).out
    for command in COMMANDS:
        if command.split()[0] == noun:
            assert command in text


def test_the_manual_page_is_sound_and_names_every_command(ops, tmp_path):
    page = ops.ok("help", "--man").out
    for command in COMMANDS:
        assert command in page.replace(".Cm ", "").replace("\\-", "-"), command
    file = tmp_path / "paulyops.1"
    file.write_text(page)
    lint = subprocess.run(["mandoc", "-Tlint", "-Wwarning", file], capture_output=True, text=True, check=False)
    assert lint.returncode == 0 and lint.stdout == "", lint.stdout


def test_the_committed_manual_page_is_the_programs(ops, source_root):
    committed = (source_root / "docs/man/paulyops.1").read_text()
    strip = lambda text: "\n".join(line for line in text.splitlines() if not line.startswith((".Dd", ".Os")))
    assert strip(committed) == strip(ops.ok("help", "--man").out), "make man renews it"


# -- wrong questions -------------------------------------------------------------------------------


@pytest.mark.parametrize("args,word", [
    ((), "no command"), (("nonsense",), "nonsense"), (("ledger", "nonsense"), "nonsense"),
    (("--nonsense",), "--nonsense"), (("score", "--nonsense"), "--nonsense"), (("score", "-x"), "-x"),
    (("ledger", "verify", "extra"), "extra"), (("control", "show"), "CONTROL"), (("register", "set", "x"), "NAME"),
    (("score", "--as-of"), "--as-of"), (("score", "--as-of="), ""), (("score", "--as-of", "x"), "x"),
    (("score", "--as-of", "-1"), ""), (("score", "--as-of", "1", "--as-of", "2"), "twice"),
    (("control", "list", "-o"), "-o"), (("control", "list", "-o", "xml"), "xml"),
    (("control", "list", "--output=yaml"), "yaml"), (("assess", "--all=1"), "no value"),
    (("ledger", "prove", "x"), "x"), (("ledger", "prove", "0x10"), "0x10"), (("ledger", "tail", "-n", "-5"), ""),
    (("ledger", "tail", "-n", "1e3"), "1e3"), (("key", "rotate", "everything"), "everything"),
    (("key", "recovery", "nonsense"), ""), (("ledger", "export"), "--c2sp"), (("--home",), "--home"),
    (("--home=", "score"), "--home"), (("audit", "list", "--since", "yesterday"), "yesterday"),
    (("audit", "list", "--limit", "many"), "many"), (("audit", "list", "--result", "maybe"), "maybe"),
    (("help", "nonsense"), "nonsense"),
], ids=lambda value: " ".join(value) if isinstance(value, tuple) else "")
def test_a_wrong_command_line_is_one_line_and_64(ready, args, word):
    result = ready.run(*args)
    assert result.code in ((64, 69) if args[:2] == ("key", "recovery") else (64,)), result
    result.check_line(result.code, word)
    assert result.out == ""


@pytest.mark.parametrize("args", [("control", "show", "ZZZ-99"), ("control", "run", "ZZZ-99"),
                                  ("control", "run", "AUD-03", "ZZZ-99"), ("control", "list", "--criterion", "XX9"),
                                  ("health", "show", "HC-99"), ("doctor", "run", "nothing"),
                                  ("flag", "set", "no_such", "1"), 
                                  ("report", "verify", "R-2020-01-01-readiness-1"), ("score", "--as-of", "99999"),
                                  ("ledger", "prove", "99999"), ("score", "--states", "/nonexistent"),
                                  ("pack", "verify", "/nonexistent"), ("claims", "/nonexistent"),
                                  ("pack", "export", "/tmp/none/x", "--criterion", "XX9"),
                                  ("control", "show", "AUD-03", "--as-of", "99999")], ids=" ".join)
def test_an_unknown_thing_is_one_line_and_66(ready, args):
    result = ready.run(*args)
    assert result.code in (64, 66), result
    result.check_line(result.code)
    assert result.out == ""


def test_a_wrong_value_of_a_flag_or_figure_is_refused(ready):
    for args in (("flag", "set", "maintenance", "perhaps"), ("flag", "set", "doctor_repairs_max", "--", "-1"),
                 ("register", "set", "no.such", "1"), ("register", "set", "cost.audti", "1"),
                 ("flag", "set", "doctor_repairs_max", "99999999999"), ("flag", "set", "intake_path", "relative")):
        result = ready.run(*args)
        assert result.code in (64, 65), result
        result.check_line(result.code, args[2])


# -- global options --------------------------------------------------------------------------------


def test_global_options_may_stand_before_or_after(ready):
    after = ready.ok("control", "list", "-o", "json").out
    for args in (("-o", "json", "control", "list"), ("--output=json", "control", "list"),
                 ("control", "-o", "json", "list"), ("control", "list", "--output", "json"),
                 ("--quiet", "-o", "json", "control", "list", "--yes")):
        result = ready.run(*args)
        if args[0] == "control" and args[1] == "-o":
            assert result.code in (0, 64)
            continue
        assert result.code == 0 and result.out == after, (args, result)
    for args in (("--home", ready.home, "register", "list"), ("register", "list", "--home", ready.home),
                 ("register", f"--home={ready.home}", "list"), ("register", "list", f"--home={ready.home}")):
        result = ready.run(*args, env={"PAULYOPS_HOME": "/nonexistent"})
        assert result.code in ((0, 64) if args[1].__class__ is str and str(args[1]).startswith("--home") else (0,)), \
            result


def test_two_dashes_end_the_options(ready):
    ready.run("control", "show", "--", "--help").check_line(66, "--help")


# -- formats ---------------------------------------------------------------------------------------

LISTS = [("control", "list"), ("health", "list"), ("flag", "list"), ("config", "show"), ("register", "list"),
         ("audit", "list"), ("ledger", "tail"), ("key", "status"), ("schedule", "status")]


@pytest.mark.parametrize("command", LISTS, ids=" ".join)
def test_lists_have_one_shape(ready, command):
    ready.ok("register", "set", "programme.target", "2027-01-01")
    whole = json.loads(ready.ok(*command, "-o", "json", "--dry-run").out)
    assert list(whole) == ["data", "next_cursor"] and whole["next_cursor"] is None
    assert whole["data"] and all(isinstance(row, dict) for row in whole["data"])
    keys = list(whole["data"][0])
    assert all(list(row) == keys for row in whole["data"])
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", key) for key in keys)
    lines = ready.ok(*command, "-o", "ndjson", "--dry-run").out.splitlines()
    assert [json.loads(line) for line in lines] == whole["data"]
    rows = ready.ok(*command, "--dry-run").out.splitlines()
    assert len(rows) >= len(whole["data"]) + 1


def test_an_empty_list_is_a_list(ready):
    assert ready.json("register", "list") == {"data": [], "next_cursor": None}
    assert ready.ok("register", "list", "-o", "ndjson").out == ""
    assert ready.json("audit", "list", "--type", "backup.")["data"] == []


def test_health_run_has_exactly_the_fifteen(ready):
    result = ready.run("health", "run", "-o", "json")
    answer = result.json()
    assert list(answer) == ["checks"] and len(answer["checks"]) == 15
    for i, check in enumerate(answer["checks"]):
        assert list(check) == ["id", "name", "state", "reason", "age_s"]
        assert check["id"] == f"HC-{i + 1:02}"
        assert check["state"] in ("pass", "fail", "error", "skipped", "untested")
        assert isinstance(check["age_s"], int)
        assert (check["reason"] == "") <= (check["state"] == "pass")
    assert result.code == (0 if all(c["state"] == "pass" for c in answer["checks"]) else 2)


def test_score_has_exactly_the_models_words(ready):
    ready.assessed("control", "run", "CRY-01")
    score = ready.json("score", codes=(0,))
    assert list(score) == ["as_of", "categories"]
    assert list(score["as_of"]) == ["size", "root", "time"]
    assert re.fullmatch(r"[0-9a-f]{64}", score["as_of"]["root"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", score["as_of"]["time"])
    assert [c["category"] for c in score["categories"]] == ["Security", "Availability", "Confidentiality",
                                                            "Processing Integrity", "Privacy"]
    criteria = []
    for category in score["categories"]:
        assert list(category) == ["category", "score", "status", "met", "of", "criteria"]
        assert category["status"] in ("MET", "MET WITH EXCEPTION", "PARTIAL", "NOT MET", "OUT OF SCOPE")
        assert 0 <= category["score"] <= 100 and 0 <= category["met"] <= category["of"]
        for criterion in category["criteria"]:
            assert list(criterion) == ["id", "score", "status", "why"]
            assert (criterion["why"] == []) <= (criterion["status"] == "MET")
            criteria.append(criterion["id"])
    assert len(criteria) == len(set(criteria)) == 61


@pytest.mark.parametrize("command", [("ledger", "verify"), ("version",), ("score",), ("health", "run"),
                                     ("report", "readiness"), ("store", "check"), ("control", "show", "AUD-03"),
                                     ("health", "show", "HC-01"), ("assess",)], ids=" ".join)
def test_every_answer_in_json_is_one_json_value(ready, command):
    result = ready.run(*command, "-o", "json")
    assert result.code in (0, 2), result
    json.loads(result.out)
    assert result.err == ""


def test_tables_for_people_hold_no_control_characters(ready):
    ready.run("register", "set", "programme.target", "2027\x1b[31m")
    for command in (*LISTS, ("score",), ("help",), ("version",), ("ledger", "verify")):
        out = ready.ok(*command).out
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", out), command


# -- what ends with what ---------------------------------------------------------------------------


def test_what_did_not_pass_ends_with_2(ready):
    assert ready.run("assess").code == 2  # a new home has no backups: something cannot pass
    assert ready.run("health", "run").code == 2
    assert ready.run("control", "run", "MON-01").code == 2
    assert ready.run("control", "run", "CRY-01").code == 0


def test_assess_says_what_it_did(ready):
    answer = ready.json("assess", "--all", codes=(2,))
    assert answer, answer
    again = ready.run("assess")
    assert again.code in (0, 2)


def test_version_is_the_files(ops, source_root):
    version = (source_root / "VERSION").read_text().strip()
    assert ops.ok("version").out.startswith(f"paulyops {version} ")
    answer = ops.json("version")
    assert answer["version"] == version and answer["variant"] == "release"
    verified = ops.run("version", "--verify", "-o", "json")
    digest = subprocess.run(["sha256sum", ops.program], capture_output=True, text=True, check=True).stdout.split()[0]
    assert verified.json()["digest"] == digest
    assert verified.code == (0 if verified.json()["manifest_matches"] else 2)
    assert not ops.home.exists()


def test_commands_without_a_home_make_none(ops):
    for command in (("version",), ("help",), ("control", "list"), ("health", "list"), ("claims", "/dev/null"),
                    ("pack", "verify", "/dev/null"), ("register", "list"), ("assess",), ("ledger", "verify")):
        ops.run(*command)
        assert not ops.home.exists() and not ops.state.exists(), command


# -- init ------------------------------------------------------------------------------------------


def test_init_asks_nothing_and_says_where_the_key_is(ops):
    result = ops.run("init", stdin="")
    assert result.code == 0, result
    (key,) = ops.state.rglob("master.key")
    assert str(key) in result.out and result.err == ""
    assert key.stat().st_size == 32 and key.stat().st_mode & 0o777 == 0o600
    assert key.read_bytes() not in b"".join(p.read_bytes() for p in ops.files())


def test_a_new_home_has_strict_modes(ready):
    for path in [ready.home, *ready.home.rglob("*"), *ready.state.rglob("*")]:
        mode = path.stat().st_mode & 0o777
        assert mode in ((0o700,) if path.is_dir() else (0o600, 0o640)), (path, oct(mode))


def test_a_second_init_is_refused_and_changes_nothing(ready):
    before = tree(ready.home, ready.state)
    ready.run("init").check_line(73)
    assert [p for p in changed(before, tree(ready.home, ready.state)) if not p.endswith("/lock")] == []


def test_init_keeps_a_configuration_that_was_there_before(ops):
    (ops.home / "config").mkdir(parents=True)
    (ops.home / "config/.env").write_text("ORG_NAME=Example\n")
    (ops.home / "config/.env").chmod(0o600)
    ops.init()
    assert (ops.home / "config/.env").read_text() == "ORG_NAME=Example\n"
    rows = {row["name"]: row for row in ops.json("config", "show")["data"]}
    assert rows["ORG_NAME"]["value"] == "Example"


def test_init_where_a_file_stands_is_refused(ops):
    ops.home.write_text("mine")
    ops.run("init").check_line(73)
    assert ops.home.read_text() == "mine"


# -- dry runs --------------------------------------------------------------------------------------

DRY = [["assess"], ["assess", "--all"], ["health", "run"], ["control", "run", "AUD-03"], ["doctor", "run"],
       ["flag", "set", "maintenance", "true"], ["register", "set", "programme.target", "2030-01-01"],
       ["report", "readiness"], ["report", "status"], ["report", "health"], ["report", "nightly"],
       ["pack", "export", "OUT/pack"], ["pack", "export", "--tar", "OUT/pack.tar"],
       ["ledger", "export", "--c2sp", "OUT/c2sp"], ["key", "rotate", "data"], ["key", "rotate", "master"],
       ["schedule", "install", "--unit-dir", "OUT/units"], ["schedule", "remove", "--unit-dir", "OUT/units"],
       ["audit", "list"], ["config", "check"], ["config", "show"], ["control", "list"],
       ["control", "show", "AUD-03"], ["flag", "list"], ["health", "list"], ["health", "show", "HC-01"],
       ["init"], ["key", "status"], ["ledger", "prove", "1"], ["ledger", "tail"], ["ledger", "verify"],
       ["register", "list"], ["schedule", "status"], ["score"], ["store", "check"], ["version"]]


def test_a_dry_run_changes_no_byte(ready, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    ready.assessed("control", "run", "CRY-01", "AUD-01")
    (ready.home / "intake").chmod(0o750)
    before = tree(ready.home, ready.state, out)
    for command in DRY:
        args = [word.replace("OUT", str(out)) for word in command]
        result = ready.run(*args, "--dry-run")
        assert result.code in ((0, 2) if command != ["init"] else (0, 73)), result
        assert changed(before, tree(ready.home, ready.state, out)) == [], command
    covered = {" ".join(c[:2]) if " ".join(c[:2]) in COMMANDS else c[0] for c in DRY}
    assert set(COMMANDS) - covered == {"claims", "help", "key recovery", "pack verify", "report verify"}


def test_a_dry_run_after_a_crash_changes_no_byte(ready):
    kill = ("strace", "-o", "/dev/null", "-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync,fsync:signal=KILL:when=2")
    if ready.run("version", prefix=("strace", "-o", "/dev/null")).code != 0:
        pytest.skip("strace cannot trace here")
    assert ready.run("register", "set", "programme.target", "2027-01-01", prefix=kill).code != 0
    before = tree(ready.home, ready.state)
    for command in (("register", "list"), ("ledger", "verify"), ("assess",), ("report", "health"), ("audit", "list")):
        result = ready.run(*command, "--dry-run")
        assert result.code in (0, 2), result
        assert changed(before, tree(ready.home, ready.state)) == [], command
    ready.ok("register", "list")
    assert ready.json("ledger", "verify")["ok"]


def test_a_dry_run_of_init_makes_nothing(ops):
    assert str(ops.home) in ops.ok("init", "--dry-run").out
    assert not ops.home.exists() and not ops.state.exists()
