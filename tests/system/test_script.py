"""Programs from outside: checked, formatted, tested, granted, run, replayed, bundled, scored."""
import json
import os
import pty
import shutil
import subprocess
import time

import pytest

READS = """import * as fact from "host/fact"
@check(id = "reads")
@needs(fact = "home.config")
export fn reads() -> bool { fact.home_config().options.valid }
"""
WRITES = """import * as fs from "host/fs"
@repair(id = "writes")
@needs(fs_write = "~/logs/**")
fn writes() -> Result<int, Error> {
    fs.write("~/logs/made.txt", "x")?
    Ok(1)
}
"""
CONTROL = """import { Judgement, ratio } from "./lib/judge"
import * as fs from "host/fs"
@control(id = "BKP-01.1", name = "site/backup_there")
@needs(fs_read = "~/Backups/**")
export fn backup_there() -> Result<Judgement, Error> {
    let found = fs.glob("~/Backups/*.tar")?.len()
    Ok(ratio(min(found, 1), 1, "there is no backup"))
}
"""
WRONG = 'fn f(x: int) -> string { x }\nlet y = nope\n'


def write(ops, name, text):
    path = ops.home / "scripts" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def events(ops, kind):
    return [row["event"] for row in ops.ok("audit", "list", "--type", kind, "-o", "ndjson").ndjson()]


def listed(ops):
    return {row["program"]: row for row in ops.json("script", "list", "--site")["data"]}


@pytest.fixture
def site(ops):
    return ops.init()


# ---- check --------------------------------------------------------------------------------------


def test_check_says_where_and_what(site):
    path = write(site, "wrong.script", WRONG)
    result = site.run("script", "check", path)
    assert result.code == 2, result
    assert "home/scripts/wrong.script:1:26: error E0402: expected string, found int" in result.out
    assert "wrong.script:2:9: error E0300" in result.out
    assert result.out.endswith("1 files, 2 errors, 0 warnings\n"), result
    carets = site.run("script", "check", "--carets", path)
    assert "1 | fn f(x: int) -> string { x }\n  |                          ^\n" in carets.out, carets
    answer = site.run("script", "check", path, "-o", "json").json()
    assert (answer["errors"], answer["warnings"], answer["files"]) == (2, 0, 1)
    first = answer["diagnostics"][0]
    assert (first["line"], first["column"], first["code"]) == (1, 26, "E0402")
    lines = site.run("script", "check", path, "-o", "ndjson").ndjson()
    assert [line["type"] for line in lines] == ["diagnostic", "diagnostic"]


def test_check_marks_the_place_on_a_terminal(site):
    path = write(site, "wrong.script", WRONG)
    ours, theirs = pty.openpty()
    done = subprocess.run([site.program, "script", "check", path], stdin=subprocess.DEVNULL,
                          stdout=theirs, stderr=theirs, env=site.environment(), cwd=site.base,
                          timeout=60, check=False)
    os.close(theirs)
    shown = os.read(ours, 65536).decode().replace("\r\n", "\n")
    os.close(ours)
    assert done.returncode == 2
    assert "  --> home/scripts/wrong.script:1:26\n1 | fn f(x: int)" in shown, shown
    assert "  |                          ^\n" in shown


def test_check_prints_the_needs_of_every_entry_point(site):
    write(site, "reads.script", READS)
    write(site, "deep/writes.script", WRITES)
    result = site.ok("script", "check")
    assert "reads.script:4: check reads reads needs fact=home.config" in result.out, result
    assert "deep/writes.script:4: repair writes writes needs fs_write=~/logs/**" in result.out
    entries = site.ok("script", "check", "-o", "json").json()["entries"]
    assert entries[1]["needs"] == {"fact": "home.config"}


def test_check_strict_wants_types(site):
    path = write(site, "loose.script", "fn f(x) -> int { 1 }\nf(2)\n")
    site.ok("script", "check", path)
    result = site.run("script", "check", "--strict", path)
    assert result.code == 2 and "E0442" in result.out, result


