"""What several system tests need: digests of trees, damage done to files, answers about findings."""
import hashlib
import os
import random
import stat
import subprocess

import pytest

CHECKED = ("GOV-06", "CRY-01", "CRY-03", "CFG-01", "CFG-02", "AUD-01", "AUD-04", "AUD-05", "AUD-08",
           "MON-02", "MON-03", "PIN-03", "PIN-05")  # controls whose checks take little time


def tree(*tops):
    """path -> (kind, mode, content) of everything below; times and inodes are left out."""
    found = {}
    for top in tops:
        if not os.path.lexists(top):
            found[str(top)] = None
            continue
        for folder, dirs, files in os.walk(top):
            for name in ["."] + dirs + files:
                path = os.path.join(folder, name)
                info = os.lstat(path)
                kind = stat.S_IFMT(info.st_mode)
                content = None
                if stat.S_ISREG(info.st_mode):
                    with open(path, "rb") as file:
                        content = hashlib.sha256(file.read()).hexdigest()
                elif stat.S_ISLNK(info.st_mode):
                    content = os.readlink(path)
                found[path] = (kind, stat.S_IMODE(info.st_mode), content)
    return found


def changed(before, after):
    """Paths that differ between two trees."""
    return sorted(p for p in before.keys() | after.keys() if before.get(p) != after.get(p))


def offsets(size, seed, count=0):
    """First, middle, last and `count` random positions of a file; the same ones in every run."""
    if size == 0:
        return []
    drawn = random.Random(f"{seed}/{size}")
    return sorted({0, size // 2, size - 1} | {drawn.randrange(size) for _ in range(count)})


class damage:
    """`with damage(path, bytes_or_None):` other content (None: no file) until the end of the block."""

    def __init__(self, path, content):
        self.path = path
        self.content = content

    def __enter__(self):
        info = os.lstat(self.path) if os.path.lexists(self.path) else None
        self.mode = stat.S_IMODE(info.st_mode) if info else 0o640
        self.before = self.path.read_bytes() if info else None
        self._put(self.content)
        return self

    def __exit__(self, *_):
        self._put(self.before)

    def _put(self, content):
        if content is None:
            self.path.unlink(missing_ok=True)
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(content)
        self.path.chmod(self.mode)


def flipped(content, offset, bit):
    changed_bytes = bytearray(content)
    changed_bytes[offset] ^= 1 << bit
    return bytes(changed_bytes)


def named_files(result):
    """Files that a verification blames: of its findings, or of its one line of error."""
    if result.out:
        return {finding["file"] for finding in result.json()["findings"]}
    return set()


def blames(result, name):
    """It did not verify, and it says which file."""
    if result.code == 2:
        return name in named_files(result)
    return result.code in (65, 66, 74) and len(result.err.splitlines()) == 1 and name in result.err


def leaves(ops):
    """Number of leaves, without adding one."""
    return ops.json("ledger", "verify", "--dry-run")["size"]


class SmallDisk:
    """A mount namespace in which `top` is a small tmpfs; commands run inside by `prefix`."""

    def __init__(self, top, size):
        top.mkdir(parents=True, exist_ok=True)
        self.holder = subprocess.Popen(
            ["unshare", "-m", "--propagation", "private", "/bin/sh", "-c",
             f'mount -t tmpfs -o size={size} none "$0" && echo ready && exec cat >/dev/null', str(top)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if self.holder.stdout.readline() != b"ready\n":
            pytest.skip("a mount namespace of its own needs root: " +
                        self.holder.stderr.read().decode(errors="replace").strip())
        self.prefix = ("nsenter", "-t", str(self.holder.pid), "-m")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.holder.stdin.close()
        self.holder.wait(timeout=30)
        self.holder.stdout.close()
        self.holder.stderr.close()


def fill(top, disk, keep_kib):
    """Fill the disk at `top` up to `keep_kib` KiB."""
    script = ('free=$(df -Pk "$0" | awk "NR==2{print \\$4}"); n=$((free - $1)); [ $n -le 0 ] || '
              'head -c ${n}k /dev/zero >"$0/filler"')
    subprocess.run([*disk.prefix, "/bin/sh", "-c", script, str(top), str(keep_kib)], check=False)


def free_all(top, disk):
    subprocess.run([*disk.prefix, "rm", "-f", str(top / "filler")], check=True)
