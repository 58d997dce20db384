"""Programs that ship: their tests run every line, and each has its fixtures."""
import re

REPAIRS = {"missing_directory", "wrong_mode", "stale_lock"}


def programs(source_root):
    """(path, text) of each program, without tests and without what only programs import."""
    for path in sorted((source_root / "content").glob("*/*.script")):
        text = path.read_text()
        if not path.name.endswith("_test.script") and path.parent.name != "lib":
            yield path, text


def test_tests_run_every_line_of_the_shipped_programs(ops):
    result = ops.ok("script", "test", "--shipped", "--coverage", "-o", "json").json()
    assert result["failed"] == 0
    assert len(result["coverage"]) > 35
    assert [row["file"] for row in result["coverage"] if row["missed"]] == []


def test_every_health_check_and_repair_has_its_program(ops, source_root):
    found = {match for _, text in programs(source_root)
             for match in re.findall(r'^@(check|repair)\(id = "([^"]+)"', text, re.M)}
    checks = ops.init().ok("health", "list", "-o", "json").json()["data"]
    assert found == {("check", row["id"]) for row in checks} | {("repair", name) for name in REPAIRS}


def test_every_program_that_reads_facts_faults_without_them(source_root):
    for path, text in programs(source_root):
        if "@needs(fact" not in text:
            continue
        tests = path.with_name(path.stem + "_test.script").read_text()
        fixtures = path.with_name(path.stem + "_test.json").read_text()
        for name in ("pass", "fail", "error"):
            assert f'"{name}": {{' in fixtures, path
        for entry in re.findall(r"^export fn (\w+)\(\) ->", text, re.M):
            assert re.search(rf'@test\(fixture = "error", should_panic = true\)\nfn {entry}\w*\(', tests), entry