def test_check_finds_imports_below_the_root(site, source_root):
    result = site.ok("script", "check", source_root / "content", "--strict")
    assert " 0 errors, 0 warnings" in result.out, result
    one = site.ok("script", "check", source_root / "content/controls/aud_01.script")
    assert "control AUD-01.1 event_shape needs fact=ledger.events" in one.out, one
    site.ok("script", "check", "--shipped")
    # a nearer root does not hold the library
    alone = site.run("script", "check", source_root / "content/controls/aud_01.script",
                     "--root", source_root / "content/controls")
    assert alone.code == 2 and "E0504" in alone.out, alone


def test_check_survives_hostile_files(site):
    for name, data in [("binary", bytes(range(256)) * 64), ("empty", b""), ("nul", b"let x = 1\0"),
                       ("deep", b"(" * 100000), ("long", b"a" * (2 << 20)),
                       ("escape", b'"\x1b]0;x\x07" + 1\n')]:
        path = site.home / "scripts" / f"{name}.script"
        path.write_bytes(data)
        result = site.run("script", "check", path)
        assert result.code in (0, 2, 65), result
        assert "\x1b" not in result.out and "\x1b" not in result.err, result


def test_missing_files_are_named(site):
    for verb in ("check", "fmt", "test", "run", "grant", "bundle"):
        site.run("script", verb, "nowhere/x.script").check_line(66, "nowhere/x.script")
    site.run("script", "check", site.base).check_line(66, "no *.script")


# ---- fmt ----------------------------------------------------------------------------------------


def test_fmt_is_idempotent_over_content_and_examples(site, source_root):
    for top in ("content", "tests/script/examples", "tests/script/programs"):
        copy = site.base / "copy" / top.replace("/", "_")
        shutil.copytree(source_root / top, copy)
        before = site.ok("script", "check", copy, "-o", "json").json() if top == "content" else None
        site.ok("script", "fmt", copy)
        formatted = {p: p.read_bytes() for p in copy.rglob("*.script")}
        assert formatted
        again = site.ok("script", "fmt", copy)
        assert again.out.startswith("0 of "), again
        assert formatted == {p: p.read_bytes() for p in copy.rglob("*.script")}
        site.ok("script", "fmt", "--check", copy)
        if before:
            after = site.ok("script", "check", copy, "-o", "json").json()
            assert after["entries"] == before["entries"]
    # what ships is in that style
    site.ok("script", "fmt", "--check", source_root / "content")


def test_fmt_check_changes_nothing_and_says_so(site):
    path = write(site, "ugly.script", "let   x=1+2\nprintln!(x)\n")
    path.chmod(0o640)
    result = site.run("script", "fmt", "--check", path)
    assert result.code == 2 and "ugly.script  would change" in result.out, result
    assert "1 of 1 files would change" in site.ok("script", "fmt", "--dry-run", path).out
    assert path.read_text() == "let   x=1+2\nprintln!(x)\n"
    site.ok("script", "fmt", path)
    assert path.read_text() == "let x = 1 + 2\nprint(x)\n"
    assert path.stat().st_mode & 0o777 == 0o640


def test_fmt_refuses_what_does_not_parse(site):
    path = write(site, "broken.script", "fn (\n")
    site.run("script", "fmt", path).check_line(65, "broken.script:2:1: error E0200")
    assert path.read_text() == "fn (\n"


# ---- test ---------------------------------------------------------------------------------------

TESTS = """import { reads } from "./reads"
@test(fixture = "good")
fn is_true() { assert(reads()) }
@test(fixture = "bad", tag = "slow")
fn is_false() { assert_eq(reads(), true) }
@test(fixture = "denied", should_panic)
fn is_refused() { print(reads()) }
@test(skip)
fn later() { assert(false) }
@test(fixture = "nowhere")
fn has_no_fixture() { }
"""
CONFIG = ('{"options": {"valid": %s, "why": null, "digest": ""}, "flags": {"valid": true, "why": null, '
          '"digest": "", "recorded": false, "recorded_us": null, "equals_recorded": true, '
          '"checks_off": []}}')
