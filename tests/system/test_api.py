"""The API over HTTPS: its document, a client made from it, and what rows do for real."""
import json
import re
import time

import pytest

from service import PASSWORD, Person, Service, first_owner


@pytest.fixture
def owner(ops):
    ops.init()
    link = first_owner(ops)
    service = Service(ops)
    yield Person(service, "owner@example.org", PASSWORD).accept(link)
    assert service.stop() == 0


# ---- the document --------------------------------------------------------------------------------

def references(node):
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def resolve(document, reference):
    assert reference.startswith("#/"), reference
    node = document
    for part in reference[2:].split("/"):
        node = node[part]
    return node


def check_schema(schema, where):
    known = {"$ref", "type", "format", "properties", "required", "additionalProperties", "items", "enum", "pattern",
             "minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum", "description"}
    assert set(schema) <= known, (where, set(schema) - known)
    types = schema.get("type", [])
    for one in types if isinstance(types, list) else [types]:
        assert one in ("object", "array", "string", "integer", "boolean", "null"), where
    if "pattern" in schema:
        re.compile(schema["pattern"])
    for name, part in schema.get("properties", {}).items():
        check_schema(part, f"{where}.{name}")
    if "properties" in schema:
        assert set(schema.get("required", [])) <= set(schema["properties"]), where
    if "items" in schema:
        check_schema(schema["items"], f"{where}[]")


def check_operation(path, verb, operation, ids):
    where = f"{verb} {path}"
    assert operation["operationId"] not in ids, where
    ids.add(operation["operationId"])
    assert verb in ("get", "put", "post", "delete", "patch"), where
    assert operation["summary"] and operation["x-paulyops-action"], where
    names = [(p["in"], p["name"]) for p in operation["parameters"]]
    assert len(names) == len(set(names)), where
    in_path = {name for place, name in names if place == "path"}
    assert in_path == set(re.findall(r"{(\w+)}", path)), where
    for parameter in operation["parameters"]:
        assert parameter["in"] in ("path", "query", "header") and parameter["description"], where
        assert parameter["in"] != "path" or parameter["required"] is True, where
        check_schema(parameter["schema"], where)
    if "requestBody" in operation:
        assert verb != "get", where
        for content in operation["requestBody"]["content"].values():
            check_schema(content["schema"], where)
            assert content["schema"]["additionalProperties"] is False, where
    assert "default" in operation["responses"] and len(operation["responses"]) == 2, where
    for status, response in operation["responses"].items():
        assert re.fullmatch(r"default|2\d\d", status), where
        assert "$ref" in response or response["description"], where
        for content in response.get("content", {}).values():
            check_schema(content["schema"], where)


def check_document(document):
    """OpenAPI 3.1's required members, unique ids, references that lead somewhere."""
    assert document["openapi"] == "3.1.0"
    assert {"title", "version"} <= set(document["info"])
    assert document["servers"][0]["url"] == "/api/v1"
    ids = set()
    for path, item in document["paths"].items():
        assert path.startswith("/"), path
        for verb, operation in item.items():
            check_operation(path, verb, operation, ids)
    for name, schema in document["components"]["schemas"].items():
        check_schema(schema, name)
    for reference in references(document):
        assert resolve(document, reference) is not None, reference
    schemes = set(document["components"]["securitySchemes"])
    for item in document["paths"].values():
        for operation in item.values():
            assert all(set(one) <= schemes for one in operation["security"])
    return ids


# ---- a client made from it -----------------------------------------------------------------------

def conforms(document, schema, value, where):
    if "$ref" in schema:
        conforms(document, resolve(document, schema["$ref"]), value, where)
        return
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "null": type(None)}
    types = schema.get("type", [])
    types = types if isinstance(types, list) else [types]
    fits = [one for one in types if isinstance(value, kinds[one]) and not (one == "integer" and value is True)]
    assert fits or not types, (where, value)
    for name in schema.get("required", []):
        assert name in value, (where, name)
    for name, part in schema.get("properties", {}).items():
        if isinstance(value, dict) and name in value:
            conforms(document, part, value[name], f"{where}.{name}")
    if isinstance(value, list) and "items" in schema:
        for item in value:
            conforms(document, schema["items"], item, f"{where}[]")


