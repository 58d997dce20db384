"""AUD-02 against a service that runs: what it counted, and what its ledger holds."""
import pytest

from service import PASSWORD, Person, Service, first_owner


@pytest.fixture
def owner(ops):
    ops.init()
    link = first_owner(ops)
    service = Service(ops)
    yield Person(service, "owner@example.org", PASSWORD).accept(link)
    assert service.stop() == 0


def clauses(ops, control):
    return {row["clause"]: row for row in ops.json("control", "show", control)["data"]}


def test_without_a_service_the_live_figure_is_untested_and_the_drill_is_not(ops):
    ops.init()
    ops.run("control", "run", "AUD-02")
    rows = clauses(ops, "AUD-02")
    assert rows["AUD-02.1"]["state"] == "pass" and rows["AUD-02.1"]["total"] > 1000
    assert rows["AUD-02.2"]["state"] == "untested"
    assert "no service runs here" in rows["AUD-02.2"]["reason"]


def test_a_service_answers_for_each_operation_it_counted(owner, ops):
    """Of every kind: read, changed, denied, refused, not found, by nobody, signed in anew, and many at once."""
    for path in ("/controls", "/users", "/keys", "/flags", "/me/sessions"):
        assert owner.get(path).status_code == 200
    assert owner.get("/register/no.such").status_code == 404
    assert owner.get("/controls?no_such=1").status_code == 400
    assert owner.get("/controls?password=x").status_code == 400
    assert owner.service.session().get(owner.service.api + "/users", timeout=30).status_code == 401
    assert Person(owner.service, "owner@example.org", "not the password").post(
        "/auth/sign-in", {"email": "owner@example.org", "password": "not the password"}).status_code == 401
    owner.again().sign_in()
    for _ in range(150):
        assert owner.get("/me").status_code == 200
    assert owner.post("/controls/runs", {"controls": ["AUD-02"]}).status_code == 200
    ops.run("control", "run", "AUD-02", "IAM-01", "PIN-02")
    rows = clauses(ops, "AUD-02")
    counted = ops.json("status")["operations"]
    assert rows["AUD-02.2"]["state"] == "pass", rows["AUD-02.2"]
    assert rows["AUD-02.2"]["passing"] == rows["AUD-02.2"]["total"] == counted > 160
    assert rows["AUD-02.1"]["state"] == "pass", rows["AUD-02.1"]
    assert clauses(ops, "IAM-01")["IAM-01.1"]["state"] == "pass"
    for clause in ("PIN-02.1", "PIN-02.2", "PIN-02.3", "PIN-02.4"):
        assert clauses(ops, "PIN-02")[clause]["state"] == "pass", clause
