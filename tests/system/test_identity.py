"""Accounts, roles, tokens and decisions from the command line: what is printed once, waits, or is refused."""
import json

import pytest

import service as running
from test_clock import DAY, clock  # noqa: F401: a fixture

TOKEN_CHARS = 53


@pytest.fixture
def ready(ops):
    return ops.init()


def rows(ops, *command, **kwargs):
    return ops.json(*command, **kwargs)["data"]


def first_owner(ops):
    return rows(ops, "user", "invite", "Ann@Example.org", "--name", "Ann", "--first-owner")[0]


def everything(ops):
    """All bytes of the home, also of the write-ahead log."""
    return b"".join(path.read_bytes() for path in ops.home.rglob("*") if path.is_file())


def test_the_first_owner_is_invited_once_and_the_link_is_shown_once(ready):
    owner = first_owner(ready)
    assert owner["link"].startswith("/invite#") and owner["role_in_force"]
    secret = owner["link"].split("#")[1]
    assert len(secret) == 43
    user = rows(ready, "user", "show", "ann@example.org")[0]
    assert (user["id"], user["state"], user["role"]) == (owner["id"], "invited", "owner")
    assert rows(ready, "user", "show", owner["id"]) == [user]
    again = first_owner(ready)
    assert again["id"] == owner["id"] and again["link"] != owner["link"]
    ready.run("user", "invite", "b@example.org", "--name", "B", "--first-owner").check_line(73, "owner")
    bytes_of_home = everything(ready)
    assert secret.encode() not in bytes_of_home
    assert b"xample.org" not in bytes_of_home  # neither in the store nor in the ledger
    told = ready.ok("audit", "list", "-o", "ndjson", "--limit", "100").out
    assert secret not in told and "xample.org" not in told
    kinds = [json.loads(line)["event_type"] for line in told.splitlines()]
    assert kinds.count("user.invited") == 2 and "role.granted" in kinds


def test_a_privileged_role_waits_and_can_be_cancelled(ready):
    first_owner(ready)
    ready.run("user", "invite", "bob@example.org", "--name", "Bob", "--role", "admin").check_line(64, "reason")
    bob = rows(ready, "user", "invite", "bob@example.org", "--name", "Bob", "--role", "admin", "--reason", "helps")[0]
    assert not bob["role_in_force"] and bob["role_effective"]
    shown = rows(ready, "user", "show", bob["id"])[0]
    assert shown["role"] is None and shown["role_waiting"] == "admin"
    ready.run("user", "approve", bob["id"]).check_line(66)  # time, not a person, is waited for
    assert ready.run("access", "why", bob["id"], "user.list").code == 2
    ready.ok("user", "cancel", bob["id"])
    assert rows(ready, "user", "show", bob["id"])[0]["role_waiting"] is None
    asked = [e for e in ready.ok("audit", "list", "--type", "role.asked", "-o", "ndjson").out.splitlines()]
    assert len(asked) == 1


def test_a_token_is_shown_once_and_never_found_again(ready):
    owner = first_owner(ready)
    service = rows(ready, "user", "service", "ci", "--role", "operator", "--owner", owner["id"])[0]
    assert service["kind"] == "service" and service["owner"] == owner["id"]
    made = rows(ready, "token", "create", "nightly", "--user", service["id"], "--scope", "control.*", "--life", "30d")[0]
    assert made["token"].startswith("pot_") and len(made["token"]) == TOKEN_CHARS
    listed = rows(ready, "token", "list")[0]
    assert listed["id"] == made["id"] and listed["scopes"] == "control.list control.run control.show"
    assert made["token"] not in json.dumps(listed)
    assert made["token"].encode() not in everything(ready)
    ready.run("token", "create", "x", "--user", service["id"], "--scope", "user.role").check_line(77, "lacks")
    ready.run("token", "create", "x", "--user", service["id"], "--scope", "no.such").check_line(65, "no.such")
    ready.run("token", "create", "x", "--user", service["id"], "--life", "366d").check_line(65, "365")
    ready.run("token", "create", "x").check_line(64, "--user")
    ready.ok("token", "revoke", made["id"])
    assert rows(ready, "token", "list") == []
    assert rows(ready, "token", "list", "--ended")[0]["ended"] == "revoked"
    ready.run("user", "role", service["id"], "admin", "--reason", "x").check_line(77, "service")


