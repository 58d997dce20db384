"""The OpenAPI document before validators that nobody here wrote, and the answers of a live service before both.

python3-jsonschema (Draft 2020-12) holds every answer here against the schema that the document states for its
route and status. ajv under Node (tests/system/node) holds the document against the OpenAPI Initiative's schema,
compiles every schema in strict mode, and gets the same answers.
"""
import copy
import json
import os
import pathlib
import re
import shutil
import subprocess

import jsonschema
import pytest
import requests

from conftest import Ops
from service import PASSWORD, Person, Service, first_owner, totp

ROOT = pathlib.Path(__file__).resolve().parents[2]
NODE = ROOT / "tests/system/node"
MODULES = ROOT / os.environ.get("O", "build") / "node/node_modules"
OTHER_PASSWORD = "quiet lantern over the harbour"
PROBES = ["", " ", "a", "A", "0", "-", "--x", ".", "..", "a.b", "a/b", "a//b", "a/../b", "a.", "*", "a*", "a.*", "x@y", "@",
          "usr_1", "US_1", "R-1", "R-", "R-a/b", "24h", "a b", "a\u00fcb", "a\u0001b", "a\u007fb", "a\u0085b", "a\u2028b",
          "a\u202eb", "a\u2066b", "a+b=", "a\n", "a:b", "_a", "A" * 40, "a" * 129, "a" * 1025, "a" * 4097, "true", "false",
          "1", "-1", "1001", "9" * 19, "1e3", "1.0", "+1"]


# ---- schemas ---------------------------------------------------------------------------------------------

formats = jsonschema.FormatChecker(())


@formats.checks("date-time")
def is_time(value):
    """RFC 3339 in UTC."""
    return not isinstance(value, str) or bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value))


@formats.checks("int64")
def is_int64(value):
    return not isinstance(value, int) or -2**63 <= value < 2**63


def pointer(*parts):
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


def operations(document):
    return {operation["operationId"]: (verb, path, operation)
            for path, item in document["paths"].items() for verb, operation in item.items()}


