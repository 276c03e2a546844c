"""Runs the commands of the documentation and compares what they print with what the pages show.

    test-docs.py PROGRAM HOME SHARED [--update | FILTER]

A page has a folder of its own, with pictures in it (`Scratch`) and a data directory with the models in it and nothing else. Blocks
run in order:

- ```sh blocks are scripts: every command must succeed.
- ```console blocks show a session: after `$ ` a command, then what it prints, on both streams. Words must be equal; any number is as
  good as any other; `…` stands for the rest of a word or line, and alone on a line for any lines. A command whose output is not
  shown at all may print anything. It must end with status 0 or 1 (the answer is no), unless an error or a status is shown: after
  an `error: ` the status must be another.

A comment before a block, which no reader sees, says what is different about it:

    <!-- docs: skip: REASON -->     cannot run here; the script lists these
    <!-- docs: serve: TEXT -->      goes on until the page ends; wait until it has printed TEXT
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ACTORS = ("billy_boyd", "dominic_monaghan", "elijah_wood", "martin_freeman", "sean_astin")
N_PICTURES = 8  # of each person; enough to evaluate, few enough to be quick
SECONDS = 120  # for one command
PORT = 8420  # what the pages say; a free one takes its place
NUMBER = r"[-−+]?\d+(?:[.,]\d+)*(?:e[-+]?\d+)?"
WILD = "…"


@dataclass
class Block:
    line: int
    kind: str
    text: list
    mark: str
    reason: str


def blocks(page):
    """The blocks of commands on a page, with their marks."""
    found, mark, fence = [], ("", ""), None
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if fence is not None:
            if line.strip().startswith("```"):
                fence = None
            elif fence:
                found[-1].text.append(line.removeprefix(indent))
        elif line.strip().startswith("```"):
            kind, indent = line.strip()[3:].strip(), line[: len(line) - len(line.lstrip())]
            fence = kind in ("sh", "console")
            if fence:
                found.append(Block(number, kind, [], *mark))
            mark = ("", "")
        elif match := re.fullmatch(r"<!-- docs: (skip|serve): (.+) -->", line.strip()):
            mark = match.groups()
        elif line.strip():
            mark = ("", "")
    return found


def sessions(block):
    """Pairs of a command and the lines that are shown after it."""
    if block.kind == "sh":
        return [("\n".join(block.text), None)]
    found = []
    for line in block.text:
        if line.startswith("$ "):
            found.append([line[2:], []])
        elif found and not found[-1][1] and found[-1][0].endswith("\\"):
            found[-1][0] += "\n" + line
        else:
            found[-1][1].append(line)
    return [(command, shown or None) for command, shown in found]


def pattern(line):
    """What a shown line allows."""
    parts = []
    for part in re.split(rf"({WILD}|{NUMBER}|\s+)", line.strip()):
        if part == WILD:
            parts.append(".*")
        elif re.fullmatch(NUMBER, part):
            parts.append(NUMBER)
        elif part.isspace():
            parts.append(r"\s+")
        else:
            parts.append(re.escape(part))
    return re.compile("".join(parts))


def difference(shown, printed):
    """None if `printed` is what `shown` allows, else the first shown line that is not there."""
    printed = [line for line in printed.splitlines() if line.strip()]
    at, may_skip = 0, False
    for line in shown:
        if not line.strip():
            continue
        if line.strip() == WILD:
            may_skip = True
            continue
        allowed = pattern(line)
        while at < len(printed) and not allowed.fullmatch(printed[at].strip()):
            if not may_skip:
                return f"shown    {line}\n    printed  {printed[at]}"
            at += 1
        if at == len(printed):
            return f"shown, not printed: {line}"
        at, may_skip = at + 1, False
    if at < len(printed) and not may_skip:
        return f"printed, not shown: {printed[at]}"
    return None


class Scratch:
    """A folder for one page: `people/` and `photos/`, single pictures, a data directory."""

    def __init__(self, program, home, shared, port):
        self.folder = Path(tempfile.mkdtemp(prefix="prosopon-docs-"))
        self.port = port
        self.running = []
        data = self.folder / ".data"
        data.mkdir()
        for name in ("models", "runtime", "pictures"):
            (data / name).symlink_to(home.resolve() / name)
        tools = self.folder / ".bin"
        tools.mkdir()
        (tools / "prosopon").symlink_to(program.resolve())
        dataset, tests = shared / "data/hobbit/dataset", shared / "data/hobbit/test_images"
        (self.folder / "photos").mkdir()
        for actor in ACTORS:
            pictures = sorted((dataset / actor).iterdir())
            (self.folder / "people" / actor).mkdir(parents=True)
            for picture in pictures[:N_PICTURES]:
                self.copy(picture, f"people/{actor}/{picture.name}")
            for picture in pictures[-2:]:
                self.copy(picture, f"photos/{actor}-{picture.name}")
        # A picture that lies in the wrong folder, as the tutorial needs one.
        self.copy(dataset / "dominic_monaghan/i.jpg", "people/dominic_monaghan/i.jpg")
        self.copy(tests / "image_1.jpg", "photos/image_1.jpg")
        self.copy(tests / "image_1.jpg", "photo.jpg")
        self.copy(dataset / "billy_boyd/rtfraoc3u5p31.jpg", "party.jpg")
        self.copy(tests / "billy_boyd.jpg", "billy.jpg")
        a, b = sorted((dataset / "elijah_wood").iterdir())[:2]
        self.copy(a, "a.jpg")
        self.copy(b, "b.jpg")
        self.copy(tests / "sean_astin.jpeg", "c.jpg")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PROSOPON_")}
        self.environment = kept | {
            "PATH": f"{tools}:{kept['PATH']}",
            "HOME": str(self.folder),
            "PROSOPON_HOME": str(data),
            "PROSOPON_LISTEN": f"127.0.0.1:{port}",
        }

    def copy(self, source, name):
        shutil.copyfile(source, self.folder / name)

    def here(self, command):
        """A command with this run's port in place of the one on the page."""
        return re.sub(rf"(?<=:){PORT}\b", str(self.port), command)

    def start(self, command, output):
        return subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", self.here(command)],
            cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=output, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )

    def run(self, command):
        """Status and output of a command."""
        process = self.start(command, subprocess.PIPE)
        try:
            output, _ = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            return None, output
        return process.returncode, output

    def serve(self, command, text):
        """Starts what goes on; False if it ends, or says nothing for too long."""
        log = self.folder / f".log-{len(self.running)}"
        with log.open("w") as output:
            process = self.start(command, output)
        self.running.append(process)
        until = time.monotonic() + SECONDS
        while time.monotonic() < until and process.poll() is None:
            if text in log.read_text():
                return True, ""
            time.sleep(0.1)
        return False, log.read_text()

    def close(self):
        for process in self.running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.running:
            process.wait()
        shutil.rmtree(self.folder)


