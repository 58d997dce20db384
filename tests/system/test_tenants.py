"""Two organisations in one instance, over HTTPS and on the machine: neither learns of the other."""
import io
import json
import tarfile
import time

import pytest
import requests

from service import PASSWORD, Person, Service

EMAIL = "owner@example.org"  # in both
OTHER = "copper lanterns under slow rain"


class Member(Person):
    """Somebody of a named tenant, at an address of their own: a proxy that the service trusts says so."""

    tenant = None
    address = 0

    def __init__(self, *args):
        super().__init__(*args)
        self.move()

    def move(self):
        Member.address += 1
        self.http.headers["X-Forwarded-For"] = f"10.{Member.address // 250}.{Member.address % 250}.1"
        return self

    def sign_in(self):
        return super().sign_in(**({"tenant": self.tenant} if self.tenant else {}))


def first_owner(ops, tenant=None):
    named = ["--tenant", tenant] if tenant else []
    row = ops.json("user", "invite", EMAIL, "--name", "First Owner", "--first-owner", *named)["data"][0]
    return row["link"]


def member(service, link, password, tenant=None):
    made = Member(service, EMAIL, password)
    made.tenant = tenant
    return made.accept(link)


class Two:
    """A service with two tenants and their owners: `ours` is the default one's, `theirs` is acme's."""

    def __init__(self, ops):
        self.ops = ops.init()
        self.acme = ops.json("tenant", "create", "acme")["data"][0]["id"]
        links = first_owner(ops), first_owner(ops, "acme")
        self.service = Service(ops, "--rate-percent", "1000", "--trusted-proxy", "127.0.0.1")
        self.ours = member(self.service, links[0], PASSWORD)
        self.theirs = member(self.service, links[1], OTHER, "acme")


@pytest.fixture(scope="module")
def two(program, tmp_path_factory):
    from conftest import Ops
    made = Two(Ops(program, tmp_path_factory.mktemp("tenants") / "ops"))
    yield made
    assert made.service.stop() == 0


def same(*answers):
    """Answers that say the same but for the request's id; gives the one text."""
    said = set()
    for answer in answers:
        body = answer.json()
        body.pop("request_id", None)
        said.add((answer.status_code, answer.headers.get("Content-Type"), answer.headers.get("WWW-Authenticate"),
                  json.dumps(body, sort_keys=True)))
    assert len(said) == 1, said
    return said.pop()


def events(person, **query):
    found, cursor = [], None
    while True:
        page = person.get("/audit/events", params={"limit": 1000, **query, **({"cursor": cursor} if cursor else {})})
        assert page.status_code == 200, page.text
        found += page.json()["data"]
        cursor = page.json()["next_cursor"]
        if cursor is None:
            return found


# ---- the machine ---------------------------------------------------------------------------------

def test_a_tenant_is_made_listed_and_named_on_the_machine(ops):
    ops.init()
    dry = ops.ok("tenant", "create", "acme", "--dry-run")
    assert "would make" in dry.out and len(ops.json("tenant", "list")["data"]) == 1
    made = ops.json("tenant", "create", "acme")["data"][0]
    assert made["name"] == "acme" and int(made["id"]) > 2**40
    assert ops.json("tenant", "show", made["id"]) == ops.json("tenant", "show", "acme")
    assert [row["name"] for row in ops.json("tenant", "list")["data"]] == ["default", "acme"]
    # its first event is its own, and the default tenant has none of it
    own = ops.run("audit", "list", "--tenant", "acme", "-o", "ndjson").ndjson()
    assert [row["event_type"] for row in own][0] == "tenant.created"
    assert made["id"] not in ops.ok("audit", "list", "-o", "ndjson").out


@pytest.mark.parametrize("name", ["", "a b", "Acme", "a\tb", "a\nb", "a\x1b[2J", "\u0430cme", "acme\u202e", "-acme",
                                  "acme-", "1acme", "a" * 64, "a/b", "..", "acme\u200b", "ac\u0301me"])
def test_a_name_is_one_plain_word(ops, name):
    ops.init()
    result = ops.run("tenant", "create", "--", name)
    assert result.code == 65 and len(result.err.splitlines()) == 1, result
    assert len(ops.json("tenant", "list")["data"]) == 1


