"""A byte changed anywhere in a ledger, an export, a report or a pack is found and the file named."""
import os
import shutil

import pytest

from conftest import Ops, flip_byte
from support import CHECKED, blames, changed, damage, flipped, named_files, offsets, tree


@pytest.fixture(scope="module")
def grown(program, tmp_path_factory):
    """A ledger with a full tile; its tests put back what they changed."""
    ops = Ops(program, tmp_path_factory.mktemp("grown") / "ops").init()
    while ops.json("ledger", "verify", "--dry-run")["size"] <= 256:
        ops.assessed("control", "run", *CHECKED)
    ops.ok("register", "set", "programme.target", "2027-03-31")
    return ops


@pytest.fixture(scope="module")
def pack(grown, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pack") / "pack"
    grown.ok("pack", "export", folder)
    return folder


@pytest.fixture(scope="module")
def tar(grown, tmp_path_factory):
    file = tmp_path_factory.mktemp("tar") / "pack.tar"
    grown.ok("pack", "export", "--tar", file)
    return file


def ledger_files(ops):
    top = ops.home / "data/ledger"
    return {str(p.relative_to(top)): p for p in ops.files("data", "ledger")}


def pack_files(pack):
    return {str(p.relative_to(pack)): p for p in sorted(pack.rglob("*")) if p.is_file()}


def verify_ledger(ops):
    return ops.run("ledger", "verify", "--dry-run", "-o", "json")


def verify_pack(ops, pack):
    return ops.run("pack", "verify", pack, "-o", "json")


# -- the ledger ------------------------------------------------------------------------------------


def test_the_grown_ledger_has_every_kind_of_file(grown):
    assert set(ledger_files(grown)) == {"000000.rec", "000000.pay", "tile/0/000", "checkpoint", "vkey",
                                        "writer"}
    assert verify_ledger(grown).code == 0


def test_a_flipped_byte_in_each_ledger_file_is_found_and_the_file_named(grown, is_soak):
    for name, path in ledger_files(grown).items():
        whole = path.read_bytes()
        for at in offsets(len(whole), name, 60 if is_soak else 8):
            with damage(path, flipped(whole, at, at % 8)):
                assert blames(verify_ledger(grown), name), (name, at)
    assert verify_ledger(grown).code == 0


def test_every_byte_of_the_small_ledger_files_counts(grown, is_soak):
    for name in ("checkpoint", "vkey", "writer"):
        path = ledger_files(grown)[name]
        whole = path.read_bytes()
        for at in range(0, len(whole), 1 if is_soak else 7):
            with damage(path, flipped(whole, at, at % 7)):
                assert blames(verify_ledger(grown), name), (name, at)


def test_every_field_of_a_record_counts(grown):
    path = ledger_files(grown)["000000.rec"]
    whole = path.read_bytes()
    leaf = grown.json("ledger", "verify", "--dry-run")["size"] - 1
    for at in (0, 1, 2, 4, 5, 6, 7, 8, 15, 16, 20, 23, 24, 32, 38, 46, 52, 83, 84, 115):
        with damage(path, flipped(whole, leaf * 116 + at, 0)):
            assert blames(verify_ledger(grown), "000000.rec"), at


@pytest.mark.parametrize("name", ["000000.rec", "000000.pay", "tile/0/000", "checkpoint", "vkey",
                                  "writer"])
def test_a_ledger_file_cut_lengthened_emptied_or_removed_is_named(grown, name):
    path = ledger_files(grown)[name]
    whole = path.read_bytes()
    written = len(whole.rstrip(b"\0"))
    for content in (whole[:written - 1], b"", whole[:100 if name.startswith("0") else 1], whole + b"x", None):
        with damage(path, content):
            assert blames(verify_ledger(grown), name), (name, content and len(content))
    assert verify_ledger(grown).code == 0


def test_strange_files_in_the_ledger_are_named(grown):
    top = grown.home / "data/ledger"
    for name in ("000001.rec", "000001.pay", "000007.rec", "notes.txt", "checkpoint.old", "tile/0/001",
                 "tile/0/000.p/3", "tile/1/000", "tile/9/000", "tile/entries/000", "tile/0/x000/000"):
        with damage(top / name, b"abc"):
            assert blames(verify_ledger(grown), name), name
    for folder in sorted((p for p in (top / "tile").rglob("*") if p.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
    assert verify_ledger(grown).code == 0


def test_a_strange_name_cannot_forge_a_verdict(grown):
    name = "x\nsize 9, root 00: verified\n\x1b[2J"
    with damage(grown.home / "data/ledger" / name, b"abc"):
        result = grown.run("ledger", "verify", "--dry-run")
        assert result.code == 2
        assert "\x1b" not in result.out
        assert not any(line.startswith("size 9") for line in result.out.splitlines())
        assert name in named_files(verify_ledger(grown))


def test_files_swapped_within_the_ledger_are_found(grown):
    files = ledger_files(grown)
    for a, b in (("000000.rec", "000000.pay"), ("checkpoint", "vkey"), ("writer", "tile/0/000")):
        first, second = files[a].read_bytes(), files[b].read_bytes()
        with damage(files[a], second), damage(files[b], first):
            result = verify_ledger(grown)
            assert result.code in (2, 65) and result.code != 0, (a, b, result)
            assert blames(result, a) or blames(result, b), (a, b, result)


def test_two_records_exchanged_are_found(grown):
    path = ledger_files(grown)["000000.rec"]
    whole = path.read_bytes()
    a, b = whole[20 * 116:21 * 116], whole[30 * 116:31 * 116]
    swapped = whole[:20 * 116] + b + whole[21 * 116:30 * 116] + a + whole[31 * 116:]
    with damage(path, swapped):
        assert blames(verify_ledger(grown), "000000.rec")


def test_a_ledger_whose_tree_or_checkpoint_is_damaged_is_not_extended(paulyops):
    ops = paulyops().init()
    ops.assessed("control", "run", "CRY-01", "AUD-01")
    for name, at in (("000000.rec", 60), ("checkpoint", 60), ("000000.rec", -9), ("000000.pay", -9)):
        path = ops.home / "data/ledger" / name
        whole = path.read_bytes()
        with damage(path, flipped(whole, at % len(whole), 0)):
            before = tree(ops.home, ops.state)
            ops.fails(77, "register", "set", "programme.target", "2027-01-01")
            ops.fails(77, "assess")
            assert changed(before, tree(ops.home, ops.state)) == []
            assert blames(verify_ledger(ops), name), name
    assert verify_ledger(ops).code == 0
    ops.ok("register", "set", "programme.target", "2027-01-01")


def test_damage_is_not_mended_in_silence(paulyops):
    """Content that no opening reads is still blamed after further commands have worked."""
    ops = paulyops().init()
    for name in ("000000.pay", "vkey"):
        path = ops.home / "data/ledger" / name
        flip_byte(path, 60)
        ops.run("register", "set", "programme.target", "2027-01-01")
        assert blames(verify_ledger(ops), name), name
        flip_byte(path, 60)
    assert verify_ledger(ops).code == 0


# -- packs -----------------------------------------------------------------------------------------


def test_a_flipped_byte_in_each_pack_file_is_found_and_the_file_named(grown, pack, is_soak):
    """Every file that stands once, and of the folders per criterion two (in soak: all)."""
    criteria = sorted({n.split("/")[1] for n in pack_files(pack) if n.startswith("criteria/")})
    folders = criteria if is_soak else [criteria[0], "CC7.2"]
    for name, path in pack_files(pack).items():
        is_once = not name.startswith("criteria/")
        if not is_once and name.split("/")[1] not in folders:
            continue
        whole = path.read_bytes()
        for at in offsets(len(whole), name, (20 if is_soak else 2) if is_once else 0):
            if not is_once and not is_soak and at not in (0, len(whole) - 1):
                continue
            with damage(path, flipped(whole, at, at % 8)):
                assert blames(verify_pack(grown, pack), name), (name, at)
    assert verify_pack(grown, pack).code == 0


def test_a_pack_file_cut_lengthened_or_removed_is_named(grown, pack):
    run = next(n for n in pack_files(pack) if n.endswith(".opening") and n.startswith("criteria/"))
    for name in ("README.md", "scores.json", "vkey", "log/checkpoint", "log/vkey", "log/tile/0/000",
                 "log/tile/entries/000", "export.record", "export.opening", "export.event.json",
                 "export.tlog-proof", "export.consistency", run):
        path = pack / name
        whole = path.read_bytes()
        for content in (whole[:-1], b"", whole + b"\n", None):
            with damage(path, content):
                assert blames(verify_pack(grown, pack), name), (name, content and len(content))
    for content in (b"", b"{}", None):
        with damage(pack / "manifest.json", content):
            assert blames(verify_pack(grown, pack), "manifest.json"), content


def test_added_and_swapped_pack_files_are_named(grown, pack):
    for name in ("extra.txt", "criteria/CC1.1/runs/AUD-99.1.event.json", "log/tile/entries/009",
                 "export.more"):
        with damage(pack / name, b"{}"):
            assert blames(verify_pack(grown, pack), name), name
    first, second = pack / "criteria/CC1.1/README.md", pack / "criteria/CC1.2/README.md"
    a, b = first.read_bytes(), second.read_bytes()
    with damage(first, b), damage(second, a):
        assert {"criteria/CC1.1/README.md", "criteria/CC1.2/README.md"} <= \
            named_files(verify_pack(grown, pack))


def test_a_pack_follows_no_symbolic_link(grown, pack, tmp_path):
    copy = tmp_path / "pack"
    shutil.copytree(pack, copy)
    readme = copy / "README.md"
    target = tmp_path / "README.md"
    readme.rename(target)
    readme.symlink_to(target)
    result = verify_pack(grown, copy)
    assert blames(result, "README.md"), result


def test_a_flipped_byte_anywhere_in_a_tar_is_found(grown, tar, is_soak):
    whole = tar.read_bytes()
    places = set(offsets(len(whole), "tar", 1500 if is_soak else 40))
    places |= {0, 100, 108, 124, 136, 148, 156, 157, 257, 263, 265, 329, 345, 500, 511}  # header fields
    places |= {len(whole) - 513, len(whole) - 1024, len(whole) - 1}  # the end mark
    for at in sorted(places):
        with damage(tar, flipped(whole, at, at % 8)):
            result = verify_pack(grown, tar)
            assert result.code == 2 or blames(result, str(tar)), (at, result)
    assert verify_pack(grown, tar).code == 0


def test_a_tar_cut_anywhere_or_followed_by_bytes_is_refused(grown, tar):
    whole = tar.read_bytes()
    for content in [whole[:n] for n in (0, 1, 511, 512, 700, 1024, len(whole) // 2, len(whole) - 1024,
                                        len(whole) - 512, len(whole) - 1)] + [whole + b"x",
                                                                            whole + bytes(511) + b"x"]:
        with damage(tar, content):
            assert blames(verify_pack(grown, tar), str(tar)), len(content)


def test_a_file_hidden_behind_the_end_of_a_tar_is_refused(grown, tar):
    whole = tar.read_bytes()
    with damage(tar, whole + whole[:1024]):
        assert blames(verify_pack(grown, tar), str(tar))
    with damage(tar, whole[:1024] + whole):  # an entry twice
        assert blames(verify_pack(grown, tar), str(tar))


# -- reports ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["readiness", "status", "health", "nightly"])
def test_a_flipped_byte_in_a_report_is_found(grown, kind, is_soak):
    made = grown.json("report", kind)
    path = grown.home / made["path"]
    whole = path.read_bytes()
    assert grown.run("report", "verify", path, "--dry-run").code == 0
    for at in offsets(len(whole), kind, 200 if is_soak else 6):
        with damage(path, flipped(whole, at, at % 7)):
            result = grown.run("report", "verify", path, "--dry-run")
            assert result.code in (2, 66), (kind, at, result)
    for content in (whole[:-1], whole + b"\n", whole + whole, b""):
        with damage(path, content):
            assert grown.run("report", "verify", path, "--dry-run").code in (2, 65, 66), len(content)
    assert os.path.samefile(path, made["path"])
