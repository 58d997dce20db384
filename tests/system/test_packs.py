"""Evidence packs: verified without home, keys or network; whole or not there; readable by one recipient."""
import hashlib
import json
import shutil
import subprocess
import tarfile

import pytest

from conftest import Ops
from support import changed, tree

OFFLINE = {"PAULYOPS_HOME": None, "HOME": "", "XDG_STATE_HOME": None}


@pytest.fixture(scope="module")
def made(program, tmp_path_factory):
    base = tmp_path_factory.mktemp("packs")
    ops = Ops(program, base / "ops").init()
    ops.assessed("control", "run", "CRY-01", "AUD-01", "AUD-03")
    ops.pack, ops.tar = base / "pack", base / "pack.tar"
    ops.ok("pack", "export", ops.pack)
    ops.ok("pack", "export", "--tar", ops.tar)
    return ops


def without_network():
    done = subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False)
    return ("unshare", "-n") if done.returncode == 0 else None


def check(ops, pack, *options, **kwargs):
    return ops.run("pack", "verify", pack, "-o", "json", *options, **kwargs)


@pytest.mark.parametrize("form", ["pack", "tar"])
def test_a_pack_verifies_without_home_keys_and_network(made, form, tmp_path):
    prefix = without_network()
    if prefix is None:
        pytest.skip("a network namespace of its own needs root")
    result = check(made, getattr(made, form), env=OFFLINE, cwd=tmp_path, prefix=prefix)
    assert result.code == 0, result
    answer = result.json()
    assert answer["ok"] and not answer["origin_established"] and answer["runs"] > 0
    states = {v["verdict"]: v["state"] for v in answer["verdicts"]}
    assert states.pop("origin") == "not checked" and set(states.values()) == {"ok"}
    assert list(tmp_path.iterdir()) == []


def test_a_pack_alone_says_that_its_origin_is_not_established(made):
    assert "self-consistent, origin not established" in made.ok("pack", "verify", made.pack).out


def test_verifying_changes_nothing(made):
    before = tree(made.pack, made.home, made.state)
    check(made, made.pack)
    assert changed(before, tree(made.pack, made.home, made.state)) == []


def test_the_right_key_establishes_the_origin(made):
    vkey = made.home / "data/ledger/vkey"
    for given in (vkey, vkey.read_text().strip()):
        result = check(made, made.pack, "--vkey", given, env=OFFLINE)
        assert result.code == 0 and result.json()["origin_established"], result


def test_another_key_is_found(made, paulyops):
    other = paulyops("other").init()
    vkey = other.home / "data/ledger/vkey"
    for given in (vkey, vkey.read_text().strip()):
        result = check(made, made.pack, "--vkey", given)
        assert result.code == 2 and not result.json()["origin_established"], result
        assert "vkey" in {finding["file"] for finding in result.json()["findings"]}


def test_a_text_that_is_no_key_is_one_line(made, tmp_path):
    broken = tmp_path / "key"
    broken.write_text("no key\n")
    assert check(made, made.pack, "--vkey", broken).check_line(65)
    assert check(made, made.pack, "--vkey", "a+b+c").check_line(65)
    assert check(made, made.pack, "--vkey", tmp_path / "none").check_line(66)


def test_the_manifest_lists_every_file_with_its_digest(made):
    manifest = json.loads((made.pack / "manifest.json").read_text())
    assert manifest["format"] == "paulyops-evidence-pack/1"
    listed = {item["path"]: item for item in manifest["files"]}
    assert list(listed) == sorted(listed)
    found = {str(p.relative_to(made.pack)) for p in made.pack.rglob("*") if p.is_file()}
    assert found - set(listed) == {"manifest.json", "export.event.json", "export.record", "export.opening",
                                   "export.tlog-proof", "export.consistency"}
    for path, item in listed.items():
        content = (made.pack / path).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (item["bytes"], item["sha256"]), path


def test_every_criterion_has_its_folder(made):
    folders = sorted(p.name for p in (made.pack / "criteria").iterdir())
    assert len(folders) == 61
    for name in folders:
        assert {"README.md", "population.csv", "gaps.md"} <= {p.name for p in (made.pack / "criteria" / name).iterdir()}


def test_the_openings_and_records_hold_by_hand(made):
    """The two equations of the specification, with Python's own hash."""
    count = 0
    for opening in (made.pack / "criteria").rglob("*.opening"):
        stem = str(opening)[:-len(".opening")]
        record = open(stem + ".record", "rb").read()
        event = open(stem + ".event.json", "rb").read()
        assert len(record) == 116 and opening.stat().st_size == 32
        commit = hashlib.sha256(b"paulyops/v1/commit" + opening.read_bytes() + event).digest()
        assert commit == record[84:116], stem
        count += 1
    assert count > 5


def test_a_pack_holds_no_key(made):
    (folder,) = (made.state / "paulyops").iterdir()
    secrets = [p.read_bytes() for p in folder.iterdir() if p.name in ("master.key", "ledger.key")]
    for path in made.pack.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(secret in content for secret in secrets), path


def test_the_tar_is_sorted_with_fixed_times_and_plain_entries(made):
    with tarfile.open(made.tar) as tar:
        members = tar.getmembers()
        manifest = json.load(tar.extractfile("manifest.json"))
    names = [member.name for member in members]
    assert names == sorted(names, key=str.encode)
    assert len({member.mtime for member in members}) == 1
    stamp = manifest["as_of"]["time"]
    seconds = subprocess.run(["date", "-u", "-d", stamp, "+%s"], capture_output=True, text=True, check=True)
    assert members[0].mtime == int(seconds.stdout)
    assert {(m.mode, m.uid, m.gid, m.uname, m.gname, m.isreg()) for m in members} == {(0o644, 0, 0, "", "", True)}