def test_a_role_holds_what_it_was_made_of_and_does_not_change(ready):
    first_owner(ready)
    ready.ok("role", "create", "runner", "control.run", "control.show")
    held = [row["action"] for row in rows(ready, "role", "show", "runner")]
    assert "control.run" in held and "flag.set" not in held
    ready.run("role", "create", "runner", "flag.set").check_line(73)
    ready.run("role", "create", "x", "no.such").check_line(65, "no.such")
    ready.run("role", "create", "owner", "flag.set").check_line(73)
    ready.run("role", "delete", "viewer").check_line(77)
    matrix = {row["action"]: row["roles"].split() for row in rows(ready, "access", "list")}
    assert "runner" in matrix["control.run"] and "runner" not in matrix["flag.set"]
    assert matrix["key.rotate"] == ["owner"] and "auditor" not in matrix["flag.set"]
    ready.ok("role", "delete", "runner")
    assert "runner" not in [row["name"] for row in rows(ready, "role", "list")]


def test_why_names_the_rule(ready):
    owner = first_owner(ready)
    # an invited owner may do nothing yet
    denied = ready.run("access", "why", owner["id"], "control.show", "-o", "json")
    assert denied.code == 2 and denied.json()["data"][0]["rule"] == "deny.inactive"
    ready.run("access", "why", "nobody@example.org", "control.show").check_line(66)


def test_a_dry_run_changes_nothing(ready):
    owner = first_owner(ready)
    before = rows(ready, "user", "list")
    for command in (("user", "invite", "c@example.org", "--name", "C", "--role", "viewer"),
                    ("user", "deprovision", owner["id"]), ("user", "role", owner["id"], "viewer"),
                    ("user", "service", "s", "--role", "viewer", "--owner", owner["id"]),
                    ("role", "create", "r", "flag.set"), ("token", "create", "t", "--user", owner["id"])):
        assert "would" in ready.ok(*command, "--dry-run").out, command
    assert rows(ready, "user", "list") == before


def test_tokens_that_nobody_uses_or_answers_for_end(ready, clock):
    first_owner(ready)
    bob = rows(ready, "user", "invite", "bob@example.org", "--name", "Bob", "--role", "member")[0]
    made = rows(ready, "user", "service", "ci", "--role", "operator", "--owner", bob["id"])[0]
    assert made["ownerless"] is False
    token = rows(ready, "token", "create", "old", "--user", made["id"])[0]
    for days in ("0", "366", "x"):
        ready.run("token", "revoke", "--unused", days).check_line(64, "days")
    ready.run("token", "revoke", token["id"], "--unused", "1").check_line(64)
    ready.run("token", "revoke").check_line(64)
    assert rows(ready, "token", "revoke", "--unused", "30") == []
    later = clock(ahead=31 * DAY)
    listed = rows(ready, "token", "revoke", "--unused", "30", "--dry-run", env=later)
    assert [(row["id"], row["open"]) for row in listed] == [(token["id"], True)]
    assert rows(ready, "token", "list", env=later)[0]["open"]
    assert rows(ready, "token", "revoke", "--unused", "30", env=later)[0]["ended"] == "unused"
    assert rows(ready, "token", "list", env=later) == []


def test_a_program_whose_owner_left_is_ownerless(ready):
    first_owner(ready)
    bob = rows(ready, "user", "invite", "bob@example.org", "--name", "Bob", "--role", "member")[0]
    made = rows(ready, "user", "service", "ci", "--role", "operator", "--owner", bob["id"])[0]
    token = rows(ready, "token", "create", "nightly", "--user", made["id"])[0]
    assert rows(ready, "user", "list", "--ownerless") == []
    ready.ok("user", "deprovision", bob["id"], "--reason", "left")
    assert [row["id"] for row in rows(ready, "user", "list", "--ownerless")] == [made["id"]]
    ended = rows(ready, "token", "list", "--ended")[0]
    assert (ended["id"], ended["open"], ended["ended"]) == (token["id"], False, "owner deprovisioned")
    ready.run("token", "create", "again", "--user", made["id"]).check_line(75, "not active")