def test_names_are_taken_once_and_there_is_a_limit(ops):
    ops.init()
    ops.fails(64, "tenant", "create", "a" * 5000)
    ops.fails(73, "tenant", "create", "default")
    for i in range(63):
        ops.ok("tenant", "create", f"t{i}")
    ops.fails(73, "tenant", "create", "t0")
    result = ops.run("tenant", "create", "one-too-many")
    assert result.code != 0 and "64" in result.err, result
    assert len(ops.json("tenant", "list")["data"]) == 64
    assert ops.json("ledger", "verify")["ok"] is True
    assert ops.ok("store", "check").code == 0


def test_a_command_says_which_tenant_and_what_is_the_instances_takes_none(ops):
    ops.init()
    ops.ok("tenant", "create", "acme")
    for command in (["flag", "list"], ["config", "show"], ["store", "check"], ["doctor", "run"], ["tenant", "list"],
                    ["script", "list"], ["schedule", "status"], ["control", "list"], ["version"], ["health", "list"],
                    ["flag", "set", "mfa_required", "false"], ["tenant", "create", "x"]):
        ops.fails(64, *command, "--tenant", "acme")
        ops.fails(64, "--tenant=acme", *command)
    for wrong in ("nobody", "2", "1.5", "-1", "ACME", "999999999999999999999", "acme x", "a" * 64):
        result = ops.run("user", "list", "--tenant", wrong)
        assert result.code in (64, 66) and len(result.err.splitlines()) == 1, result
    ops.fails(64, "user", "list", "--tenant", "")
    ops.fails(64, "user", "list", "--tenant")
    ops.fails(64, "user", "list", "--tenant", "acme", "--tenant", "acme")
    ops.fails(64, "user", "list", "--tenant", "a" * 5000)
    # register, role and score of one are not the other's
    ops.ok("register", "set", "cost.audit", "12", "--tenant", "acme")
    assert ops.json("register", "list")["data"] == []
    assert ops.json("register", "list", "--tenant", "acme")["data"][0]["value"] == "12"
    ops.ok("role", "create", "reader", "control.list", "--tenant", "acme")
    ops.fails(66, "role", "show", "reader")
    ops.ok("role", "create", "reader", "control.show")
    holds = {row["action"] for row in ops.json("role", "show", "reader", "--tenant", "acme")["data"]}
    assert "control.list" in holds and "control.show" not in holds
    # keys: the tenant's data key alone; the master key is everybody's
    ops.fails(64, "key", "rotate", "master", "--tenant", "acme")
    ops.ok("key", "rotate", "data", "--tenant", "acme")
    epochs = [row["id"].split()[-1] for row in ops.json("key", "status", "--tenant", "acme")["data"]
              if row["purpose"] == "data"]
    assert epochs == ["1", "2"]
    every = [row["id"] for row in ops.json("key", "status")["data"] if row["purpose"] == "data"]
    assert len(every) == 3 and sum(one.startswith("tenant 1 ") for one in every) == 1
    ops.assessed("control", "run", "CFG-01", "--tenant", "acme")
    tested = "control.tested"
    assert tested in ops.ok("audit", "list", "--tenant", "acme").out and tested not in ops.ok("audit", "list").out


def test_reports_and_packs_of_a_tenant_are_its_own(ops):
    ops.init()
    ops.ok("tenant", "create", "acme")
    ops.assessed("assess", "--timer")
    ops.ok("report", "nightly", "--timer")
    ours = list((ops.home / "Reports").glob("Nightly*"))
    theirs = list((ops.home / "tenants").glob("*/Reports/Nightly*"))
    assert len(ours) == 1 and len(theirs) == 1 and theirs[0].stat().st_mode & 0o777 == 0o640
    for path in theirs:
        assert path.parent.stat().st_mode & 0o777 == 0o700
    assert ops.run("report", "verify", theirs[0], "--tenant", "acme").code == 0
    ops.fails(66, "report", "verify", theirs[0])
    ops.fails(66, "report", "verify", ours[0], "--tenant", "acme")
    ops.ok("pack", "export", ops.base / "pack", "--tenant", "acme")
    assert ops.run("pack", "verify", ops.base / "pack").code == 0
    assert ops.json("ledger", "verify", "--tenant", "acme")["ok"]
    # both were assessed by the schedule, with the same clauses
    def clauses(*tenant):
        found = ops.run("audit", "list", "--type", "control.tested", "--limit", "1000", "-o", "ndjson", *tenant).ndjson()
        return sorted(row["resource"] for row in found)
    assert clauses() == clauses("--tenant", "acme") != []