def schemas(node, at=()):
    """(pointer, schema) of each Schema Object of the document."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        below = (*at, str(key))
        if key == "schema" or at == ("components", "schemas"):
            yield pointer(*below), value
        else:
            yield from schemas(value, below)


def closed(document):
    """The same document, in which an object has no members but those it names: what answers hold is described."""
    def close(node):
        if isinstance(node, dict):
            if node.get("properties") and node.get("type") == "object":
                node.setdefault("additionalProperties", False)
            for value in node.values():
                close(value)
        elif isinstance(node, list):
            for value in node:
                close(value)
    made = copy.deepcopy(document)
    close(made["components"]["schemas"])
    close(made["paths"])
    return made


def validator(document, at):
    return jsonschema.Draft202012Validator({"$ref": "#" + at}, format_checker=formats,
                                           resolver=jsonschema.RefResolver("", document))


# ---- a client that believes the document ------------------------------------------------------------------

PROBLEM = pointer("components", "responses", "Problem", "content", "application/problem+json", "schema")
ANY = 0  # status: whichever the document states


class From(requests.adapters.HTTPAdapter):
    """Connections from another address of loopback: rates are counted for each."""

    def __init__(self, number):
        self.source = (f"127.0.{10 + number // 250}.{1 + number % 250}", 0)
        super().__init__()

    def init_poolmanager(self, *args, **kwargs):
        super().init_poolmanager(*args, source_address=self.source, **kwargs)


class Client:
    """Asks by operationId; each answer is one that the document states, or `findings` says which is not."""

    def __init__(self, service):
        self.service = service
        with service.session() as http:
            self.document = http.get(service.api + "/openapi.json", timeout=30).json()
        self.closed = closed(self.document)
        self.operations = operations(self.document)
        self.answers, self.findings, self.seen = [], [], {}
        self.moves = 0

    def move(self, http):
        """Go on from another address."""
        self.moves += 1
        http.mount("https://", From(self.moves))
        return http

    def schema_at(self, ident, answer):
        """Pointer to the schema for this answer; None: it has no content."""
        verb, path, operation = self.operations[ident]
        status = str(answer.status_code)
        stated = operation["responses"].get(status)
        at = ("paths", path, verb, "responses", status)
        if stated is None:
            assert answer.status_code >= 400, f"{ident}: {status} is no answer of the document"
            stated, at = self.document["components"]["responses"]["Problem"], ("components", "responses", "Problem")
        if "content" not in stated:
            assert not answer.content and "Content-Type" not in answer.headers, (ident, answer.content)
            return None
        kind = answer.headers["Content-Type"].split(";")[0]
        assert kind in stated["content"], f"{ident}: {status} in {kind}"
        return pointer(*at, "content", kind, "schema")

    def hold(self, ident, answer):
        name = f"{ident} {answer.status_code}"
        self.seen.setdefault(ident, set()).add(answer.status_code)
        try:
            at = self.schema_at(ident, answer)
        except AssertionError as error:
            self.findings.append((name, str(error)))
            return
        if at is None or not at.endswith("json/schema"):
            return
        value = answer.json()
        self.answers.append({"name": name, "at": at, "value": value})
        for error in validator(self.closed, at).iter_errors(value):
            self.findings.append((name, "/".join(map(str, error.absolute_path)), error.message[:300]))
        if at == PROBLEM and value["status"] != answer.status_code:
            self.findings.append((name, "says", value["status"]))

    def hold_problem(self, answer, status):
        """An answer to what is no operation of the document."""
        assert answer.status_code == status and answer.headers["Content-Type"] == "application/problem+json", answer.text
        assert answer.headers["Cache-Control"] == "no-store"
        value = answer.json()
        self.answers.append({"name": f"{answer.request.method} {answer.request.url}", "at": PROBLEM, "value": value})
        assert not list(validator(self.closed, PROBLEM).iter_errors(value)) and value["status"] == status, value

    def ask(self, who, ident, want=None, headers=None, stream=False, data=None, **members):
        """`who`: a Person, a token's secret, or None. Gives the answer's JSON, or its text."""
        verb, path, operation = self.operations[ident]
        places = {p["name"]: p["in"] for p in operation["parameters"]}
        url = re.sub(r"{(\w+)}", lambda found: str(members[found[1]]), path)
        query = {name: value for name, value in members.items() if places.get(name) == "query" or name == "zzz_query"}
        body = {name: value for name, value in members.items() if name not in places and name not in query}
        fields = {"Origin": self.service.url, "Sec-Fetch-Site": "same-origin", **(headers or {})}
        if isinstance(who, str):
            fields = {"Authorization": "Bearer " + who, **(headers or {})}
        http = who.http if isinstance(who, Person) else self.move(self.service.session())
        if data is not None:
            body = data
        answer = http.request(verb, self.service.api + url, params=query, timeout=60, stream=stream,
                              data=json.dumps(body) if body or isinstance(body, str) else None,
                              headers={"Content-Type": "application/json", **fields})
        if stream:
            answer.close()
        else:
            self.hold(ident, answer)
        if want is None:
            want = 204 if "204" in operation["responses"] else 200
        wanted = want if isinstance(want, tuple) else (want,)
        assert want == ANY or answer.status_code in wanted, (ident, answer.status_code, answer.text)
        if stream:
            assert answer.headers["Content-Type"] in operation["responses"]["200"]["content"]
            self.seen.setdefault(ident, set()).add(answer.status_code)
            return None
        is_json = answer.content and "json" in answer.headers["Content-Type"]
        return answer.json() if is_json else answer.content

    def probe(self, ident, values, query, body):
        """A request of the owner's that a member 'zzz' keeps from being done; values of the path are written as they are."""
        verb, path, _ = self.operations[ident]
        where = self.service.api + re.sub(r"{(\w+)}", lambda found: str(values[found[1]]), path)
        if body is None:
            query = {**query, "zzz": "1"}
        return self.owner.http.request(
            verb, where, params=query, timeout=60, data=None if body is None else json.dumps(body),
            headers={"Origin": self.service.url, "Content-Type": "application/json"})

    def join(self, email, password, link):
        """Take an invitation."""
        person = Person(self.service, email, password)
        ticket = self.ask(person, "useLink", link=link, new_password=password)["ticket"]
        person.secret = self.ask(person, "enrolBegin", ticket=ticket)["secret"]
        person.codes = self.ask(person, "enrolConfirm", ticket=ticket, code=person.code())["recovery_codes"]
        return person

    def check(self):
        assert not self.findings, "\n".join(map(str, self.findings))


