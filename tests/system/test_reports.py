"""Reports are queries: every figure is made again from run records, and an edited report is found."""
import json
import re

import pytest

KINDS = ["readiness", "status", "health", "nightly"]
NUMBER = re.compile(r"\d+")


@pytest.fixture(scope="module")
def reported(program, tmp_path_factory):
    from conftest import Ops
    ops = Ops(program, tmp_path_factory.mktemp("reported") / "ops").init()
    ops.ok("register", "set", "programme.target", "2027-03-31")
    ops.ok("register", "set", "cost.audit", "12 345 EUR")
    ops.assessed("assess")
    ops.paths = {kind: ops.home / ops.json("report", kind)["path"] for kind in KINDS}
    return ops


def verify(ops, what):
    return ops.run("report", "verify", what, "--dry-run", "-o", "json")


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_is_made_again_byte_for_byte(reported, kind):
    result = verify(reported, reported.paths[kind])
    assert result.code == 0, result
    assert result.json()["data"] and all(row["holds"] for row in result.json()["data"])


@pytest.mark.parametrize("kind", ["readiness", "status"])
def test_each_number_that_is_changed_is_found(reported, kind, is_soak):
    """Not one figure of a report may be typed in."""
    path = reported.paths[kind]
    text = path.read_text()
    numbers = list(NUMBER.finditer(text))
    assert len(numbers) > 50
    step = 1 if is_soak else max(1, len(numbers) // 12)
    try:
        for match in numbers[::step]:
            other = str(int(match.group()) + 1).rjust(len(match.group()), "0")
            path.write_text(text[:match.start()] + other + text[match.end():])
            result = verify(reported, path)
            assert result.code in (2, 66), (match, result)
            if result.code == 2:
                assert not all(row["holds"] for row in result.json()["data"]), result
    finally:
        path.write_text(text)


@pytest.mark.parametrize("kind", ["readiness", "status"])
def test_a_word_that_is_changed_is_found(reported, kind):
    path = reported.paths[kind]
    text = path.read_text()
    try:
        for old, new in (("NOT READY", "READY"), ("❌", "✅"), ("untested", "pass"), ("self-assessed", "certified")):
            if old not in text:
                continue
            path.write_text(text.replace(old, new, 1))
            assert verify(reported, path).code in (2, 66), (old, new)
    finally:
        path.write_text(text)


def test_a_report_still_verifies_after_the_ledger_went_on(reported):
    texts = {kind: path.read_bytes() for kind, path in reported.paths.items()}
    reported.assessed("control", "run", "CRY-01", "AUD-01")
    reported.ok("register", "set", "cost.audit", "99 999 EUR")
    for kind, path in reported.paths.items():
        assert path.read_bytes() == texts[kind]
        assert verify(reported, path).code == 0, kind
        ids = re.findall(r"paulyops report verify (R-[\w-]+)", texts[kind].decode())
        for name in set(ids):
            assert verify(reported, name).code == 0, name


def test_the_score_named_in_a_report_is_the_score_as_of_that_leaf(reported):
    for kind in ("readiness", "status"):
        text = reported.paths[kind].read_text()
        size, root = re.search(r"ledger size (\d+), root `([0-9a-f]{64})`", text).groups()
        score = reported.json("score", "--as-of", size, "--dry-run")
        assert score["as_of"]["root"] == root
        met = sum(category["met"] for category in score["categories"])
        of = sum(category["of"] for category in score["categories"])
        if kind == "readiness":
            assert f"{met} of {of} criteria met" in text


def test_figures_of_the_operator_are_called_estimates(reported):
    text = "".join(reported.paths[kind].read_text() for kind in ("readiness", "status"))
    lines = [line for line in text.splitlines() if "2027-03-31" in line or "12 345 EUR" in line]
    assert lines
    assert all("operator estimate" in line for line in lines), lines


def test_a_figure_that_was_not_set_is_not_invented(paulyops):
    ops = paulyops("bare").init()
    text = (ops.home / ops.json("report", "status")["path"]).read_text()
    assert "not set" in text


def test_reports_never_claim_what_does_not_hold(reported):
    for kind in KINDS:
        text = reported.paths[kind].read_text().lower()
        assert "tamper-proof" not in text and "is certified" not in text
        if kind in ("readiness", "status"):
            assert "self-assessed" in text and "cpa" in text


def test_reports_have_the_names_of_the_source_system(reported):
    names = {str(path.relative_to(reported.home)) for path in reported.paths.values()}
    assert "System_Health_Report.md" in names
    assert any(re.fullmatch(r"Reports/Nightly_Update_Report_\d{4}-\d\d-\d\d\.md", name) for name in names)


def test_stdout_prints_the_very_report(reported):
    printed = reported.ok("report", "health", "--stdout").out
    assert printed == (reported.home / "System_Health_Report.md").read_text()


def test_a_report_of_another_instance_is_not_known(reported, paulyops):
    other = paulyops("other").init()
    assert other.run("report", "verify", reported.paths["status"]).code == 66


# -- claims ----------------------------------------------------------------------------------------


@pytest.fixture
def claims(source_root):
    return source_root / "tests/golden/claims/seed1"


def test_the_recorded_facts_say_not_ready(ops, claims):
    result = ops.run("claims", claims / "readiness.md")
    assert result.code == 2, result
    assert "NOT READY" in result.out and result.err == ""
    assert result.out == (claims / "claims.md").read_text()
    rows = [line for line in result.out.splitlines() if line.startswith("|")]
    assert len(rows) > 10 and any("contradicted" in row for row in rows)


def test_claims_in_json_are_the_same(ops, claims):
    answer = ops.json("claims", claims / "readiness.md", codes=(2,))
    assert answer == json.loads((claims / "claims.json").read_text())
    counts = [sum(c["verdict"] == word for c in answer["claims"]) for word in ("confirmed", "contradicted", "unproven")]
    assert counts == [answer["confirmed"], answer["contradicted"], answer["unproven"]]
    assert answer["word"] == "NOT READY" and answer["contradicted"] > 0


def test_claims_need_no_home_and_write_nothing(ops, claims):
    nothing = {"PAULYOPS_HOME": None, "HOME": None, "XDG_STATE_HOME": None}
    assert ops.run("claims", claims / "readiness.md", env=nothing).code == 2
    assert not ops.home.exists() and not ops.state.exists()


def test_good_words_do_not_make_bad_facts_ready(ops, claims, tmp_path):
    text = tmp_path / "text.md"
    text.write_text("# Report\n\nThe system is ready for SOC 2 audit.\n\n- Security Score: 100%\n")
    result = ops.run("claims", text, "--facts", claims / "readiness.md.facts.json", "-o", "json")
    assert result.code == 2 and result.json()["word"] == "NOT READY"


@pytest.mark.parametrize("facts", ["", "[]", "{}", '{"v":2,"subject":"x","facts":[]}', '{"v":1,"subject":"x"}',
                                   '{"v":1,"subject":"x","facts":[{}]}', '{"v":1,"subject":"x","facts":[],"more":1}',
                                   "[" * 500], ids=range(8))
def test_facts_that_are_none_are_one_line(ops, tmp_path, facts):
    text, file = tmp_path / "text.md", tmp_path / "facts.json"
    text.write_text("- Security Score: 85%\n")
    file.write_text(facts)
    ops.run("claims", text, "--facts", file).check_line(65)