def test_the_schedule_assesses_three_tenants_for_little_more_than_one(paulyops):
    def took(name, tenants):
        ops = paulyops(name).init()
        for i in range(tenants):
            ops.ok("tenant", "create", f"t{i}")
        begin = time.monotonic()
        ops.assessed("assess", "--timer", timeout=300)
        return time.monotonic() - begin
    one, three = took("one", 0), took("three", 2)
    assert three < 2 * one + 1, (one, three)


# ---- signing in ----------------------------------------------------------------------------------

def test_the_same_address_is_two_people_and_each_signs_in_to_their_own(two):
    ours = two.ops.json("user", "show", EMAIL)["data"][0]["id"]
    theirs = two.ops.json("user", "show", EMAIL, "--tenant", "acme")["data"][0]["id"]
    assert ours != theirs
    assert two.ours.get("/me").json()["id"] == ours and two.theirs.get("/me").json()["id"] == theirs
    again = two.theirs.again()
    again.__class__, again.tenant = Member, "acme"
    assert again.sign_in().get("/me").json()["id"] == theirs
    two.theirs.used, two.theirs.codes = again.used, again.codes
    named = Member(two.service, EMAIL, PASSWORD)
    named.tenant, named.secret, named.used, named.codes = "default", two.ours.secret, two.ours.used, two.ours.codes
    assert named.sign_in().get("/me").json()["id"] == ours
    two.ours.used = named.used


def test_an_unknown_tenant_is_answered_as_a_wrong_password(two):
    nobody = Member(two.service, "x", "x")

    def attempt(tenant, password, email=EMAIL):
        return nobody.move().post("/auth/sign-in", {"email": email, "password": password,
                                             **({"tenant": tenant} if tenant else {})})
    said = same(attempt("acme", "wrong"), attempt("nobody", "wrong"), attempt("nobody", PASSWORD),
                attempt("acme", PASSWORD), attempt(None, OTHER), attempt("nobody", OTHER),
                attempt("acme", "wrong", "nobody@example.org"), attempt("x" * 100, "wrong"), attempt("1", PASSWORD),
                attempt(two.acme, OTHER))
    assert said[0] == 401
    for shape in ("\u0430cme", "a\u0000b", "acme\n", "../acme", "", "-", "a" * 129):
        answer = nobody.post("/auth/sign-in", {"email": EMAIL, "password": OTHER, "tenant": shape})
        assert answer.status_code == 400, (shape, answer.text)
    for shape in (1, None, True, ["acme"], {"name": "acme"}):
        answer = nobody.post("/auth/sign-in", {"email": EMAIL, "password": OTHER, "tenant": shape})
        assert answer.status_code == 400, (shape, answer.text)
    try:
        answer = nobody.post("/auth/sign-in", {"email": EMAIL, "password": OTHER, "tenant": "a" * 10_000_000})
        assert answer.status_code == 413
    except requests.exceptions.ConnectionError:
        pass  # it did not wait for the rest
    two.ops.ok("user", "unlock", EMAIL)
    two.ops.ok("user", "unlock", EMAIL, "--tenant", "acme")


# ---- ids of one in the hands of the other --------------------------------------------------------

class Things:
    """What one tenant has: ids by the member of the path that they stand for."""

    def __init__(self, person):
        self.of = {}
        made = person.post("/users", {"email": "guest@example.org", "name": "Guest", "role": "viewer"})
        assert made.status_code == 200, made.text
        self.of["user"] = [made.json()["id"], "guest@example.org"]
        self.of["session"] = [person.get("/auth/session").json()["session"]]
        self.of["token"] = [person.post("/tokens", {"name": "ci", "scopes": ["control.list"]}).json()["id"]]
        assert person.post("/roles", {"name": "own-role", "actions": ["control.list"]}).status_code in (200, 204)
        self.of["role"] = ["own-role"]
        assert person.post("/controls/runs", {"controls": ["CFG-01"]}).status_code == 200
        self.of["run"] = [str(events(person, type="control.tested")[0]["seq"])]
        self.of["leaf"] = self.of["run"]
        self.of["report"] = [person.post("/reports/health", {}).json()["id"]]
        assert person.http.put(person.service.api + "/register/cost.audit", json={"value": "7"},
                               headers={"Origin": person.service.url}, timeout=30).status_code in (200, 204)
        self.of["name"] = ["cost.audit"]


