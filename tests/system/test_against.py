"""`--against`: an earlier checkpoint, report or pack contradicts a history rewritten with the real key."""
import pytest

from conftest import Ops
from support import named_files

STRANGE = [b"", b"hello\n", b"\0" * 4096, b"\xff\xfe" * 100, b"inst_0/audit\n-1\nAAAA\n",
           b"# Report\nledger size 99999999999999999999999, root `00`\n",
           b"ledger size 3, root `zz`", b"x" * (1 << 20)]


def rewind(ops, copy):
    """Put home and state back as `copy` has them, content only: inodes and binding stay."""
    for mine, theirs in ((ops.home, copy.home), (ops.state, copy.state)):
        kept = {p.relative_to(theirs): p.read_bytes() for p in theirs.rglob("*") if p.is_file()}
        for path in [p for p in mine.rglob("*") if p.is_file()]:
            if path.relative_to(mine) not in kept:
                path.unlink()
        for name, content in kept.items():
            path = mine / name
            if path.exists() and path.read_bytes() == content:
                continue
            path.write_bytes(content)


class Told:
    """A ledger with what outsiders keep of it, and the same ledger with its last part rewritten."""

    def __init__(self, program, base):
        self.ops = Ops(program, base / "ops").init()
        self.kept = base / "kept"
        self.kept.mkdir()
        ops = self.ops
        ops.assessed("control", "run", "CRY-01", "AUD-01")
        self.old = self.keep("old")
        early = ops.copy("early")
        ops.ok("register", "set", "programme.target", "2027-01-01")
        ops.assessed("control", "run", "CRY-01")
        self.new = self.keep("new")
        self.size = ops.json("ledger", "verify", "--dry-run")["size"]
        self.told_json = ops.ok("audit", "list", "--type", "register.", "-o", "json", "--dry-run").out
        rewind(ops, early)
        ops.ok("register", "set", "programme.target", "2031-12-31")  # another past, signed by the real key
        while ops.json("ledger", "verify", "--dry-run")["size"] < self.size + 4:
            ops.ok("register", "list")

    def keep(self, name):
        checkpoint = self.kept / f"{name}.checkpoint"
        checkpoint.write_bytes((self.ops.home / "data/ledger/checkpoint").read_bytes())
        report = self.kept / f"{name}.report.md"
        report.write_bytes((self.ops.home / self.ops.json("report", "readiness")["path"]).read_bytes())
        pack = self.kept / f"{name}.pack"
        self.ops.ok("pack", "export", pack)
        tar = self.kept / f"{name}.tar"
        self.ops.ok("pack", "export", "--tar", tar)
        return {"checkpoint": checkpoint, "report": report, "pack": pack, "tar": tar}


@pytest.fixture(scope="module")
def told(program, tmp_path_factory):
    return Told(program, tmp_path_factory.mktemp("told"))


KINDS = ["checkpoint", "report", "pack", "tar"]


def test_the_rewritten_ledger_verifies_on_its_own(told):
    verdict = told.ops.json("ledger", "verify", "--dry-run")
    assert verdict["ok"]
    consistency = [v for v in verdict["verdicts"] if v["verdict"] == "consistency"]
    assert consistency[0]["state"] == "not checked"


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_kept_before_the_rewriting_agrees(told, kind):
    result = told.ops.run("ledger", "verify", "--dry-run", "-o", "json", "--against", told.old[kind])
    assert result.code == 0, result
    assert result.json()["verdicts"][-1]["state"] == "ok"


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_kept_of_the_rewritten_part_contradicts_and_is_named(told, kind):
    result = told.ops.run("ledger", "verify", "--dry-run", "-o", "json", "--against", told.new[kind])
    assert result.code == 2, result
    assert named_files(result) == {str(told.new[kind])}
    assert "contradicts" in result.out


