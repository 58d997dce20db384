"""Fixtures of the system tests: the release program, used from outside, in a home of its own.

    def test_score_is_json(ops):
        ops.init()
        score = ops.json("score")
        assert score["categories"]

A test waits for events, never for time to pass. The last line of a run is "N passed, N failed".
"""
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TIMEOUT_S = 60  # of one command; far beyond what any may take


class Result:
    """What a command left behind."""

    def __init__(self, argv, completed):
        self.argv = argv
        self.code = completed.returncode
        self.out = completed.stdout
        self.err = completed.stderr

    def json(self):
        return json.loads(self.out)

    def ndjson(self):
        return [json.loads(line) for line in self.out.splitlines()]

    def check_line(self, code, *words):
        """Failed with this exit code and one clear line that holds these words."""
        assert self.code == code, self
        lines = self.err.splitlines()
        assert len(lines) == 1, self
        for word in words:
            assert word in lines[0], self
        assert self.err.startswith("paulyops: "), self
        return lines[0]

    def __repr__(self):
        return (f"{' '.join(map(str, self.argv))}\nexit {self.code}\nstdout: {self.out[-2000:]}\n"
                f"stderr: {self.err[-2000:]}")


class Ops:
    """The program with its own PAULYOPS_HOME and state directory below `base`."""

    def __init__(self, program, base):
        self.program = pathlib.Path(program)
        self.base = pathlib.Path(base)
        self.home = self.base / "home"
        self.state = self.base / "state"
        self.base.mkdir(parents=True, exist_ok=True)

    def environment(self, extra=None):
        env = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.base),
            "LC_ALL": "C",
            "TZ": "TST-11",  # far from UTC: local time would show
            "PAULYOPS_HOME": str(self.home),
            "XDG_STATE_HOME": str(self.state),
        }
        env.update(extra or {})
        return {k: v for k, v in env.items() if v is not None}

    def dial(self):
        """A connection to the running service; its directory's path may be too long for an address."""
        data = os.open(self.home / "data", os.O_PATH)
        try:
            caller = socket.socket(socket.AF_UNIX)
            caller.connect(f"/proc/self/fd/{data}/paulyops.sock")
            return caller
        finally:
            os.close(data)

    def run(self, *args, stdin=None, env=None, cwd=None, timeout=TIMEOUT_S, prefix=()):
        """Run one command; text in and out. `prefix`: a program to run it under, e.g. strace."""
        argv = [*prefix, str(self.program), *map(str, args)]
        completed = subprocess.run(
            argv, input=stdin, stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True, env=self.environment(env), cwd=cwd or self.base, timeout=timeout,
            encoding="utf-8", errors="surrogateescape", check=False)
        return Result(argv, completed)

    def popen(self, *args, env=None, **kwargs):
        """Start one command; the caller waits for it (or kills it)."""
        return subprocess.Popen(
            [str(self.program), *map(str, args)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=self.environment(env), cwd=self.base, **kwargs)

    def ok(self, *args, **kwargs):
        """Run; exit 0 is required."""
        result = self.run(*args, **kwargs)
        assert result.code == 0, result
        return result

    def assessed(self, *args, **kwargs):
        """Run; 0 and 2 ("something did not pass") are both answers."""
        result = self.run(*args, **kwargs)
        assert result.code in (0, 2), result
        return result

    def fails(self, code, *args, **kwargs):
        """Run; this exit code and one line on stderr are required."""
        result = self.run(*args, **kwargs)
        result.check_line(code)
        return result

    def json(self, *args, codes=(0, 2), **kwargs):
        """Run with -o json and give the parsed answer."""
        result = self.run(*args, "-o", "json", **kwargs)
        assert result.code in codes, result
        return result.json()

    def init(self):
        self.ok("init")
        return self

    def copy(self, name, with_state=True):
        """A copy of home (and state) as another machine would hold it."""
        other = Ops(self.program, self.base.parent / name)
        shutil.copytree(self.home, other.home, symlinks=True)
        if with_state and self.state.exists():
            shutil.copytree(self.state, other.state, symlinks=True)
        return other

    def files(self, *parts):
        """Every regular file below the home (or a part of it), sorted."""
        top = self.home.joinpath(*parts)
        return sorted(p for p in top.rglob("*") if p.is_file() and not p.is_symlink())


def flip_byte(path, offset, bit=0):
    """Change one bit of a file in place."""
    with open(path, "r+b") as file:
        file.seek(offset)
        old = file.read(1)
        file.seek(offset)
        file.write(bytes([old[0] ^ (1 << bit)]))


@pytest.fixture(scope="session")
def program():
    """The release program; PAULYOPS names another one."""
    path = pathlib.Path(os.environ.get("PAULYOPS") or ROOT / os.environ.get("O", "build") / "release/paulyops")
    if not path.is_file():
        pytest.exit(f"{path} is missing: make V=release all", returncode=2)
    return path.resolve()


@pytest.fixture
def ops(program, tmp_path):
    """The program with an empty place for its home; call ops.init() to make one."""
    return Ops(program, tmp_path / "ops")


@pytest.fixture
def paulyops(program, tmp_path):
    """paulyops(name) -> Ops, for tests that need several homes."""
    return lambda name="ops": Ops(program, tmp_path / name)


@pytest.fixture(scope="session")
def assessed_home(program, tmp_path_factory):
    """A home with one finished assessment; read only: copy it (assessed_home.copy) to change it."""
    made = Ops(program, tmp_path_factory.mktemp("assessed") / "ops").init()
    made.assessed("assess")
    return made


@pytest.fixture(scope="session")
def source_root():
    return ROOT


@pytest.fixture
def is_soak():
    """True in `make soak`: take the full numbers."""
    return os.environ.get("PO_SOAK") == "1"


_counts = {"passed": 0, "failed": 0, "skipped": 0}
_skipped = []  # name and reason


def pytest_runtest_logreport(report):
    if report.when == "call" and report.passed:
        _counts["passed"] += 1
    elif report.failed:
        _counts["failed"] += 1
    elif report.skipped and not hasattr(report, "wasxfail"):
        _counts["skipped"] += 1
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        _skipped.append(f"{report.nodeid.split('::', 1)[-1]}: {str(reason).removeprefix('Skipped: ')}")


def pytest_collectreport(report):
    if report.failed:
        _counts["failed"] += 1


def pytest_unconfigure(config):
    del config
    for line in _skipped:
        print(f"skipped: {line}")
    if _counts["skipped"]:
        print(f"{_counts['skipped']} skipped (not counted as passed)")
    print(f"{_counts['passed']} passed, {_counts['failed']} failed")


def strip_ansi(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