def not_there(value):
    """Of the same form, and nobody's."""
    if value.isdigit():
        return str(int(value) + 100_000)
    if "@" in value:
        return "ghost@example.org"
    last = "0" if value[-1] != "0" else "1"
    return value[:-1] + last


def document(service):
    return service.session().get(service.api + "/openapi.json", timeout=30).json()


def body_of(operation):
    """Members that the operation requires, with values that fit."""
    if "requestBody" not in operation:
        return {}
    schema = next(iter(operation["requestBody"]["content"].values()))["schema"]
    values = {"role": "viewer", "reason": "a reason", "password": "x", "new_password": "x", "value": "1",
              "email": "someone@example.org", "name": "x", "actions": ["control.list"], "code": "123456"}
    return {name: values.get(name, "x") for name in schema.get("required", [])}


def test_an_id_of_the_other_tenant_is_as_one_that_there_is_not(two):
    things = Things(two.ours)
    before = {row["id"]: row for row in two.ops.json("user", "list")["data"]}
    tried = 0
    for path, item in document(two.service)["paths"].items():
        names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        if len(names) != 1 or names[0] not in things.of:
            continue
        for verb, operation in item.items():
            for value in things.of[names[0]]:
                def ask(what, operation=operation, verb=verb, path=path, name=names[0]):
                    return two.theirs.http.request(
                        verb, two.service.api + path.replace("{%s}" % name, what), timeout=60,
                        json=body_of(operation) if verb in ("post", "put") else None, headers={"Origin": two.service.url})
                theirs = ask(value)
                if verb == "put" and theirs.status_code in (200, 204):
                    continue  # it sets a thing of that name in their own tenant
                status = same(theirs, ask(not_there(value)))[0]
                assert status in (404, 403) or "@" in value, (verb, path, value, theirs.text)
                if status == 403:  # what is about the machine itself, for whoever asks from there
                    assert theirs.json()["rule"] == "deny.instance", (verb, path, theirs.text)
                tried += 1
    assert tried > 25
    after = {row["id"]: row for row in two.ops.json("user", "list")["data"]}
    assert before == after
    assert two.ours.get("/auth/session").status_code == 200


def test_a_cookie_or_token_is_good_in_its_own_tenant_alone(two):
    made = two.ours.post("/tokens", {"name": "reader", "scopes": ["control.*", "user.list", "audit.list"]}).json()
    bearer = {"Authorization": "Bearer " + made["token"]}
    http = two.service.session()
    for spoof in ({}, {"X-Tenant": "acme"}, {"X-PaulyOps-Tenant": two.acme}):
        users = http.get(two.service.api + "/users", headers={**bearer, **spoof}, timeout=30).json()["data"]
        assert {row["id"] for row in users} == {row["id"] for row in two.ops.json("user", "list")["data"]}
    for query in ("tenant=acme", f"tenant={two.acme}", "tenant_id=2"):
        answer = http.get(f"{two.service.api}/users?{query}", headers=bearer, timeout=30)
        assert answer.status_code == 400, answer.text
    # a link of one, opened by somebody signed in with the other: nothing of them stands in either log
    link = two.ops.json("user", "invite", "late@example.org", "--name", "Late", "--role", "viewer",
                        "--tenant", "acme")["data"][0]["link"]
    crossing = two.ours.post("/auth/invitation/check", {"link": link.split("#")[1]})
    assert crossing.status_code == 200 and two.ours.get("/me").status_code == 200
    mine = two.ours.get("/me").json()["id"]
    theirs = json.dumps(events(two.theirs))
    assert "link" in theirs and mine not in theirs


