"""docs/tutorial-script.md, literally: every command of it is run, every line it shows is compared.

What differs from run to run (digests, times, run ids, milliseconds) is masked on both sides. With
TUTORIAL_WRITE=1 the file is written anew with what the commands printed.
"""
import os
import re
import subprocess

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.M | re.S)
MASKS = [(r"\b[0-9a-f]{12,64}\b", "<digest>"), (r"run_[0-9a-f]+", "run_<id>"),
         (r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "<time>"), (r"\b\d+ ms\b", "<n> ms"),
         (r"(?<=BKP-01\.1  )(pass +)(\d+ +)(\d+ +)\d+ +\d+", r"\1\2\3<leaf> <age>"),
         (r"[ \t]+$", "")]


def steps(block):
    """(command, what it shows) of one block; a here-document belongs to its command."""
    found = []
    end = None
    for line in block.splitlines():
        if end is not None:
            found[-1][0].append(line)
            if line == end:
                end = None
        elif line.startswith("$ "):
            found.append(([line[2:]], []))
            heredoc = re.search(r"<<'(\w+)'", line)
            end = heredoc.group(1) if heredoc else None
        else:
            found[-1][1].append(line)
    return [("\n".join(command), "\n".join(shown)) for command, shown in found]


def masked(text):
    for pattern, instead in MASKS:
        text = re.sub(pattern, instead, text, flags=re.M)
    return text.strip()


class Shell:
    """bash in a directory that stands for the user's; its variables last from command to command."""

    def __init__(self, program, base):
        self.base = base
        base.mkdir()
        tools = base / "tools"
        tools.mkdir()
        (tools / "paulyops").symlink_to(program)
        self.env = {"PATH": f"{tools}:/usr/bin:/bin", "HOME": str(base), "LC_ALL": "C.UTF-8"}
        self.before = ""

    def run(self, command):
        """Standard output and error together, as a terminal shows them; the home written as ~."""
        script = f"{self.before}\n{command}\n"
        done = subprocess.run(["bash", "-c", script], cwd=self.base, env=self.env, timeout=60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, encoding="utf-8", check=False)
        if re.match(r"\w+=\$\(", command):
            self.before += command + "\n"
        return done.stdout.replace(str(self.base), "~").rstrip("\n")


def test_the_tutorial_shows_what_happens(program, tmp_path, source_root):
    path = source_root / "docs/tutorial-script.md"
    text = path.read_text()
    shell = Shell(program, tmp_path / "user")
    written = text
    count = 0
    for block in BLOCK.findall(text):
        new = ""
        for command, shown in steps(block):
            got = shell.run(command)
            got = "\n".join(line.rstrip() for line in got.splitlines())
            count += 1
            new += f"$ {command}\n" + (f"{got}\n" if got else "")
            if os.environ.get("TUTORIAL_WRITE") != "1":
                assert masked(got) == masked(shown), command
        written = written.replace(f"```console\n{block}```", f"```console\n{new}```")
    assert count > 15
    if os.environ.get("TUTORIAL_WRITE") == "1":
        path.write_text(written)
