"""Chromium (Debian's chromium-headless-shell) driven over its DevTools websocket: no npm, no driver program."""
import asyncio
import base64
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

import websockets

PROGRAM = shutil.which("chromium-headless-shell") or "/usr/lib/chromium/chromium-headless-shell"


class Browser:
    """One browser with one page; every method waits for its answer."""

    def __init__(self, dark=False):
        self.profile = tempfile.mkdtemp(prefix="po-browser-")
        self.process = subprocess.Popen(
            [PROGRAM, "--no-sandbox", "--headless", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--ignore-certificate-errors", "--remote-debugging-port=0", "--disable-background-networking",
             "--disable-component-update", "--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost,"
             " EXCLUDE 127.0.0.1",
             f"--user-data-dir={self.profile}", *(["--force-dark-mode"] if dark else []), "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8",
            env={"HOME": self.profile, "PATH": "/usr/bin:/bin", "TMPDIR": self.profile})
        self.loop = asyncio.new_event_loop()
        self.serial = 0
        self.events = []
        address = None
        for line in self.process.stderr:
            found = re.search(r"DevTools listening on (ws://\S+)", line)
            if found:
                address = found[1]
                break
        assert address, "no browser"
        self.socket = self.loop.run_until_complete(self._connect(address))
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(domain + ".enable")

    def send(self, method, **params):
        self.serial += 1
        message = {"id": self.serial, "method": method, "params": params}
        if hasattr(self, "session"):
            message["sessionId"] = self.session
        return self.loop.run_until_complete(self._ask(message))

    @staticmethod
    async def _connect(address):
        return await websockets.connect(address, max_size=None, ping_interval=None)

    async def _ask(self, message):
        await self.socket.send(json.dumps(message))
        while True:
            answer = json.loads(await asyncio.wait_for(self.socket.recv(), 20))
            if answer.get("id") == message["id"]:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def open(self, url):
        self.send("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && location.href.startsWith(%s)" % json.dumps(url.split("#")[0]))

    def run(self, script):
        """The value of an expression (a promise is waited for)."""
        answer = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, script, timeout=15):
        until = time.monotonic() + timeout
        while True:
            try:
                value = self.run(script)
            except AssertionError:  # the page is on its way
                value = None
            if value:
                return value
            assert time.monotonic() < until, (script, self.run("document.body.innerText"), self.complaints())
            time.sleep(0.02)

    def type(self, selector, text):
        """As a person would: into the field that has the focus."""
        self.run(f"document.querySelector({json.dumps(selector)}).focus()")
        self.run(f"document.querySelector({json.dumps(selector)}).select()")
        self.send("Input.insertText", text=text)

    def click(self, selector):
        self.run(f"document.querySelector({json.dumps(selector)}).click()")

    def press_enter(self):
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13,
                      text="\r" if kind == "keyDown" else "")

    def cookies(self):
        return self.send("Network.getCookies")["cookies"]

    def requests(self):
        """Addresses of all requests so far."""
        self.run("1")
        return [e["params"]["request"]["url"] for e in self.events if e["method"] == "Network.requestWillBeSent"]

    def complaints(self):
        """What the console said: errors, refused resources, violations of the policy."""
        return [e["params"] for e in self.events
                if e["method"] == "Runtime.exceptionThrown" or
                (e["method"] == "Log.entryAdded" and e["params"]["entry"]["level"] == "error")]

    def screenshot(self, path):
        pathlib.Path(path).write_bytes(base64.b64decode(self.send("Page.captureScreenshot")["data"]))

    def close(self):
        self.loop.run_until_complete(self.socket.close())
        self.process.kill()
        self.process.wait(10)
        self.process.stderr.close()
        self.loop.close()
        shutil.rmtree(self.profile, ignore_errors=True)
