"""Scores: what-if from states agrees with the slow model; scores from evidence can be asked for again."""
import json
import random
import sys

import pytest

from support import changed, tree


@pytest.fixture(scope="module")
def model(source_root):
    sys.path.insert(0, str(source_root / "tests/prop"))
    try:
        import score_model
    finally:
        sys.path.pop(0)
    return score_model


@pytest.fixture(scope="module")
def loaded(model):
    return model.load()


def what_if(ops, tmp_path, states, *options, **kwargs):
    file = tmp_path / "states.json"
    file.write_text(states if isinstance(states, str) else json.dumps(states))
    return ops.run("score", "--states", file, *options, **kwargs)


def test_random_states_score_as_in_the_model(ops, model, loaded, tmp_path, is_soak):
    rng = random.Random(20261121)
    for _ in range(1000 if is_soak else 60):
        states = model.random_states(rng, loaded[1])
        result = what_if(ops, tmp_path, states, "-o", "json")
        assert result.code == 0, result
        assert result.json() == model.scores(states, loaded)


@pytest.mark.parametrize("state", ["pass", "fail", "waived", "stale", "error", "untested", "na"])
def test_one_state_for_all_scores_as_in_the_model(ops, model, loaded, tmp_path, state):
    for passing, total in ((0, 0), (0, 1), (1, 1), (999999999, 1000000000)):
        states = {c["id"]: {"state": state, "passing": passing, "total": total} for c in loaded[1]["controls"]}
        result = what_if(ops, tmp_path, states, "-o", "json")
        assert result.json() == model.scores(states, loaded), (state, passing, total)


def test_a_what_if_says_so_even_when_quiet(ops, tmp_path):
    for options in ((), ("--quiet",), ("-o", "json", "--quiet")):
        result = what_if(ops, tmp_path, {}, *options)
        assert result.code == 0 and result.err.startswith("HYPOTHETICAL") and result.err.count("\n") == 1
    assert what_if(ops, tmp_path, {}, "-o", "json").json()["as_of"] == {"size": 0, "root": None, "time": None}


def test_a_what_if_needs_no_home_and_writes_nothing(ops, tmp_path):
    file = tmp_path / "states.json"
    file.write_text('{"AUD-03":{"state":"pass"}}')
    before = tree(tmp_path)
    nothing = {"PAULYOPS_HOME": None, "HOME": None, "XDG_STATE_HOME": None}
    assert ops.run("score", "--states", file, env=nothing).code == 0
    assert ops.run("score", "--states", file).code == 0
    assert changed(before, tree(tmp_path)) == []


def test_a_what_if_beside_a_home_leaves_no_event(ops, tmp_path):
    ops.init()
    before = tree(ops.home, ops.state)
    assert what_if(ops, tmp_path, {"AUD-03": {"state": "fail", "passing": 1, "total": 2}}).code == 0
    assert changed(before, tree(ops.home, ops.state)) == []


@pytest.mark.parametrize("text,word", [
    ('{"ZZZ-99":{"state":"pass"}}', "ZZZ-99"), ('{"AUD-03":{"state":"perfect"}}', "perfect"),
    ('{"AUD-03":{"state":"pass","score":100}}', "score"), ('{"AUD-03":{}}', "AUD-03"),
    ('{"AUD-03":{"state":"fail","passing":1}}', "AUD-03"), ('{"AUD-03":{"state":"fail","total":1}}', "AUD-03"),
    ('{"AUD-03":{"state":"fail","passing":2,"total":1}}', "AUD-03"),
    ('{"AUD-03":{"state":"fail","passing":-1,"total":1}}', "AUD-03"),
    ('{"AUD-03":{"state":"fail","passing":0,"total":1000000001}}', "AUD-03"),
    ('{"AUD-03":{"state":"fail","passing":0.5,"total":1}}', ""), ('{"AUD-03":"pass"}', "AUD-03"),
    ('{"AUD-03":{"state":"pass"},"AUD-03":{"state":"fail"}}', ""), ('[]', ""), ('null', ""), ('', ""),
    ('{"AUD-03":{"state":"pass"}', ""), ('{"AUD-03":{"state":"pass"}} x', ""), ('{"aud-03":{"state":"pass"}}', "aud-03"),
    ('{"AUD-03 ":{"state":"pass"}}', "AUD-03 "), ('\ufeff{}', ""), ('{"AUD-03":{"state":"pass\\u0000"}}', ""),
    ('{"":{"state":"pass"}}', ""), ("[" * 1000, ""), ('{"AUD-03":{"state":null}}', ""),
], ids=range(24))
def test_states_that_are_not_of_the_catalog_are_refused(ops, tmp_path, text, word):
    result = what_if(ops, tmp_path, text)
    assert result.code in (65, 66), result
    result.check_line(result.code, word)
    assert result.out == ""


