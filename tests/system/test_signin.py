"""A person signs in with a browser: invitation, password, second factor, sessions."""
import pytest

from browser import Browser
from service import PASSWORD, Person, Service, first_owner, totp


@pytest.fixture
def service(ops):
    ops.init()
    link = first_owner(ops)
    running = Service(ops)
    running.link = link
    yield running
    assert running.stop() == 0


@pytest.fixture
def browser():
    running = Browser()
    yield running
    running.close()


def text(browser, selector):
    return browser.run(f"document.querySelector({selector!r}).textContent.trim()")


def is_shown(browser, name):
    return browser.wait(f"!document.getElementById({name!r}).hidden")


def submit(browser, fields):
    for selector, value in fields.items():
        browser.type(selector, value)
    browser.press_enter()


def on_sessions(browser, count):
    browser.wait(f"location.pathname === '/sessions' && document.querySelectorAll('#rows tr').length === {count}")


def test_an_invited_person_enrols_and_signs_in_again(service, browser):
    # the link's code never reaches the server, and leaves the address bar
    browser.open(service.url + service.link)
    assert browser.run("location.href") == service.url + "/invite"
    submit(browser, {"#new-password": PASSWORD, "#again": PASSWORD + "x"})
    assert "differ" in browser.wait("document.querySelector('#form-link .message').textContent")
    submit(browser, {"#new-password": "password1234", "#again": "password1234"})
    browser.wait("document.querySelector('#form-link .message').classList.contains('bad') && "
                 "!document.querySelector('#form-link button[type=submit]').disabled")
    submit(browser, {"#new-password": PASSWORD, "#again": PASSWORD})
    is_shown(browser, "form-enrol")
    browser.wait("document.getElementById('qr').naturalWidth > 0")
    secret = text(browser, "#secret")
    submit(browser, {"#enrol-code": "000000" if totp(secret) != "000000" else "111111"})
    browser.wait("document.querySelector('#form-enrol .message').textContent")
    submit(browser, {"#enrol-code": totp(secret)})
    is_shown(browser, "recovery-codes")
    codes = browser.run("[...document.querySelectorAll('#codes li')].map((one) => one.textContent)")
    assert len(set(codes)) == 10
    browser.click("#after-codes")
    on_sessions(browser, 1)
    (cookie,) = browser.cookies()
    assert cookie["name"].startswith("__Host-") and cookie["httpOnly"] and cookie["secure"]
    assert cookie["sameSite"] == "Strict" and cookie["path"] == "/"
    assert browser.run("document.cookie") == ""

    # sign out: the old cookie is worth nothing
    browser.click("#sign-out")
    browser.wait("location.pathname === '/signin'")
    assert service.session().get(service.api + "/me/sessions", cookies={cookie["name"]: cookie["value"]},
                                 timeout=20).status_code == 401

    # password and recovery code; a wrong password says no more than that
    is_shown(browser, "form-password")
    submit(browser, {"#email": "owner@example.org", "#password": "not this one at all"})
    said = browser.wait("document.querySelector('#form-password .message').textContent")
    submit(browser, {"#email": "nobody@example.org", "#password": "not this one at all"})
    browser.wait("!document.querySelector('#form-password button').disabled")
    assert browser.wait("document.querySelector('#form-password .message').textContent") == said
    submit(browser, {"#email": "owner@example.org", "#password": PASSWORD})
    is_shown(browser, "form-code")
    browser.click("#use-recovery")
    submit(browser, {"#recovery": codes[3]})
    on_sessions(browser, 1)

    # nothing of others was asked for, and the policy had nothing to refuse
    assert all(url.startswith((service.url, "data:image/svg+xml")) for url in browser.requests())
    assert not [one for one in browser.complaints() if "Content Security Policy" in str(one)]
    assert service.link.split("#")[1] not in str(browser.requests())


def test_a_person_of_a_tenant_names_it_on_the_page(ops, browser):
    ops.init()
    ops.ok("tenant", "create", "acme")
    link = ops.json("user", "invite", "ann@example.org", "--name", "Ann", "--first-owner", "--tenant",
                    "acme")["data"][0]["link"]
    service = Service(ops)
    try:
        person = Person(service, "ann@example.org", PASSWORD).accept(link)
        browser.open(service.url + "/signin")
        assert not browser.run("document.querySelector('details').open")
        submit(browser, {"#email": person.email, "#password": PASSWORD})  # nobody of the default tenant
        browser.wait("document.querySelector('#form-password .message').textContent")
        browser.click("summary")
        submit(browser, {"#password": PASSWORD, "#tenant": "acme"})
        is_shown(browser, "form-code")
        submit(browser, {"#code": person.code()})
        on_sessions(browser, 2)
    finally:
        assert service.stop() == 0