@pytest.fixture(scope="module")
def client(program, tmp_path_factory):
    ops = Ops(program, tmp_path_factory.mktemp("openapi"))
    ops.init()
    link = first_owner(ops).split("#")[1]
    service = Service(ops)
    made = Client(service)
    assert made.ask(None, "checkLink", link=link) == {"kind": "invitation"}
    made.owner = made.join("owner@example.org", PASSWORD, link)
    invited = made.ask(made.owner, "inviteUser", email="m@example.org", name="Member", role="member", reason="new here")
    made.member = made.join("m@example.org", OTHER_PASSWORD, invited["link"].split("#")[1])
    made.member.id = invited["id"]
    yield made
    assert service.stop() == 0


# ---- the document ----------------------------------------------------------------------------------------

def test_every_schema_is_one_and_every_reference_leads_to_one(client):
    found = dict(schemas(client.document))
    assert len(found) > 250
    for at, schema in found.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        for _ in validator(client.document, at).iter_errors({"x": [None, 1, "x", {}]}):
            pass  # raises where a $ref leads nowhere

    def references(node):
        if isinstance(node, dict):
            yield from [node["$ref"]] if "$ref" in node else []
        for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            yield from references(value)
    used = {reference.rsplit("/", 1)[1] for reference in references(client.document)}
    assert used == {*client.document["components"]["schemas"]} | {*client.document["components"]["responses"]}


# ---- answers ---------------------------------------------------------------------------------------------

def settings_and_records(client, owner):
    ask = client.ask
    for ident in ("getOpenapi", "getVersion", "listControls", "listHealthChecks", "listRoles", "listActions", "listFlags",
                  "listOptions", "listKeys", "listJobs", "listTrustKeys", "listPrograms", "checkConfig", "checkStore"):
        ask(owner, ident)
    ask(owner, "planAssessment", all="true")
    ask(owner, "runControls", controls=["AUD-03"])
    ask(owner, "runAssessment", all=True)
    ask(owner, "runAssessment")
    ask(owner, "getScores")
    assert ask(owner, "getControl", control="AUD-03")["data"]
    ask(owner, "runHealthChecks")
    ask(owner, "getHealthCheck", check="HC-06")
    name = ask(owner, "listFlags", limit=1)["data"][0]["name"]
    ask(owner, "getFlag", name=name)
    ask(owner, "setFlag", name="company_name", value="Example", reason="because")
    ask(owner, "setRegisterEntry", name="cost.audit", value="1200")
    ask(owner, "setRegisterEntry", name="cost.audit", value="1300")
    ask(owner, "listRegister", history="true")
    ask(owner, "getRegisterEntry", name="cost.audit")
    page = ask(owner, "listAuditEvents", limit=3)
    assert page["next_cursor"]
    ask(owner, "listAuditEvents", limit=1000, cursor=page["next_cursor"])
    ask(owner, "listLeaves", newest=50)
    ask(owner, "proveLeaf", leaf=1)
    ask(owner, "getCheckpoint")
    ask(owner, "getVerifierKey")
    ask(owner, "verifyLedger")
    ask(owner, "openStream", stream=True)


def reports_and_repairs(client, owner):
    ask = client.ask
    mode = client.service.ops.home / "Reports"
    mode.chmod(0o755)
    assert ask(owner, "planRepairs")["data"]
    assert ask(owner, "runRepairs", repairs=["wrong_mode"])["result"]["data"]
    for kind in ("Health", "Nightly", "Readiness", "Status"):
        made = ask(owner, f"issue{kind}Report")
        assert all(row["holds"] for row in ask(owner, "verifyReport", report=made["id"])["data"])
    assert ask(owner, "exportPack", criteria=["CC7.2"])[257:262] == b"ustar"