FIXTURES = ('{"good": {"facts": {"home.config": ' + CONFIG % "true" + '}}, '
            '"bad": {"facts": {"home.config": ' + CONFIG % "false" + '}}, '
            '"denied": {"answers": [{"module": "fact", "name": "home_config", '
            '"error": {"kind": "CapabilityDenied", "message": "no"}}]}}')


def test_tests_run_with_their_fixtures(site):
    write(site, "reads.script", READS)
    write(site, "reads_test.script", TESTS)
    write(site, "reads_test.json", FIXTURES)
    result = site.run("script", "test", "--coverage")
    assert result.code == 2, result
    assert "2 passed, 2 failed, 1 skipped" in result.out, result
    assert "AssertionFailed" in result.out and "there is no fixture 'nowhere'" in result.out
    answer = site.run("script", "test", "--coverage", "-o", "json").json()
    assert {t["test"]: t["result"] for t in answer["tests"]} == {
        "is_true": "pass", "is_false": "fail", "is_refused": "pass", "later": "skip",
        "has_no_fixture": "fail"}
    assert answer["coverage"][0]["file"].endswith("reads.script")
    assert answer["coverage"][0]["percent"] == 100
    tagged = site.run("script", "test", "--tag", "slow", "-o", "ndjson").ndjson()
    assert [t["test"] for t in tagged] == ["is_false"]
    site.ok("script", "test", "--name", "is_true")
    site.run("script", "test", "--name", "no_such_test").check_line(66, "no test")
    assert events(site, "program.") == []  # a test records nothing


def test_coverage_names_the_lines_that_no_test_ran(site):
    write(site, "sign.script", "export fn sign(n: int) -> string {\n    if n < 0 {\n"
          "        return \"minus\"\n    }\n    match n {\n        0 => \"zero\",\n"
          "        _ => \"plus\"\n    }\n}\n")
    write(site, "sign_test.script", 'import { sign } from "./sign"\n'
          '@test fn plus() { assert_eq(sign(1), "plus") }\n')
    row = site.ok("script", "test", "--coverage", "-o", "json").json()["coverage"][0]
    assert (row["lines"], row["run"], row["percent"], row["missed"]) == (5, 3, 60, "3 6"), row


@pytest.mark.parametrize("text, why", [
    ("[]", "no object of names"), ("{", "line 1"), ('{"a": 1}', "no object"),
    ('{"a": {"x": 1}}', "unknown member 'x'"), ('{"a": {"now": "1"}}', "'now' is no integer"),
    ('{"a": {"answers": [{"module": "fs"}]}}', "name"),
    ('{"a": {"answers": [{"module": "fs", "name": "read"}]}}', "either 'value' or 'error'")])
def test_bad_fixtures_fail_their_tests(site, text, why):
    write(site, "t_test.script", '@test(fixture = "a") fn t() { }\n')
    write(site, "t_test.json", text)
    result = site.run("script", "test")
    assert result.code == 2 and why in result.out, result


def test_a_test_file_that_does_not_compile_fails(site):
    write(site, "t_test.script", "@test fn t() { nope() }\n")
    result = site.run("script", "test")
    assert result.code == 2 and "it does not compile" in result.out and "E0300" in result.out, result


def test_shipped_programs_pass_their_tests(site):
    result = site.ok("script", "test", "--shipped", "--coverage", "-o", "json").json()
    assert result["failed"] == 0 and result["passed"] > 150
    assert all(row["percent"] >= 80 for row in result["coverage"]), result["coverage"]


# ---- new ----------------------------------------------------------------------------------------