def test_the_same_evidence_gives_the_same_bytes(paulyops):
    """Exporting adds events, so two exports of one home differ; two copies of one home export alike."""
    ops = paulyops("one").init()
    ops.assessed("control", "run", "CRY-01")
    size = ops.json("ledger", "verify", "--dry-run")["size"]
    packs = []
    for i in range(2):
        pack = ops.base / f"pack{i}"
        ops.ok("pack", "export", pack)
        packs.append({str(p.relative_to(pack)): p.read_bytes() for p in pack.rglob("*.event.json")
                      if "criteria" in str(p)})
    assert packs[0] == packs[1] and packs[0]
    assert ops.json("ledger", "verify", "--dry-run")["size"] > size


def test_an_unpacked_tar_verifies_as_a_directory(made, tmp_path):
    with tarfile.open(made.tar) as tar:
        tar.extractall(tmp_path / "out")
    assert check(made, tmp_path / "out").code == 0


def test_only_the_criteria_asked_for(made, tmp_path):
    made.ok("pack", "export", tmp_path / "pack", "--criterion", "CC7.2", "--criterion", "CC6.1")
    assert sorted(p.name for p in (tmp_path / "pack/criteria").iterdir()) == ["CC6.1", "CC7.2"]
    assert check(made, tmp_path / "pack").code == 0


def test_nothing_that_is_there_is_overwritten(made, tmp_path):
    for target in (tmp_path / "dir", tmp_path / "file", tmp_path / "link"):
        if target.name == "dir":
            target.mkdir()
        elif target.name == "file":
            target.write_text("mine")
        else:
            target.symlink_to("nowhere")
        before = tree(tmp_path)
        for options in ((), ("--tar",)):
            made.run("pack", "export", target, *options).check_line(73)
        assert changed(before, tree(tmp_path)) == []


@pytest.mark.parametrize("options", [("--recipient", "nonsense"), ("--criterion", "XX9"),
                                     ("--tar", "--criterion", "XX9"), ("--recipient", "age1short")], ids=" ".join)
def test_a_refused_export_leaves_nothing_behind(made, tmp_path, options):
    if options == ("--recipient", "age1short") and not shutil.which("age"):
        pytest.skip("age is not installed")
    result = made.run("pack", "export", tmp_path / "pack", *options)
    result.check_line(result.code)
    assert result.code in (1, 64, 66), result
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [(), ("--tar",)], ids=["directory", "tar"])
def test_a_killed_export_leaves_no_pack_that_verifies(made, tmp_path, options):
    if subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("strace cannot trace here")
    for name, number in (("mkdir", 1), ("mkdir", 9), ("rename,renameat2,renameat", 3), ("pwrite64", 9), ("fsync", 4)):
        target = tmp_path / f"pack-{name.split(',')[0]}-{number}"
        killed = made.run("pack", "export", target, *options,
                          prefix=("strace", "-o", "/dev/null", "-e", f"trace={name}", "-e",
                                  f"inject={name}:signal=KILL:when={number}"))
        if killed.code == 0:
            continue
        assert not target.exists(), (name, number)
    assert made.json("ledger", "verify")["ok"]
    made.ok("pack", "export", tmp_path / "after")


def test_one_recipient_reads_it_and_no_plain_copy_stays(made, tmp_path):
    if not shutil.which("age"):
        pytest.skip("age is not installed")
    key = tmp_path / "key"
    subprocess.run(["age-keygen", "-o", key], capture_output=True, check=True)
    recipient = subprocess.run(["age-keygen", "-y", key], capture_output=True, text=True, check=True).stdout.strip()
    out = tmp_path / "out"
    out.mkdir()
    made.ok("pack", "export", out / "pack.age", "--recipient", recipient)
    assert [p.name for p in out.iterdir()] == ["pack.age"]
    assert (out / "pack.age").read_bytes().startswith(b"age-encryption.org/v1\n")
    plain = tmp_path / "plain.tar"
    subprocess.run(["age", "-d", "-i", key, "-o", plain, out / "pack.age"], check=True, capture_output=True)
    assert check(made, plain).code == 0
    assert made.run("pack", "verify", out / "pack.age").code == 65
    other = tmp_path / "other"
    subprocess.run(["age-keygen", "-o", other], capture_output=True, check=True)
    assert subprocess.run(["age", "-d", "-i", other, out / "pack.age"], capture_output=True, check=False).returncode


def test_hostile_packs_are_one_line(made, tmp_path):
    for i, text in enumerate(["", "[]", "{}", "[" * 5000, '{"files":[{"path":"../../etc/passwd"}]}', "\0" * 100]):
        folder = tmp_path / f"p{i}"
        folder.mkdir()
        (folder / "manifest.json").write_text(text)
        result = made.run("pack", "verify", folder)
        assert result.code in (2, 65), result
        assert len(result.err.splitlines()) <= 1
    deep = tmp_path / "deep"
    (deep / "/".join("d" * 1 for _ in range(40))).mkdir(parents=True)
    (deep / "manifest.json").write_text("{}")
    made.run("pack", "verify", deep).check_line(65)
    made.run("pack", "verify", tmp_path).check_line(65)