def programs(client, owner):
    ask = client.ask
    client.service.ops.ok("script", "new", "mine")
    site = client.service.ops.home / "scripts"
    file = next(path for path in site.rglob("mine*.script") if "test" not in path.name)
    assert ask(owner, "listPrograms", site="true")["data"]
    ask(owner, "checkPrograms")
    ask(owner, "checkPrograms", shipped=True)
    broken = site / "broken.script"
    broken.write_text("entry }{\n")
    assert ask(owner, "checkPrograms")["passed"] is False
    broken.unlink()
    ask(owner, "testPrograms", shipped=True, name="plan_is_empty_when_all_is_well")
    ask(owner, "testPrograms")
    ask(owner, "grantProgram", file=str(file.relative_to(site)), reason="tried")
    ask(owner, "revokeProgram", file=str(file.relative_to(site)))
    run = ask(owner, "listAuditEvents", type="control.tested", limit=1)["data"][0]["seq"]
    assert ask(owner, "replayRun", run=run)["passed"] is True
    vkey = ask(owner, "getVerifierKey").decode().strip()
    ask(owner, "addTrustKey", level="organisation", vkey=vkey)
    name = ask(owner, "listTrustKeys")["data"][0]["name"]
    ask(owner, "removeTrustKey", name=name)


def people(client, owner):
    ask = client.ask
    user = client.member.id
    ask(owner, "listUsers", state="active")
    ask(owner, "getUser", user=user)
    ask(owner, "explainAccess", user=user, action="key.rotate", resource="key:x")
    waits = ask(owner, "setUserRole", user=user, role="admin", reason="holidays")
    assert waits["in_force"] is False
    ask(owner, "listUsers")
    ask(owner, "cancelUserRole", user=user)
    ask(owner, "setUserRole", user=user, role="viewer")
    ask(owner, "suspendUser", user=user, reason="away")
    ask(owner, "resumeUser", user=user)
    ask(owner, "unlockUser", user=user)
    ask(owner, "resetUserMfa", user=user, reason="lost phone")
    reset = ask(owner, "resetUser", user=user)["link"].split("#")[1]
    assert ask(None, "checkLink", link=reset) == {"kind": "reset"}
    service = ask(owner, "createServiceAccount", name="robot", role="viewer")["id"]
    ask(owner, "listUsers", ownerless="true")
    ask(owner, "createRole", name="looker", actions=["control.list", "control.show"])
    ask(owner, "getRole", role="looker")
    ask(owner, "listRoles")
    ask(owner, "deleteRole", role="looker")
    made = ask(owner, "createToken", name="ci", scopes=["control.*", "self.show"], life="1d")
    ask(made["token"], "listControls")
    ask(made["token"], "getSelf")
    assert ask(made["token"], "getScores", 403)["rule"]
    ask(owner, "createToken", name="other", user=service)
    ask(owner, "endToken", token=made["id"])
    ask(owner, "listTokens", all="true", ended="true")
    ask(owner, "listUnusedTokens", days=1, all="true")
    ask(owner, "endUnusedTokens", days=1, all=True)
    ask(owner, "deprovisionUser", user=service)


def oneself(client, owner):
    """At other devices, so that the owner stays signed in at the first."""
    ask = client.ask
    device = owner.again()
    ticket = ask(device, "signIn", email=owner.email, password=PASSWORD)
    assert ticket["state"] == "mfa" and ticket["expires_at"]
    ask(device, "signInRecovery", ticket=ticket["ticket"], code=owner.codes.pop())
    ask(owner, "getSession")
    ask(owner, "listSessions", all="true", ended="true")
    mine = next(row for row in ask(owner, "listMySessions")["data"] if not row["current"])
    ask(owner, "endMySession", session=mine["id"])
    ask(owner, "getMyMfa")
    ask(owner, "stepUp", code=owner.code() or owner.codes.pop())
    for _ in range(2):
        device = owner.again()
        ticket = ask(device, "signIn", email=owner.email, password=PASSWORD)["ticket"]
        ask(device, "signInRecovery", ticket=ticket, code=owner.codes.pop())
    other = next(row for row in ask(owner, "listSessions")["data"] if not row["current"])
    ask(owner, "endSession", session=other["id"])
    assert ask(owner, "endMySessions")["ended"] >= 1
    owner.codes = ask(owner, "renewMyRecovery")["recovery_codes"]
    ask(owner, "changePassword", password=PASSWORD, new_password=PASSWORD + " again")
    owner.secret = ask(owner, "beginMyTotp")["secret"]
    owner.used = 0
    ask(owner, "confirmMyTotp", code=owner.code())
    device = owner.again()
    ticket = ask(device, "signIn", email=owner.email, password=PASSWORD + " again")["ticket"]
    ask(device, "signInTotp", ticket=ticket, code=owner.code() or totp(owner.secret))
    ask(device, "signOut")


