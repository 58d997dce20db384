"""Time and memory within the bars; ratios against another program of the same run where load would tell."""
import resource
import shutil
import statistics
import subprocess
import time

import pytest

from conftest import Ops

PEAK_KIB = 48 * 1024
ASSESS_S = 3.0


@pytest.fixture(scope="module")
def assessed(program, tmp_path_factory):
    ops = Ops(program, tmp_path_factory.mktemp("resources") / "ops").init()
    ops.assessed("assess")
    return ops


# A child begins with the peak of whoever forked it, so a small process stands between the program and
# this one, which has grown large by now.
BETWEEN = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def measured(ops, *args):
    """Wall seconds and peak KiB of the program and its children."""
    start = time.monotonic()
    between = ("/usr/bin/python3", "-S", "-c", BETWEEN)
    result = ops.run(*args, prefix=between)
    code, peak = map(int, result.out.split())
    return time.monotonic() - start, peak, code


def test_assess_stays_within_time_and_memory(ops):
    ops.init()
    times = []
    for _ in range(3):  # the best of three: others use this machine too
        seconds, peak, code = measured(ops, "assess", "--all")
        assert code in (0, 2)
        assert peak < PEAK_KIB, f"peak {peak} KiB"
        times.append(seconds)
    assert min(times) < ASSESS_S, times


@pytest.mark.parametrize("command", [("report", "readiness"), ("report", "status"), ("pack", "export", "PACK"),
                                     ("ledger", "verify"), ("score",), ("health", "run")], ids=" ".join)
def test_other_commands_stay_within_the_memory_of_assess(assessed, tmp_path, command):
    args = [str(tmp_path / "pack") if word == "PACK" else word for word in command]
    _, peak, code = measured(assessed, *args)
    assert code in (0, 2) and peak < PEAK_KIB, (code, peak)


def median_of(argv, env, count):
    times = []
    for _ in range(count):
        start = time.perf_counter()
        subprocess.run(argv, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


@pytest.mark.parametrize("command", [("version",), ("help",), ("control", "list")], ids=" ".join)
def test_small_commands_start_within_three_times_of_sqlite(ops, command, is_soak):
    if not shutil.which("sqlite3"):
        pytest.skip("sqlite3 is not installed")
    count = 60 if is_soak else 21
    ratios = []
    for _ in range(3):  # side by side, so that load meets both
        theirs = median_of(["sqlite3", ":memory:", "select 1"], ops.environment(), count)
        ours = median_of([str(ops.program), *command], ops.environment(), count)
        ratios.append(ours / theirs)
        if ratios[-1] < 3.0:
            return
    pytest.fail(f"{' '.join(command)}: {ratios}")


def test_no_core_file_can_be_written(ops, tmp_path):
    """Secrets must not reach one (law 5)."""
    ops.init()
    resource.getrlimit(resource.RLIMIT_CORE)
    log = tmp_path / "strace"
    if ops.run("version", prefix=("strace", "-o", str(log), "-e", "trace=prlimit64,setrlimit,prctl")).code != 0:
        pytest.skip("strace cannot trace here")
    text = log.read_text()
    assert "RLIMIT_CORE, {rlim_cur=0, rlim_max=0}" in text and "PR_SET_DUMPABLE, SUID_DUMP_DISABLE" in text