def test_new_gives_a_program_that_works(site):
    plan = site.ok("script", "new", "mine", "--control", "GOV-01.1", "--dry-run")
    assert "would write" in plan.out and not (site.home / "scripts/mine.script").exists()
    site.ok("script", "new", "mine", "--control", "GOV-01.1")
    site.ok("script", "check", "--strict")
    site.ok("script", "test")
    site.ok("script", "fmt", "--check")
    site.run("script", "new", "mine").check_line(73, "mine.script' is there already")
    assert [e["action"] for e in events(site, "intent.")] == ["script.new", "script.new"]
    for name in ("Mine", "a/b", "../x", "", "x_test", "9", "a" * 65):
        site.fails(64, "script", "new", name)
    site.run("script", "new", "taken", "--control", "AUD-01.1").check_line(73, "AUD-01.1")
    site.run("script", "new", "none", "--control", "XYZ-99.1").check_line(66, "XYZ-99.1")


# ---- run, grant, revoke -------------------------------------------------------------------------


def test_what_is_not_granted_does_not_run(site):
    path = write(site, "reads.script", READS)
    site.run("script", "run", path).check_line(77, "not granted")
    denied = events(site, "program.denied")
    assert [d["detail"]["fence"] for d in denied] == ["grant"]
    assert denied[0]["resource"] == "program:reads.script#reads"
    site.ok("script", "grant", path)
    assert site.ok("script", "run", path).out == "-> true\n"
    site.run("script", "grant", path).check_line(73, "granted already")
    granted = events(site, "program.granted")[0]["detail"]
    assert granted["capabilities"] == {"fact": ["home.config"]}
    # one byte more is another program
    path.write_text(READS + "//\n")
    site.run("script", "run", path).check_line(77, "not granted")
    assert listed(site)["scripts/reads.script#reads"]["granted"] == "no"
    path.write_text(READS)
    site.ok("script", "run", path)
    site.ok("script", "revoke", path)
    site.run("script", "run", path).check_line(77)
    site.run("script", "revoke", path).check_line(66)
    assert [e["detail"]["was"] for e in events(site, "program.revoked")] == ["in force"]


def test_of_several_entries_all_are_granted_or_none(site):
    path = write(site, "both.script", READS + WRITES)
    site.run("script", "grant", path).check_line(64, "--reason")
    assert events(site, "program.granted") == []
    plan = site.ok("script", "grant", path, "--reason", "x", "--dry-run").out
    assert plan.splitlines()[1].endswith("(waits first)"), plan
    site.ok("script", "grant", path, "--entry", "reads")
    site.ok("script", "grant", path, "--reason", "x")  # what is granted stays as it is
    assert [e["detail"]["entry"] for e in events(site, "program.granted")] == ["reads", "writes"]
    site.run("script", "grant", path, "--reason", "x").check_line(73, "granted already")
    assert "revoked 2 grants" in site.ok("script", "revoke", path).out


def test_what_changes_things_waits_for_a_day(site):
    path = write(site, "writes.script", WRITES)
    site.run("script", "grant", path).check_line(64, "--reason")
    result = site.ok("script", "grant", path, "--reason", "tidies the logs")
    assert "approved by: sole operator" in result.out, result
    assert listed(site)["scripts/writes.script#writes"]["granted"] == "waiting"
    site.run("script", "run", path).check_line(77, "in force from")
    detail = events(site, "program.granted")[0]["detail"]
    assert (detail["approved_by"], detail["reason"]) == ("sole operator", "tidies the logs")
    assert not (site.home / "logs/made.txt").exists()
    site.ok("script", "revoke", "writes.script")
    assert [e["detail"]["was"] for e in events(site, "program.revoked")] == ["waiting"]
    assert listed(site)["scripts/writes.script#writes"]["granted"] == "no"
    env = {"PAULYOPS_GRANT_WAIT": "59m"}
    site.run("script", "grant", path, "--reason", "x", env=env).check_line(78, "GRANT_WAIT")


