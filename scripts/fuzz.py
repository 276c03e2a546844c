"""Runs fuzz targets one after the other and prints what came of each; `scripts/fuzz` builds them and calls this.

Arguments: the folder of the programs, the folder of what is kept, seconds for each target, names of targets.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Memory and time that one input may take.
RSS_MB = 2048
INPUT_SECS = 10

MEMORY = Path("/dev/shm")
DICTIONARIES = Path(__file__).resolve().parent.parent / "fuzz" / "dictionaries"
DICTIONARY_OF = {
    "architecture": "toml",
    "cascade": "xml",
    "compreface": "http",
    "deepstack": "http",
    "description": "toml",
    "event": "json",
    "ffmpeg": "json",
    "gallery_import": "json",
    "lists": "text",
    "manifest": "json",
    "mjpeg": "http",
    "native": "http",
    "page": "html",
    "pipeline": "text",
    "settings": "toml",
    "side_car": "json",
    "tables": "json",
}


def run(programs, kept, seconds, target, temporary):
    """Fuzzes one target; its row of the table, the files of what was found, and its log."""
    corpus, seeds, found = (kept / kind / target for kind in ("corpus", "seeds", "findings"))
    for folder in (corpus, seeds, found):
        folder.mkdir(parents=True, exist_ok=True)
    program = programs / target
    environment = {**os.environ, "TMPDIR": temporary}
    seeding = {**environment, "PROSOPON_FUZZ_SEEDS": str(seeds)}
    wrote = subprocess.run([program], env=seeding, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if wrote.returncode != 0:
        sys.exit(f"error: {target} cannot write its seeds: {wrote.stderr.decode(errors='replace')}")
    before = set(found.iterdir())
    command = [program, f"-max_total_time={seconds}", f"-rss_limit_mb={RSS_MB}", f"-timeout={INPUT_SECS}"]
    command += [f"-artifact_prefix={found}/", "-print_final_stats=1", "-reload=0"]
    if target in DICTIONARY_OF:
        command.append(f"-dict={DICTIONARIES / DICTIONARY_OF[target]}.dict")
    log = kept / f"{target}.log"
    start = time.monotonic()
    with log.open("wb") as output:
        state = subprocess.run([*command, corpus, seeds], env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    took = time.monotonic() - start
    text = log.read_text(errors="replace")

    def last(pattern):
        numbers = re.findall(pattern, text)
        return int(numbers[-1]) if numbers else 0

    # A program that ends by a finding has no statistics; the last line of its progress tells the runs.
    runs = last(r"stat::number_of_executed_units: (\d+)") or last(r"(?m)^#(\d+)\t")
    row = (target, runs, round(took), last(r" cov: (\d+)"), last(r"stat::new_units_added:\s+(\d+)"))
    findings = sorted(set(found.iterdir()) - before)
    if state.returncode != 0 and not findings:
        findings = [log]
    return row, findings, text


def reason(text):
    """The line of a log that says what was wrong."""
    lines = text.splitlines()
    for i, line in enumerate(lines):
        if "panicked at" in line:
            return f"{line.split('panicked at', 1)[1].strip()} {lines[i + 1] if i + 1 < len(lines) else ''}"
    errors = [line for line in lines if "ERROR:" in line]
    return errors[0] if errors else "it ended by itself"


def main():
    programs, kept, seconds, *targets = sys.argv[1:]
    programs, kept = Path(programs), Path(kept)
    print(f"{'target':16} {'runs':>10} {'seconds':>8} {'edges':>8} {'new':>6} {'findings':>9}", flush=True)
    failures = []
    for target in targets:
        # Files that targets write lie in memory where the system has such a place.
        with tempfile.TemporaryDirectory(prefix="prosopon-fuzz-", dir=MEMORY if MEMORY.is_dir() else None) as temporary:
            row, findings, text = run(programs, kept, seconds, target, temporary)
        name, runs, took, edges, new = row
        print(f"{name:16} {runs:10} {took:8} {edges:8} {new:6} {len(findings):9}", flush=True)
        failures += [(target, file, reason(text)) for file in findings]
    for target, file, why in failures:
        print(f"{target}: {why}\n    {file}\n    again: {programs / target} {file}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
