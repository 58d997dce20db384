"""The keeper alone: the test plays the supervisor and core."""
import os
import pathlib
import re
import time

import pytest

from front_role import Role, pack

PO_OK, PO_INVALID, PO_BUSY, PO_LIMIT, PO_CORRUPT = 0, 2, 11, 9, 14


@pytest.fixture
def keeper(program, tmp_path):
    with open(tmp_path / "log", "wb") as log:
        running = Role(program, "keeper", f"--home={tmp_path}", log=log)
    running.link()
    yield running
    running.end()


def children(pid):
    text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def ask(keeper, ident, kind, **fields):
    keeper.core.send(kind, ident, **fields)
    frame = keeper.core.expect("PASSWORD_ANSWER", 20)
    assert frame[1] == ident
    return frame[2]


COST = {"MEMORY_KIB": 65536, "PASSES": 3}


def test_it_hashes_and_verifies(keeper):
    made = ask(keeper, 5, "PASSWORD_HASH", SECRET="correct horse battery", **COST)
    assert made["CODE"] == PO_OK
    assert made["HASH"].startswith(b"$argon2id$v=19$m=65536,t=3,p=1$")
    right = ask(keeper, 6, "PASSWORD_VERIFY", SECRET="correct horse battery", HASH=made["HASH"])
    assert right == {"CODE": PO_OK, "IS_MATCH": 1}
    wrong = ask(keeper, 7, "PASSWORD_VERIFY", SECRET="correct horse batterz", HASH=made["HASH"])
    assert wrong == {"CODE": PO_OK, "IS_MATCH": 0}
    assert ask(keeper, 8, "PASSWORD_VERIFY", SECRET="a", HASH="$1$nonsense")["CODE"] == PO_CORRUPT
    assert ask(keeper, 9, "PASSWORD_HASH", SECRET="", **COST)["CODE"] == PO_INVALID
    assert ask(keeper, 10, "PASSWORD_HASH", SECRET="x" * 1025, **COST)["CODE"] == PO_LIMIT


def test_it_hashes_at_the_cost_it_is_given(keeper):
    for ident, memory_kib in ((1, 19456), (2, 262144)):
        made = ask(keeper, ident, "PASSWORD_HASH", SECRET="a secret", MEMORY_KIB=memory_kib, PASSES=2)
        assert made["HASH"].startswith(b"$argon2id$v=19$m=%d,t=2,p=1$" % memory_kib)
        assert ask(keeper, 9, "PASSWORD_VERIFY", SECRET="a secret", HASH=made["HASH"])["IS_MATCH"] == 1
    for memory_kib, passes in ((1 << 20 | 1, 2), (1 << 33, 2), (19456, 11), (0, 0)):
        refused = ask(keeper, 3, "PASSWORD_HASH", SECRET="a", MEMORY_KIB=memory_kib, PASSES=passes)
        assert refused["CODE"] == PO_INVALID


def test_two_work_sixteen_wait_and_more_are_refused(keeper):
    jobs = [pack("PASSWORD_HASH", i, SECRET="one that takes its time", **COST) for i in range(2)]
    jobs += [pack("PASSWORD_VERIFY", i, SECRET="a", HASH="no hash") for i in range(2, 30)]
    keeper.core.sock.sendall(b"".join(jobs))
    codes = {}
    largest = 0
    workers = children(keeper.process.pid)
    assert len(workers) == 2
    while len(codes) < 30:
        _, ident, fields = keeper.core.expect("PASSWORD_ANSWER", 30)
        codes[ident] = fields["CODE"]
        for pid in workers:
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            largest = max(largest, int(re.search(r"VmHWM:\s+(\d+)", status)[1]))
    assert [codes[i] for i in range(30)] == [PO_OK] * 2 + [PO_CORRUPT] * 16 + [PO_BUSY] * 12
    assert largest > 64 << 10  # kB: the memory was used, and
    assert largest < 100_000
    assert keeper.rss_kb() < 20_000


def test_another_core_gets_none_of_the_old_ones_answers(keeper):
    for ident in range(3):
        keeper.core.send("PASSWORD_HASH", ident, SECRET="asked by a core that died", **COST)
    keeper.sync()
    keeper.link()
    # the first answer to come is that of the new one's job, which waits behind the old ones'
    assert ask(keeper, 30, "PASSWORD_HASH", SECRET="asked by the new one", **COST)["CODE"] == PO_OK


def test_what_core_may_not_say_ends_its_link_only(keeper):
    keeper.core.send("STATS")
    assert keeper.core.receive() is None
    keeper.link()
    assert ask(keeper, 1, "PASSWORD_VERIFY", SECRET="a", HASH="no hash")["CODE"] == PO_CORRUPT


def test_a_worker_that_dies_ends_the_keeper_with_the_other(keeper):
    workers = children(keeper.process.pid)
    os.kill(workers[0], 9)
    assert keeper.process.wait(5) != 0
    until = time.monotonic() + 5
    while pathlib.Path(f"/proc/{workers[1]}/cmdline").exists() and time.monotonic() < until:
        if pathlib.Path(f"/proc/{workers[1]}/cmdline").read_bytes() == b"":
            break  # waits to be reaped
        time.sleep(0.01)
    assert time.monotonic() < until


def test_it_and_its_workers_are_fenced_in(keeper):
    for pid in [keeper.process.pid, *children(keeper.process.pid)]:
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
        for line in ("Seccomp:\t2", "NoNewPrivs:\t1", "CapEff:\t0000000000000000", "Threads:\t1"):
            assert line in text


def test_it_stops_when_told(keeper):
    assert keeper.stop() == 0