def test_dev_has_the_least_trust(site):
    path = write(site, "both.script", READS + WRITES)
    assert site.ok("script", "run", "--dev", path, "--entry", "reads").out == "-> true\n"
    line = site.run("script", "run", "--dev", path, "--entry", "writes").check_line(77, "ceiling")
    assert "fs_write" in line
    detail = events(site, "program.denied")[0]["detail"]
    assert (detail["capability"], detail["argument"], detail["fence"]) == (
        "fs_write", "~/logs/**", "ceiling")
    assert not (site.home / "logs/made.txt").exists()
    site.run("script", "run", "--dev", path).check_line(64, "--entry")
    site.run("script", "run", "--dev", path, "--entry", "nope").check_line(66)


def test_a_call_beyond_the_needs_is_denied_and_told(site):
    path = write(site, "peeks.script", """import * as fs from "host/fs"
@check(id = "peeks")
@needs(fs_read = "~/Backups/**")
fn peeks(path: string) -> string {
    match fs.read(path) { Ok(text) => text, Err(e) => e.kind }
}
""")
    site.ok("script", "grant", path)
    for outside in ("/etc/passwd", "~/config/.env", "~/Backups/../config/.env", "Backups/x"):
        answer = site.json("script", "run", path, "--args", json.dumps([outside]))
        assert answer["value"] in ("CapabilityDenied", "HostError", "InvalidArgument"), answer
        assert "root:" not in answer["value"]
    denied = events(site, "program.denied")
    assert {d["detail"]["argument"] for d in denied} >= {"/etc/passwd"}
    assert all(d["detail"]["capability"] == "fs_read" for d in denied)


def test_what_a_program_adds_is_in_the_ledger(site):
    path = write(site, "adds.script", """import * as audit from "host/audit"
import * as evidence from "host/evidence"
@check(id = "adds")
@needs(audit = "emit,query", evidence = true)
fn adds() -> Result<int, Error> {
    evidence.add("e1", { covered: 3, of: 4 })?
    audit.emit("review", "list:users", "read", "success")?
    Ok(audit.query({ since: 0, until: 0, event_type: "instance.created" })?.len())
}
""")
    site.ok("script", "grant", path)
    assert site.json("script", "run", path, "--dry-run")["value"] == {"Ok": 1}
    assert events(site, "evidence.added") == []  # a dry run adds nothing
    run = site.json("script", "run", path)
    assert run["value"] == {"Ok": 1}, run
    added = events(site, "evidence.added")
    assert [e["detail"]["value"] for e in added] == [{"covered": 3, "of": 4}]
    assert [e["resource"] for e in events(site, "program.emitted")] == ["list:users"]
    assert [c["value"] for c in run["calls"]][0] == added[0]["event_id"]
    site.ok("script", "replay", run["run_id"])
    assert len(events(site, "evidence.added")) == 1


def test_a_dry_run_writes_nothing_and_records_nothing(site):
    path = write(site, "both.script", READS)
    site.ok("script", "grant", path)
    before = len(events(site, "program.ran"))
    assert site.ok("script", "run", path, "--dry-run").out == "-> true\n"
    assert len(events(site, "program.ran")) == before


def test_a_copy_runs_what_reads_and_nothing_that_writes(site):
    reads = write(site, "reads.script", READS)
    write(site, "writes.script", WRITES)
    site.ok("script", "grant", reads)
    site.ok("script", "grant", site.home / "scripts/writes.script", "--reason", "x")
    copy = site.copy("copied", with_state=True)
    result = copy.run("script", "run", copy.home / "scripts/reads.script")
    assert result.code == 0 and "recorded" not in result.err.replace("not recorded", ""), result
    copy.run("script", "run", copy.home / "scripts/writes.script").check_line(77)
    copy.run("script", "grant", copy.home / "scripts/reads.script").check_line(77, "read-only")
    site.run("script", "run", "--dry-run", site.home / "scripts/writes.script").check_line(77)