# -- from evidence ---------------------------------------------------------------------------------


def test_a_new_home_proves_nothing(ops):
    score = ops.init().json("score")
    for category in score["categories"]:
        assert category["score"] == 0 and category["status"] == "NOT MET" and category["met"] == 0
    assert all(c["why"] for category in score["categories"] for c in category["criteria"])


def test_score_as_of_prints_again_what_was_printed_then(ops):
    ops.init()
    printed = {}
    for command in (("control", "run", "CRY-01"), ("control", "run", "AUD-01", "AUD-05"), ("assess",),
                    ("flag", "set", "maintenance", "true"), ("control", "run", "CFG-01")):
        ops.assessed(*command)
        size = ops.json("ledger", "verify", "--dry-run")["size"]
        score = ops.json("score", "--dry-run", codes=(0,))
        assert score["as_of"]["size"] == size
        printed[size] = score
    assert len({json.dumps(s["categories"]) for s in printed.values()}) > 1
    for size, score in printed.items():
        assert ops.json("score", "--as-of", size, codes=(0,)) == score
        table = ops.ok("score", "--as-of", size).out
        assert f"ledger size {size}" in table


def test_score_changes_only_with_evidence(ops):
    ops.init()
    ops.assessed("control", "run", "CRY-01", "AUD-01")
    first = ops.json("score", "--dry-run")
    again = ops.json("score", "--dry-run")
    assert first == again
    states = {c: s for category in first["categories"] for criterion in category["criteria"]
              for c, s in (why.rsplit(":", 1) for why in criterion["why"])}
    assert "CRY-01" not in states and "AUD-01" not in states
    assert set(states.values()) <= {"untested", "fail", "stale", "error"}


def test_scores_follow_from_the_states_that_control_list_and_show_print(ops, model, loaded, tmp_path):
    """Each control's state as `control show` has it, given to the what-if and to the model."""
    ops.init()
    ops.assessed("assess")
    size = ops.json("ledger", "verify", "--dry-run")["size"]
    want = ops.json("score", "--as-of", size)
    failing = {why.split(":")[0] for c in want["categories"] for k in c["criteria"] for why in k["why"]}
    states = {}
    for control in loaded[1]["controls"]:
        if control["id"] not in failing:
            states[control["id"]] = {"state": "pass"}
    shown = {}
    for category in want["categories"]:
        for criterion in category["criteria"]:
            for why in criterion["why"]:
                control, state = why.rsplit(":", 1)
                shown.setdefault(control, set()).add(state)
    assert all(len(found) == 1 for found in shown.values()), "one state for one control everywhere"
    for control, found in shown.items():
        states[control] = {"state": next(iter(found))}
        if states[control]["state"] == "fail":
            detail = ops.run("control", "show", control, "--as-of", size, "--dry-run", "-o", "json").json()
            worst = None
            for clause in detail.get("data", detail.get("clauses", [])):
                if clause.get("state") == "fail":
                    ratio = (clause["passing"], clause["total"])
                    if worst is None or ratio[0] * worst[1] < worst[0] * ratio[1]:
                        worst = ratio
            assert worst, detail
            states[control].update(passing=worst[0], total=worst[1])
    got = what_if(ops, tmp_path, states, "-o", "json").json()
    assert got["categories"] == want["categories"] == model.scores(states, loaded)["categories"]