def test_no_member_of_a_body_chooses_a_tenant(two):
    tried = 0
    for path, item in document(two.service)["paths"].items():
        if "{" in path:
            continue
        for verb, operation in item.items():
            if "requestBody" not in operation or operation["operationId"] == "signIn":
                continue
            for member_name in ("tenant", "tenant_id", "--tenant"):
                stranger = Member(two.service, "x", "x").http.headers["X-Forwarded-For"]
                answer = two.theirs.http.request(
                    verb, two.service.api + path, json={**body_of(operation), member_name: "1"}, timeout=60,
                    headers={"Origin": two.service.url, "X-Forwarded-For": stranger})
                assert answer.status_code in (400, 403), (verb, path, answer.text)
                if answer.status_code == 403:
                    assert answer.json()["rule"] == "deny.instance", (verb, path, answer.text)
                tried += 1
    assert tried > 30
    answer = two.theirs.post("/users", {"email": "x@example.org", "name": "--tenant=default", "role": "viewer"})
    assert answer.status_code == 200  # a name like any other
    two.ops.fails(66, "user", "show", answer.json()["id"])
    assert two.ops.json("user", "show", answer.json()["id"], "--tenant", "acme")["data"][0]["name"] == "--tenant=default"
    answer = two.theirs.post("/tokens", {"name": "x", "scopes": ["--tenant=default"]})
    assert answer.status_code == 400


def test_what_is_the_machines_is_for_those_who_run_it(two):
    for path in ("/flags", "/config", "/programs", "/schedule", "/status", "/store/check"):
        answer = two.theirs.get(path)
        if answer.status_code == 404:
            continue
        assert answer.status_code == 403 and answer.json()["rule"] == "deny.instance", (path, answer.text)
    answer = two.theirs.http.put(two.service.api + "/flags/mfa_required", json={"value": "false", "reason": "x"},
                                 headers={"Origin": two.service.url}, timeout=30)
    assert answer.status_code == 403 and answer.json()["rule"] == "deny.instance"
    own = two.theirs.get("/auth/session").json()["actions"]
    assert "user.invite" in own and not {"flag.set", "doctor.run", "script.grant", "store.check"} & set(own)
    assert {"flag.set", "doctor.run", "script.grant"} <= set(two.ours.get("/auth/session").json()["actions"])
    # data keys: one's own, no others
    for person, tenant in ((two.ours, "tenant 1 "), (two.theirs, f"tenant {two.acme} ")):
        data = [row["id"] for row in person.get("/keys").json()["data"] if row["purpose"] == "data"]
        assert data and all(one.startswith(tenant) for one in data)


# ---- events, evidence, packs ---------------------------------------------------------------------

def test_events_and_leaves_are_seen_in_their_own_tenant_alone(two):
    two.ours.get("/controls")
    two.theirs.get("/controls")
    ours, theirs = events(two.ours), events(two.theirs)
    assert ours and theirs and not {row["seq"] for row in ours} & {row["seq"] for row in theirs}
    assert two.ours.get("/me").json()["id"] not in json.dumps(theirs)
    assert two.theirs.get("/me").json()["id"] not in json.dumps(ours)
    assert two.acme not in json.dumps(ours)
    tail = two.theirs.get("/ledger/leaves", params={"limit": 100})
    if tail.status_code == 200:
        own = {row["seq"] for row in events(two.theirs)}
        assert {row["leaf"] for row in tail.json()["data"]} <= own
    found = []
    with two.theirs.get("/stream?after=0", stream=True) as answer:
        for line in answer.iter_lines(chunk_size=1):
            if line.startswith(b"data:"):
                found.append(json.loads(line[5:]))
            if len(found) == len(theirs):
                break
    assert [row["seq"] for row in found] == sorted(row["seq"] for row in theirs)[:len(found)]
    assert {row["event"]["tenant"] for row in found} == {int(two.acme)}
    said = two.theirs.post("/ledger/verifications", {})
    if said.status_code == 200:
        assert said.json()["passed"] is True and "another" not in said.text