def test_faults_and_errors_are_told(site):
    cases = [("panic.script", 'print("so far")\npanic("no")\n', "so far\nerror[fault]: Panic: no"),
             ("err.script", 'fn main() -> Result<int, string> { Err("bad") }\n', "bad"),
             ("loop.script", "while true { }\n", "StepLimit")]
    for name, text, words in cases:
        path = write(site, f"x/{name}", text)
        result = site.run("script", "run", "--dev", path)
        assert result.code == 2 and words in result.out, result
    broken = write(site, "x/broken.script", "let x: int = \"s\"\n")
    site.run("script", "run", "--dev", broken).check_line(65, "broken.script:1:")


def test_an_import_out_of_the_bundle_is_denied_and_told(site):
    outside = site.base / "secret.script"
    outside.write_text("export let key = 1\n")
    path = write(site, "climbs.script", 'import { key } from "../../secret"\nprint(key)\n')
    site.run("script", "run", "--dev", path).check_line(65, "E050")
    assert [d["detail"]["fence"] for d in events(site, "program.denied")] == ["module"]
    (site.home / "scripts/climbs.script").unlink()
    os.symlink(outside, site.home / "scripts/link.script")
    assert site.run("script", "run", "--dev", site.home / "scripts/link.script").code != 0


def test_shipped_programs_run_by_id(site):
    answer = site.json("script", "run", "CFG-02.1")
    assert answer["trust"] == "system" and answer["value"]["state"] == "Pass", answer
    assert "in process" in answer["sandbox"]
    site.run("script", "grant", "CFG-02.1").check_line(64, "no grant")
    site.run("script", "run", "XYZ-1.1").check_line(66, "XYZ-1.1")


def test_bad_arguments_are_data_errors(site):
    path = write(site, "takes.script", "@check(id = \"t\")\nfn takes(n: int) -> int { n + 1 }\n")
    assert site.ok("script", "run", "--dev", path, "--args", "[41]").out == "-> 42\n"
    for args in ("[]", "[1, 2]", '["s"]', "{}", "nonsense", ""):
        result = site.run("script", "run", "--dev", path, "--args", args)
        assert result.code in (64, 65), result


# ---- replay -------------------------------------------------------------------------------------


def test_a_run_is_reproduced_from_the_ledger(site):
    path = write(site, "reads.script", READS)
    site.ok("script", "grant", path)
    run = site.json("script", "run", path)
    path.unlink()  # the ledger holds the text
    result = site.ok("script", "replay", run["run_id"])
    assert result.out.endswith("reproduced\n") and "NOT" not in result.out, result
    rows = site.json("script", "replay", run["run_id"])["data"]
    assert {r["what"] for r in rows} >= {"value", "output", "calls", "steps"}
    assert all(r["same"] for r in rows)
    assert events(site, "program.replayed")
    site.run("script", "replay", "run_00").check_line(66, "run_00")
    site.run("script", "replay", "0").check_line(65, "no run of a program")
    site.run("script", "replay", "99999").check_line(66)


def test_a_run_with_more_output_than_an_event_holds_is_recorded_and_reproduced(site):
    path = write(site, "floods.script", 'while true { print("0123456789abcdef" + "\u00e9".repeat(60)) }\n')
    result = site.run("script", "run", "--dev", path)
    assert result.code == 2 and "OutputLimit" in result.out, result.err
    (event,) = events(site, "program.ran")
    detail = event["detail"]
    assert detail["output_bytes"] > 1 << 20 and len(detail["output"].encode()) <= 32 << 10
    assert result.out.startswith(detail["output"])
    assert detail["outcome"]["kind"] == "OutputLimit"
    rows = {r["what"]: r for r in site.json("script", "replay", event["session_id"])["data"]}
    assert all(r["same"] for r in rows.values())
    assert rows["output"]["recorded"] == detail["output_sha256"]


