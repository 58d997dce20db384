"""What several system tests need: digests of trees, damage done to files, answers about findings."""
import hashlib
import os
import random
import stat

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