def test_a_pack_and_the_figures_hold_the_tenants_own(two):
    assert two.ours.post("/assessments", {}).status_code == 200
    assert two.theirs.post("/assessments", {}).status_code == 200
    answer = two.theirs.post("/packs", {"criteria": ["CC6.1"]})
    assert answer.status_code == 200, answer.text
    own = {str(row["seq"]) for row in events(two.theirs)}
    strangers = [row["id"] for row in two.ops.json("user", "list")["data"]] + [EMAIL, "\"tenant\":1,"]
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as tar:
        for one in tar.getmembers():
            if not one.isfile():
                continue
            text = tar.extractfile(one).read().decode("utf-8", "replace")
            for stranger in strangers:
                assert stranger not in text, (one.name, stranger)
    assert own
    # accounts that are counted are one's own
    observed = events(two.theirs, type="facts.observed")[0]
    event = two.ops.run("audit", "list", "--tenant", "acme", "--type", "facts.observed", "-o", "json")
    assert observed and event.code == 0
    facts = {fact["name"]: fact["value"] for fact in json.loads(event.out)["data"][-1]["event"]["detail"]["facts"]} \
        if "event" in json.loads(event.out)["data"][-1] else {}
    if "identity.accounts" in facts:
        assert {row["tenant"] for row in facts["identity.accounts"]["accounts"]} == {int(two.acme)}


def test_an_idempotency_key_is_one_tenants_own(two):
    body = {"name": "same-role", "actions": ["control.list"]}
    key = {"Idempotency-Key": "the-same-key"}
    first = two.ours.post("/roles", body, headers=key)
    second = two.theirs.post("/roles", body, headers=key)
    assert first.status_code == second.status_code and first.status_code < 300, second.text
    assert two.ops.json("role", "show", "same-role")["data"]
    assert two.ops.json("role", "show", "same-role", "--tenant", "acme")["data"]
    assert two.theirs.post("/roles", {**body, "name": "another"}, headers=key).status_code == 422


def test_commands_through_the_service_act_in_the_tenant_that_is_named(two):
    ours = {row["id"] for row in two.ops.json("user", "list")["data"]}
    theirs = {row["id"] for row in two.ops.json("user", "list", "--tenant", "acme")["data"]}
    assert ours and theirs and not ours & theirs
    for one in sorted(ours):
        two.ops.fails(66, "user", "show", one, "--tenant", "acme")
    two.ops.fails(66, "user", "list", "--tenant", "nobody")
    # one that borrows the home from the service
    pack = two.ops.base / "lent"
    two.ops.ok("pack", "export", pack, "--tenant", "acme")
    assert two.ops.run("pack", "verify", pack).code == 0
    text = "".join(path.read_text(errors="replace") for path in pack.rglob("*") if path.is_file())
    assert not any(one in text for one in ours)
    assert two.ours.get("/me").status_code == two.theirs.get("/me").status_code == 200
    two.ops.fails(64, "status", "--tenant", "acme")
    two.ops.fails(73, "user", "invite", "second@example.org", "--name", "X", "--first-owner", "--tenant", "acme")


# ---- the end of an account: last, since nobody comes back ----------------------------------------

def test_a_suspended_owner_is_out_in_their_tenant_alone(two):
    second = two.ops.json("user", "invite", "second@example.org", "--name", "Second", "--role", "owner", "--reason", "x",
                          "--tenant", "acme")
    assert second["data"][0]["id"]
    theirs = two.theirs.get("/me").json()["id"]
    two.ops.fails(77, "user", "suspend", theirs, "--tenant", "acme")  # the last owner stays
    viewer = two.ops.json("user", "invite", "viewer@example.org", "--name", "V", "--role", "viewer",
                          "--tenant", "acme")["data"][0]
    person = Member(two.service, "viewer@example.org", "seven quiet harbours at noon")
    person.tenant = "acme"
    person.accept(viewer["link"])
    assert person.get("/me").status_code == 200
    two.ops.ok("user", "suspend", viewer["id"], "--tenant", "acme")
    assert person.get("/me").status_code == 401
    nobody = Member(two.service, "x", "x")
    answers = [nobody.move().post("/auth/sign-in", {"email": "viewer@example.org", "password": password, "tenant": tenant})
               for password, tenant in ((person.password, "acme"), ("wrong", "acme"), (person.password, "nobody"))]
    assert same(*answers)[0] == 401
    assert two.ours.get("/me").status_code == 200