def test_runs_of_clauses_are_reproduced(assessed_home):
    site = assessed_home.copy("replayed")
    tested = site.ok("audit", "list", "--type", "control.tested", "-o", "ndjson").ndjson()
    done = 0
    for row in tested[::5]:
        if row["event"]["detail"]["state"] in ("error", "skipped"):
            continue
        result = site.run("script", "replay", row["seq"])
        if result.code == 69:
            continue  # a fact of it was too large to be kept, and it says so
        assert result.code == 0 and "NOT" not in result.out, result
        done += 1
    assert done >= 5


# ---- bundles and trust --------------------------------------------------------------------------


def make_key(site, name="bundle.key"):
    path = site.base / name
    path.write_bytes(bytes(range(32)))
    path.chmod(0o600)
    return path


def test_a_signed_bundle_has_the_trust_of_its_key(site):
    write(site, "acme/reads.script", READS)
    folder = site.home / "scripts/acme"
    key = make_key(site)
    signed = site.ok("script", "bundle", folder, "--sign", key).out
    vkey = signed.splitlines()[2].split()[-1]
    assert vkey.startswith("acme+"), signed
    name = "scripts/acme/reads.script#reads"
    assert listed(site)[name]["trust"] == "none"
    site.ok("script", "trust", "vendor", vkey)
    assert listed(site)[name]["trust"] == "vendor"
    assert site.json("script", "trust")["data"][0]["level"] == "vendor"
    site.ok("script", "grant", folder / "reads.script")
    assert site.ok("script", "run", folder / "reads.script").out == "-> true\n"
    site.ok("script", "trust", "--remove", "acme")
    assert listed(site)[name]["trust"] in ("none", "organisation")
    site.run("script", "trust", "--remove", "acme").check_line(66, "acme")
    assert [e["action"] for e in events(site, "trust.changed")] == ["set", "remove"]


def test_an_edited_bundle_is_refused_and_told(site):
    path = write(site, "acme/reads.script", READS)
    folder = path.parent
    vkey = site.ok("script", "bundle", folder, "--sign", make_key(site)).out.splitlines()[2].split()[-1]
    site.ok("script", "trust", "organisation", vkey)
    path.write_text(READS + "// edited\n")
    site.run("script", "run", path).check_line(65, "reads.script")
    assert [d["detail"]["fence"] for d in events(site, "program.denied")] == ["signature"]
    # an assessment tells it, too, where the site's programs count
    site.ok("script", "new", "mine")
    site.ok("script", "grant", site.home / "scripts/mine.script")
    site.assessed("control", "run", "GOV-01")
    assert [d["resource"] for d in events(site, "program.denied")][-1] == "bundle:scripts/acme"
    path.write_text(READS)
    (folder / "extra.script").write_text("1\n")
    site.run("script", "run", path).check_line(65, "extra.script")
    (folder / "extra.script").unlink()
    note = folder / "bundle.note"
    text = note.read_text()
    note.write_text(text[:-8] + ("A" if text[-8] != "A" else "B") + text[-7:])
    assert site.run("script", "run", path).code in (65, 77)
    note.write_text("nothing signed\n")
    assert site.run("script", "run", path).code in (65, 77)


def test_keys_are_kept_by_their_owner(site):
    write(site, "acme/reads.script", READS)
    folder = site.home / "scripts/acme"
    key = make_key(site)
    key.chmod(0o644)
    site.run("script", "bundle", folder, "--sign", key).check_line(77, "0600")
    key.chmod(0o600)
    key.write_bytes(b"short")
    site.run("script", "bundle", folder, "--sign", key).check_line(65, "32 bytes")
    key.write_text("00" * 32 + "\n")
    site.ok("script", "bundle", folder, "--sign", key)
    write(site, "acme/wrong.script", WRONG)
    site.run("script", "bundle", folder).check_line(65, "wrong.script:1:26")
    for args in (("system", "acme+00+x"), ("vendor", "acme"), ("vendor",)):
        assert site.run("script", "trust", *args).code in (64, 65)