def test_of_several_files_only_the_contradicting_ones_are_named(told):
    options = [x for kind in KINDS for x in ("--against", told.old[kind], "--against", told.new[kind])]
    result = told.ops.run("ledger", "verify", "--dry-run", "-o", "json", *options)
    assert result.code == 2, result
    assert named_files(result) == {str(told.new[kind]) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_a_ledger_cut_short_is_contradicted_by_what_speaks_of_more(told, kind, paulyops):
    ops = paulyops().init()
    ops.ok("register", "set", "programme.target", "2027-01-01")
    early = ops.copy("early")
    ops.ok("register", "set", "programme.target", "2028-01-01")
    kept = ops.base / "kept"
    {"checkpoint": lambda: kept.write_bytes((ops.home / "data/ledger/checkpoint").read_bytes()),
     "report": lambda: kept.write_bytes((ops.home / ops.json("report", "status")["path"]).read_bytes()),
     "pack": lambda: ops.ok("pack", "export", kept),
     "tar": lambda: ops.ok("pack", "export", "--tar", kept)}[kind]()
    rewind(ops, early)
    result = ops.run("ledger", "verify", "--dry-run", "-o", "json", "--against", kept)
    assert result.code == 2, result
    assert named_files(result) == {str(kept)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_pack_is_held_against_what_was_kept(told, kind):
    ops = told.ops
    for pack in (told.new["pack"], told.new["tar"]):
        agreed = ops.run("pack", "verify", pack, "-o", "json", "--against", told.old[kind])
        assert agreed.code == 0 and agreed.json()["origin_established"], agreed
    later = ops.base / f"later.{kind}"
    ops.ok("pack", "export", later)
    result = ops.run("pack", "verify", later, "-o", "json", "--against", told.new[kind])
    assert result.code == 2, result
    assert named_files(result) == {str(told.new[kind])}
    assert not result.json()["origin_established"]


def test_a_checkpoint_of_another_ledger_is_no_origin(told, paulyops):
    other = paulyops("other").init()
    foreign = other.home / "data/ledger/checkpoint"
    result = told.ops.run("ledger", "verify", "--dry-run", "-o", "json", "--against", foreign)
    assert result.code == 2 and named_files(result) == {str(foreign)}, result
    result = told.ops.run("pack", "verify", told.old["pack"], "-o", "json", "--against", foreign)
    assert result.code == 2 and named_files(result) == {str(foreign)}, result


def test_an_altered_checkpoint_is_no_origin(told, tmp_path):
    whole = told.old["checkpoint"].read_bytes()
    altered = tmp_path / "altered"
    for at in range(0, len(whole), 11):
        altered.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
        result = told.ops.run("ledger", "verify", "--dry-run", "--against", altered)
        assert result.code in (2, 65) and str(altered) in result.out + result.err, (at, result)


def test_a_report_of_an_empty_ledger_establishes_no_origin(told, tmp_path):
    """Every log agrees with the empty one, so it says nothing about where a pack comes from."""
    empty = tmp_path / "empty.md"
    empty.write_text("As of ledger size 0, root `e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b785"
                     "2b855`\n")
    result = told.ops.run("pack", "verify", told.old["pack"], "-o", "json", "--against", empty)
    assert result.code == 65 or not result.json()["origin_established"], result


@pytest.mark.parametrize("content", STRANGE, ids=range(len(STRANGE)))
def test_a_strange_file_given_to_against_is_one_clear_line(told, content, tmp_path):
    strange = tmp_path / "strange"
    strange.write_bytes(content)
    for command in (("ledger", "verify", "--dry-run"), ("pack", "verify", told.old["pack"])):
        told.ops.run(*command, "--against", strange).check_line(65, str(strange))


def test_against_a_missing_file_a_directory_and_a_device(told, tmp_path):
    command = ("ledger", "verify", "--dry-run", "--against")
    told.ops.run(*command, tmp_path / "none").check_line(66, "none")
    told.ops.run(*command, tmp_path).check_line(66)
    told.ops.run(*command, "").check_line(66)
    for device in ("/dev/zero", "/dev/null", "/proc/self/mem"):
        assert told.ops.run(*command, device).code in (65, 66, 74, 77), device
    fifo = tmp_path / "fifo"
    __import__("os").mkfifo(fifo)
    assert told.ops.run(*command, fifo).code in (65, 66, 74)
