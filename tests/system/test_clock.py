"""A wall clock that is wrong: ahead and set back, behind, never set. What was recorded stays provable."""
import subprocess

import pytest

SOURCE = r"""
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *now)
{
    long rc = syscall(SYS_clock_gettime, id, now);
    const char *ahead = getenv("CLOCK_AHEAD"), *at = getenv("CLOCK_AT");
    if (id == CLOCK_REALTIME && at) now->tv_sec = atol(at);
    if (id == CLOCK_REALTIME && ahead) now->tv_sec += atol(ahead);
    return (int)rc;
}
"""
DAY = 86400
AFTER_9999 = 253402300900


@pytest.fixture(scope="session")
def clock(tmp_path_factory):
    """Environment under which the program sees another time."""
    where = tmp_path_factory.mktemp("clock")
    (where / "clock.c").write_text(SOURCE)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", where / "clock.so", where / "clock.c"], check=True)
    return lambda **kinds: {"LD_PRELOAD": str(where / "clock.so"),
                            **{f"CLOCK_{k.upper()}": str(v) for k, v in kinds.items()}}


def verifies(ops, tmp_path, name):
    ops.ok("ledger", "verify")
    ops.ok("pack", "export", tmp_path / name)
    ops.ok("pack", "verify", tmp_path / name)


def test_after_a_clock_was_ahead_evidence_is_gathered_anew(ops, clock, tmp_path):
    ops.init()
    ops.ok("control", "run", "AUD-01", env=clock(ahead=3 * DAY))
    ops.run("control", "run", "CRY-01", env=clock(ahead=400 * DAY))
    first = ops.run("assess", "-o", "json").json()
    assert first["tested"] > 0 and first["not_due"] == 0, first
    second = ops.run("assess", "-o", "json").json()  # the ledger's time is ahead: each one tests again
    assert second["tested"] == first["tested"], second
    verifies(ops, tmp_path, "pack")


@pytest.mark.parametrize("at", [-5, 0, 1, AFTER_9999, 99999999999999])
def test_a_clock_that_was_never_set_harms_nothing(ops, clock, tmp_path, at):
    assert ops.run("init", env=clock(at=at)).code == 0
    assert ops.run("control", "run", "AUD-01", env=clock(at=at)).code in (0, 2)
    ops.run("control", "run", "AUD-01")
    verifies(ops, tmp_path, "pack")