def test_the_shipped_manifest_is_what_the_sources_give(site, source_root):
    copy = site.base / "content"
    shutil.copytree(source_root / "content", copy)
    before = (copy / "bundle.json").read_bytes()
    site.ok("script", "bundle", copy)
    assert (copy / "bundle.json").read_bytes() == before


# ---- the site's controls ------------------------------------------------------------------------


def test_a_granted_control_of_the_site_is_scored(site):
    site.ok("script", "new", "first")  # brings lib/judge.script
    path = write(site, "backup_there.script", CONTROL)
    shown = site.json("control", "show", "BKP-01")
    assert shown["data"][0]["state"] == "untested", shown
    site.assessed("control", "run", "BKP-01")
    assert site.json("control", "show", "BKP-01")["data"][0]["state"] == "untested"
    site.ok("script", "grant", path)
    assert site.run("control", "run", "BKP-01").code == 2
    clause = site.json("control", "show", "BKP-01")["data"][0]
    assert (clause["state"], clause["reason"]) == ("fail", "there is no backup")
    (site.home / "Backups/one.tar").write_text("x")
    site.ok("control", "run", "BKP-01")
    clause = site.json("control", "show", "BKP-01")["data"][0]
    assert clause["state"] == "pass", clause
    tested = events(site, "control.tested")[-1]["detail"]
    assert tested["check"] == "site/backup_there"
    assert tested["program_sha256"] == listed(site)["scripts/backup_there.script#backup_there"]["digest"]
    # evidence stays what it was when the grant ends; it is not made any more
    site.ok("script", "revoke", path)
    count = len(events(site, "control.tested"))
    site.ok("control", "run", "BKP-01")
    assert len(events(site, "control.tested")) == count
    assert site.json("control", "show", "BKP-01")["data"][0]["state"] == "pass"


def test_a_fault_of_a_sites_control_is_an_error_never_a_pass(site):
    site.ok("script", "new", "first")
    path = write(site, "backup_there.script",
                 CONTROL.replace("let found", 'if true { panic("lost") }\n    let found'))
    site.ok("script", "grant", path)
    assert site.run("control", "run", "BKP-01").code == 2
    clause = site.json("control", "show", "BKP-01")["data"][0]
    assert clause["state"] == "error" and "lost" in clause["reason"], clause


def test_a_site_may_not_replace_a_shipped_check(site):
    site.ok("script", "new", "first")
    path = write(site, "mine.script", CONTROL.replace("BKP-01.1", "AUD-01.1"))
    site.run("script", "grant", path).check_line(77, "AUD-01.1")
    assert [d["detail"]["fence"] for d in events(site, "program.denied")] == ["system"]


def test_assess_does_not_wait_for_a_program_without_end(site):
    site.ok("script", "new", "first")
    path = write(site, "backup_there.script",
                 CONTROL.replace("let found", "while true { }\n    let found"))
    site.ok("script", "grant", path)
    start = time.monotonic()
    assert site.run("control", "run", "BKP-01").code == 2
    assert time.monotonic() - start < 30
    assert "StepLimit" in site.json("control", "show", "BKP-01")["data"][0]["reason"]


def test_a_host_without_landlock_is_a_finding(ops):
    ops.init()
    without = ("strace", "-f", "-o", "/dev/null", "-e", "inject=landlock_create_ruleset:error=ENOSYS")
    if ops.run("version", prefix=without).code != 0:
        pytest.skip("strace cannot trace here")
    told = ops.run("assess", prefix=without)
    assert "finding: this host cannot fence programs in (landlock missing" in told.err
    assert "finding: this host" not in ops.run("assess", "--all").err