class Client:
    """One method for each operation of the document; answers are held against their schema."""

    def __init__(self, document, person):
        self.document, self.person = document, person
        for path, item in document["paths"].items():
            for verb, operation in item.items():
                setattr(self, operation["operationId"], self.make(path, verb, operation))

    def make(self, path, verb, operation):
        places = {p["name"]: p["in"] for p in operation["parameters"]}

        def call(**members):
            url = path
            query, body, headers = {}, {}, {"Origin": self.person.service.url, "Content-Type": "application/json"}
            for name, value in members.items():
                place = places.get(name.replace("_header", ""), "body")
                if place == "path":
                    url = url.replace("{%s}" % name, str(value))
                elif place == "query":
                    query[name] = value
                else:
                    body[name] = value
            answer = self.person.http.request(
                verb, self.person.service.api + url, params=query, headers=headers, timeout=60,
                data=json.dumps(body) if body else None)
            if answer.ok and answer.status_code != 204:
                for kind, content in operation["responses"]["200"]["content"].items():
                    assert answer.headers["Content-Type"].startswith(kind), answer.headers
                    if kind == "application/json":
                        conforms(self.document, content["schema"], answer.json(), operation["operationId"])
            return answer
        return call


def test_the_document_is_whole_and_a_client_made_from_it_works(owner):
    http = owner.service.session()
    document = http.get(owner.service.api + "/openapi.json", timeout=30).json()
    ids = check_document(document)
    assert len(ids) >= 80
    client = Client(document, owner)
    # every operation that only reads and needs no value
    for path, item in document["paths"].items():
        operation = item.get("get")
        if operation is None or "{" in path or path == "/stream":
            continue
        if any(p.get("required") for p in operation["parameters"]):
            continue
        answer = getattr(client, operation["operationId"])()
        assert answer.status_code == 200, (path, answer.text)
    # some that name a thing, and some that change one
    assert client.getControl(control="AUD-03").json()["data"]
    assert client.getHealthCheck(check="HC-06").ok
    assert client.proveLeaf(leaf=1).text.startswith("c2sp.org/tlog-proof@v1")
    assert client.setRegisterEntry(name="cost.audit", value="1200").ok
    assert client.getRegisterEntry(name="cost.audit").json()["value"] == "1200"
    assert client.runHealthChecks().json()["passed"] in (True, False)
    report = client.issueHealthReport().json()["id"]
    assert all(row["holds"] for row in client.verifyReport(report=report).json()["data"])
    assert client.exportPack(criteria=["CC7.2"]).content[257:262] == b"ustar"
    assert client.verifyLedger().json()["passed"] is True
    made = client.createToken(name="ci", scopes=["control.*"]).json()
    assert made["token"].startswith("pot_")
    bearer = {"Authorization": "Bearer " + made["token"]}
    controls = owner.service.api + "/controls"
    assert http.get(controls, headers=bearer, timeout=30).status_code == 200
    assert client.endToken(token=made["id"]).status_code == 204
    assert http.get(controls, headers=bearer, timeout=30).status_code == 401


def test_a_stream_resumes_and_ends_with_its_session(owner):
    def events(answer, count):
        found = []
        for line in answer.iter_lines(chunk_size=1):
            if line.startswith(b"data: ") or line.startswith(b"data:"):
                found.append(json.loads(line.split(b":", 1)[1]))
            if len(found) == count:
                return found
        return found

    with owner.get("/stream?after=0", stream=True) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        first = events(answer, 5)
    with owner.get("/stream", stream=True, headers={"Last-Event-ID": str(first[2]["seq"])}) as answer:
        assert events(answer, 2) == first[3:]
    with owner.get("/stream?topic=health", stream=True) as answer:
        begin = time.monotonic()
        assert owner.post("/auth/sign-out", {}).status_code in (200, 204)
        assert events(answer, 1) == []  # closed
        assert time.monotonic() - begin < 3