def test_every_operation_succeeds_with_an_answer_the_document_states(client):
    for part in (settings_and_records, reports_and_repairs, programs, people, oneself):
        part(client, client.owner)
    client.check()
    done = {ident for ident, statuses in client.seen.items() if statuses & {200, 204}}
    # a second owner would have to approve
    assert set(client.operations) - done == {"approveUserRole"}


def test_every_answer_is_described_to_its_last_object(client):
    """Only the document itself, the event as it was written and what a program needs are free in form."""
    bare = [at for at, schema in schemas(client.document) if schema.get("type") == "object" and not schema["properties"]]
    assert bare == ["/components/schemas/Object"]
    free = {f"{name}.{member}" for name, schema in client.document["components"]["schemas"].items()
            for member, kind in schema["properties"].items() if not kind}
    assert free == {"AuditEvent.event", "ProgramEntry.needs"}


# ---- problems --------------------------------------------------------------------------------------------

def stand_ins(operation, path):
    """A value for each member of the path: it fits its schema and names nothing."""
    kinds = {p["name"]: p["schema"] for p in operation["parameters"] if p["in"] == "path"}
    values = {}
    for name in re.findall(r"{(\w+)}", path):
        tried = ("nothing", "ses_00000000000000000000000000", "R-nothing", 999999999)
        values[name] = next(one for one in tried if not list(
            jsonschema.Draft202012Validator(kinds[name]).iter_errors(one)))
    return values


def test_every_operation_refuses_with_a_problem_the_document_states(client):
    """Whatever is wrong with a request; where the rate of the class is used up it comes first."""
    tried = {}
    for ident, (verb, path, operation) in client.operations.items():
        client.move(client.owner.http)
        values = stand_ins(operation, path)
        has_body = "requestBody" in operation

        def refused(status, who=client.owner, **how):
            before = len(client.answers)
            client.ask(who, ident, (status, 429), **how, **values)
            assert len(client.answers) == before + 1
            held = client.answers[-1]
            tried[held["value"]["status"]] = tried.get(held["value"]["status"], 0) + 1
            return held["value"]
        if not operation["security"]:
            if has_body:
                assert refused(400, None, data={"zzz": 1}).get("member") in ("zzz", None)
            continue
        refused(401, None)
        if ident not in ("signOut", "openStream", "endMySessions"):
            client.ask(client.member, ident, ANY, data={} if verb in ("post", "put") else None, **values)
        assert refused(400, zzz_query="1").get("member") in ("zzz_query", None)
        if has_body:
            assert refused(400, data={"zzz": 1}).get("member") in ("zzz", None)
            refused(415, headers={"Content-Type": "text/plain"}, data={"zzz": 1})
        if verb != "get":
            refused(403, headers={"Origin": "https://evil.example"}, data={"zzz": 1})
    client.check()
    assert all(tried.get(status, 0) >= 15 for status in (400, 401, 403, 415)), tried