def wrong_status(status, shown):
    if status is None:
        return f"took longer than {SECONDS} s"
    is_error = any(line.startswith("error: ") for line in shown or ())
    if is_error and status == 0:
        return "an error is shown, the status is 0"
    if not is_error and status not in (0, 1):
        return f"ended with status {status}"
    return None


def check(scratch, block):
    """What is wrong with a block; empty if nothing."""
    if block.mark == "serve":
        is_up, log = scratch.serve("\n".join(block.text).removeprefix("$ "), block.reason)
        return None if is_up else f"never printed {block.reason}\n{log}"
    for command, shown in sessions(block):
        status, output = scratch.run(command)
        allowed = [0] if shown is None and block.kind == "sh" else [0, 1]
        problem = wrong_status(status, shown)
        if problem is None and status not in allowed and not any("error: " in line for line in shown or ()):
            problem = f"ended with status {status}"
        if problem is None and shown is not None:
            problem = difference([scratch.here(line) for line in shown], output)
        if problem is not None:
            return f"$ {command}\n    {problem}\n--- what it printed ---\n{output}"
    return None


def broken_links(page):
    """Links of a page to files that are not there."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path = target.split("#")[0]
        if path and not re.match(r"[a-z]+:", path) and not (page.parent / path).exists():
            yield target


BEGIN, END = "<!-- settings: written by scripts/test-docs --update -->", "<!-- end of settings -->"


def settings_table(program):
    """The settings as a table, from what the program itself prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PROSOPON_")}
    text = subprocess.run([program, "serve", "--print-config"], env=environment, check=True, capture_output=True, text=True).stdout
    rows = ["| Setting | Default | Means |", "|---|---|---|"]
    about = ""
    for line in text.splitlines():
        if line.endswith(" (default)") and line.startswith("# "):
            about = line[2:].removesuffix(" (default)").replace("|", "\\|")
        elif match := re.fullmatch(r"(# )?(\w+) = ?(.*)", line):
            value = f"`{match[3]}`" if match[3] else ""
            rows.append(f"| `{match[2]}` | {value} | {about} |")
    return "\n".join(rows)


def with_settings(program):
    """docs/configuration.md as it should be."""
    page = ROOT / "docs/configuration.md"
    before, rest = page.read_text().split(BEGIN)
    _, after = rest.split(END)
    return page, f"{before}{BEGIN}\n{settings_table(program)}\n{END}{after}"


def free_port():
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def main():
    program, home, shared = (Path(argument) for argument in sys.argv[1:4])
    rest = sys.argv[4:]
    if rest == ["--update"]:
        page, text = with_settings(program)
        page.write_text(text)
        return 0
    name_filter = rest[0] if rest else ""
    problems, skipped, n_run = [], [], 0
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "ARCHITECTURE.md", ROOT / "CHANGELOG.md"]
    pages = [page for page in pages if name_filter in str(page.relative_to(ROOT))]
    for page in pages:
        name = page.relative_to(ROOT)
        problems.extend(f"{name}: no such file: {target}" for target in broken_links(page))
        found = blocks(page)
        skipped.extend(f"{name}:{block.line}: {block.reason}" for block in found if block.mark == "skip")
        found = [block for block in found if block.mark != "skip"]
        if not found or not (shared / "data/hobbit/dataset").is_dir():
            continue
        start = time.monotonic()
        scratch = Scratch(program, home, shared, free_port())
        try:
            for block in found:
                n_run += 1
                if problem := check(scratch, block):
                    problems.append(f"{name}:{block.line}: {problem}")
        finally:
            scratch.close()
        print(f"{name}: {len(found)} blocks, {time.monotonic() - start:.1f} s", flush=True)
    page, text = with_settings(program)
    if page.read_text() != text:
        problems.append("docs/configuration.md: the settings differ from the program's: scripts/test-docs --update writes them")
    for line in skipped:
        print(f"left out: {line}")
    for problem in problems:
        print(f"\nwrong: {problem}", file=sys.stderr)
    print(f"{n_run} blocks run, {len(skipped)} left out, {len(problems)} wrong")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