def test_a_person_who_is_gone_stays_known_by_id(ready):
    owner = first_owner(ready)
    bob = rows(ready, "user", "invite", "bob@example.org", "--name", "Bob", "--role", "member")[0]
    gone = rows(ready, "user", "deprovision", bob["id"], "--reason", "left")[0]
    assert gone["state"] == "deprovisioned"
    ready.run("user", "resume", bob["id"]).check_line(75, "deprovisioned")
    ready.run("user", "show", "bob@example.org").check_line(66)
    new = rows(ready, "user", "invite", "bob@example.org", "--name", "Bob", "--role", "member")[0]
    assert new["id"] != bob["id"]
    assert [u["id"] for u in rows(ready, "user", "list")] == [owner["id"], bob["id"], new["id"]]
    ready.ok("store", "check")
    ready.ok("ledger", "verify")


def test_who_cannot_sign_in_is_helped_by_others(ready):
    owner = first_owner(ready)
    invited = rows(ready, "user", "invite", "bob@example.org", "--name", "Bob", "--role", "member")[0]
    serving = running.Service(ready)
    ann = running.Person(serving, "ann@example.org", running.PASSWORD).accept(owner["link"])
    bob = running.Person(serving, "bob@example.org", running.PASSWORD).accept(invited["link"])
    path = f"/users/{invited['id']}"

    # a new password: the link is shown once, and sessions last until it is used
    ready.run("user", "reset", "nobody@example.org").check_line(66)
    link = rows(ready, "user", "reset", "bob@example.org")[0]
    assert link["id"] == invited["id"] and link["expires"]
    again = ann.post(path + "/reset-link", {}).json()  # voids the first
    assert again["link"] != link["link"] and bob.get("/me").status_code == 200
    lost = bob.again()
    lost.password = "copper lanterns float at dawn"
    answer = lost.post("/auth/invitation", {"link": link["link"].split("#")[1], "new_password": lost.password})
    assert answer.status_code == 410, answer.text
    lost.accept(again["link"])  # the second factor is still asked for
    assert bob.get("/me").status_code == 401
    assert again["link"].split("#")[1].encode() not in everything(ready)

    # locked by wrong passwords, opened by another
    for _ in range(5):
        answer = bob.post("/auth/sign-in", {"email": bob.email, "password": "wrong and wrong again"})
    assert bob.post("/auth/sign-in", {"email": lost.email, "password": lost.password}).status_code == 429
    assert ann.http.delete(serving.api + path + "/lock", headers={"Origin": serving.url}, timeout=30).status_code == 204
    lost.sign_in()
    assert lost.get("/me").status_code == 200

    # the second factor taken away: sessions end, and the next sign-in sets up a new one
    ready.run("user", "mfa-reset", invited["id"]).check_line(64, "--reason")
    assert lost.post(path + "/mfa/reset", {"reason": "mine"}).status_code == 403
    answer = ann.post(f"/users/{owner['id']}/mfa/reset", {"reason": "mine"})
    assert answer.status_code == 403 and answer.json()["rule"] == "sod.self"
    assert ann.post(path + "/mfa/reset", {"reason": "phone lost"}).status_code == 204
    assert lost.get("/me").status_code == 401
    answer = lost.post("/auth/sign-in", {"email": lost.email, "password": lost.password})
    assert answer.json()["state"] == "enrol"
    told = ready.ok("audit", "list", "-o", "ndjson", "--limit", "200").out
    kinds = [json.loads(line)["event_type"] for line in told.splitlines()]
    assert kinds.count("link.created") == 2 and "auth.unlocked" in kinds and "mfa.reset" in kinds
    assert "phone lost" in told and again["link"].split("#")[1] not in told
    assert serving.stop() == 0