def test_what_is_no_operation_is_refused_with_a_problem(client):
    owner, api = client.owner, client.service.api
    for path, item in client.document["paths"].items():
        client.move(owner.http)
        where = api + re.sub(r"{\w+}", "x", path)
        other = next(verb for verb in ("patch", "put", "delete") if verb not in item)
        answer = owner.http.request(other, where, headers={"Origin": client.service.url}, timeout=30)
        client.hold_problem(answer, 405)
        said = {word.strip().lower() for word in answer.headers["Allow"].split(",")}
        assert said - {"head", "options"} == set(item), (path, said)
    client.hold_problem(owner.get("/nothing"), 404)
    client.hold_problem(owner.http.get(client.service.url + "/nothing", timeout=30), 404)
    client.hold_problem(owner.http.get(client.service.url + "/api", timeout=30), 404)
    client.hold_problem(owner.get("/me?token=x"), 400)  # by the front
    client.hold_problem(owner.get("/me", headers={"Content-Encoding": "gzip"}), 415)
    put = owner.http.put
    headers = {"Origin": client.service.url, "Content-Type": "application/json"}
    where = api + "/register/cost.audit"
    client.hold_problem(put(where, data='{"value":"' + "a" * 5000 + '"}', headers=headers, timeout=30), 413)
    headers["If-Match"] = '"nothing"'
    client.hold_problem(put(where, data='{"value":"1"}', headers=headers, timeout=30), 412)
    headers = {**headers, "Idempotency-Key": "once"}
    del headers["If-Match"]
    assert put(where, data='{"value":"1"}', headers=headers, timeout=30).status_code == 200
    client.hold_problem(put(where, data='{"value":"2"}', headers=headers, timeout=30), 422)
    made = {"json": {"name": "kept"}, "headers": {"Origin": client.service.url, "Idempotency-Key": "secret"}, "timeout": 30}
    assert owner.http.post(api + "/tokens", **made).status_code == 200
    client.hold_problem(owner.http.post(api + "/tokens", **made), 409)


# ---- requests --------------------------------------------------------------------------------------------

def members(client):
    """An operation and a member for each place and schema; where there are several, of the widest rate."""
    found, rates = {}, ("read", "write", "run", "export", "auth")
    for ident, (_, _, operation) in sorted(
            client.operations.items(), key=lambda item: -1 if item[1][2]["x-paulyops-rate"] == "stream"
            else -rates.index(item[1][2]["x-paulyops-rate"])):
        if not operation["security"] or ident == "openStream":
            continue
        some = [(p["in"], p["name"], p["schema"]) for p in operation["parameters"] if p["in"] in ("path", "query")]
        for content in operation.get("requestBody", {}).get("content", {}).values():
            some += [("body", name, schema) for name, schema in content["schema"]["properties"].items()]
        for place, name, schema in some:
            found[json.dumps(schema, sort_keys=True), place] = (ident, place, name, schema)
    return list(found.values())


def fits(value, schema):
    """As ECMAScript reads patterns: '$' is the end, not before a last line end."""
    if "pattern" in schema.get("items", schema):
        schema = json.loads(re.sub(r'\$"', r'\\\\Z"', json.dumps(schema)))
    return value is not None and not list(
        jsonschema.Draft202012Validator(schema, format_checker=formats).iter_errors(value))


def as_text(value, schema):
    """What a value in an address stands for; None: it could not be of this schema."""
    kind = schema["type"]
    if kind == "integer":
        return int(value) if re.fullmatch(r"-?\d+", value) else None
    return {"true": True, "false": False}.get(value) if kind == "boolean" else value


def test_values_are_taken_and_refused_as_the_document_says(client):
    """Every kind of member with the probes, until the rate ends it. A member that is not there ends each request:
    nothing is done."""
    tried = 0
    for ident, place, name, schema in members(client):
        _, path, operation = client.operations[ident]
        client.move(client.owner.http)
        for probe in PROBES:
            value = as_text(probe, schema) if place != "body" else [probe] if schema["type"] == "array" else probe
            values = stand_ins(operation, path)
            if place == "path":
                if probe in ("", ".", "..") or "/" in probe:
                    continue  # another path, or none
                values[name] = requests.utils.quote(probe, safe="")
            answer = client.probe(ident, values, {name: probe} if place == "query" else {},
                                  {name: value, "zzz": 1} if place == "body" else None)
            if answer.status_code == 429:
                break
            said = answer.json()
            if answer.status_code == 413 or said["type"] == "about:blank" or said.get("detail") == "the URL is malformed":
                # as a whole, before its members are looked at: too large, control bytes in an address
                assert answer.status_code in (400, 413) and not fits(value, schema), (ident, name, probe, said)
                continue
            assert answer.status_code == 400, (ident, name, probe, said)
            assert said.get("member") == ("zzz" if fits(value, schema) else name), (ident, name, probe, schema, said)
            tried += 1
    assert tried > 600


# ---- another validator -------------------------------------------------------------------------------------

@pytest.fixture
def node():
    found = shutil.which("node") or shutil.which("nodejs")
    if found is None or not MODULES.is_dir():
        pytest.skip("no node, or its packages are not there: scripts/setup test fetches them where npm is")
    return found


def test_ajv_agrees(client, node):
    """The document, its schemas in strict mode, and all answers so far."""
    given = json.dumps({"document": client.document, "answers": client.answers})
    ran = subprocess.run([node, NODE / "openapi.mjs", MODULES], input=given, capture_output=True, text=True, timeout=120,
                         check=False)
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    assert said["findings"] == [], said["findings"]
    assert said["schemas"] > 250 and said["answers"] == len(client.answers)
    # it would have found something
    broken = copy.deepcopy(client.document)
    broken["paths"] = {"/me": broken["paths"]["/me"]}
    broken["paths"]["/me"]["get"]["responses"] = {}
    broken["components"]["schemas"]["Self"]["required"].append("nothing")
    ran = subprocess.run([node, NODE / "openapi.mjs", MODULES], input=json.dumps({"document": broken, "answers": [
        {"name": "wrong", "at": PROBLEM, "value": {"type": 1}}]}), capture_output=True, text=True, timeout=120, check=True)
    assert {one["name"] for one in json.loads(ran.stdout)["findings"]} >= {"document", "wrong", "/components/schemas/Self"}


# ---- a client that others generate --------------------------------------------------------------------------

def run(*command, **kwargs):
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **kwargs)


def compile_client(node, directory, document):
    """Types by openapi-typescript, client.ts against them by tsc in its strictest form; its answer."""
    (directory / "api.json").write_text(json.dumps(document), encoding="utf-8")
    made = run(node, MODULES / "openapi-typescript/bin/cli.js", "api.json", "-o", "api.ts", cwd=directory)
    assert made.returncode == 0, made.stderr
    return run(node, MODULES / "typescript/lib/tsc.js", "--strict", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes",
               "--skipLibCheck", "--target", "es2022", "--module", "nodenext", "--moduleResolution", "nodenext", "client.ts",
               cwd=directory)


def test_a_generated_client_compiles_and_works(client, node, tmp_path):
    (tmp_path / "node_modules").symlink_to(MODULES.resolve())
    (tmp_path / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    shutil.copy(NODE / "client.ts", tmp_path)
    compiled = compile_client(node, tmp_path, client.document)
    assert compiled.returncode == 0, compiled.stdout
    token = client.ask(client.owner, "createToken", name="integration", life="1d",
                       scopes=["self.show", "control.list", "control.show", "control.run", "register.list", "register.set"])["token"]
    ran = run(node, "client.js", cwd=tmp_path, env={"PATH": os.environ["PATH"], "NODE_EXTRA_CA_CERTS": client.service.ca,
                                                    "API": client.service.api, "TOKEN": token})
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    missing = said.pop("missing")
    assert len(said["controls"]) == len(set(said.pop("controls"))) == 91
    clauses = [f"AUD-03.{n}" for n in range(1, 5)]
    assert said == {"kind": "user", "passed": True, "clauses": clauses, "value": "1200", "first": 200, "second": 412}
    assert missing["status"] == 404 and missing["title"]


def test_a_changed_document_breaks_the_generated_client(client, node, tmp_path):
    """The compiler would have found it: a member renamed, a path gone."""
    (tmp_path / "node_modules").symlink_to(MODULES.resolve())
    (tmp_path / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    shutil.copy(NODE / "client.ts", tmp_path)
    changed = copy.deepcopy(client.document)
    control = changed["components"]["schemas"]["Control"]
    control["properties"]["name"] = control["properties"].pop("id")
    control["required"] = ["name" if member == "id" else member for member in control["required"]]
    del changed["paths"]["/register/{name}"]["put"]
    compiled = compile_client(node, tmp_path, changed)
    assert compiled.returncode != 0
    assert "Property 'id' does not exist" in compiled.stdout and "/register/{name}" in compiled.stdout
