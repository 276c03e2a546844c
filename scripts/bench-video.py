"""Runs `prosopon watch` on a looped film, and measures it from outside: PROSOPON WORK MINUTES [OPTIONS...]"""

import datetime
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import threading
import time

prosopon, work, minutes, *options = sys.argv[1:]
seconds = float(minutes) * 60
ticks = os.sysconf("SC_CLK_TCK")
film = pathlib.Path(work) / "film.mp4"
delays, kinds, last = {}, {}, {}


def cpu_seconds(process: int, with_ended_children: bool = False) -> float:
    """CPU time of a process so far, with that of its children that have ended if asked."""
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11 : 15 if with_ended_children else 13])) / ticks


def children(process: int) -> list[int]:
    """Numbers of the processes that it has started, by any of its threads."""
    found = []
    for path in pathlib.Path(f"/proc/{process}/task").glob("*/children"):
        found += map(int, path.read_text().split())
    return found


def resident_mib(process: int) -> float:
    for line in pathlib.Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def read(lines) -> None:
    for line in lines:
        now = time.time()
        row = json.loads(line)
        if "kind" not in row:
            last.update(row)
            continue
        kinds[row["kind"]] = kinds.get(row["kind"], 0) + 1
        # That somebody left is noticed later by its nature.
        if row["kind"] != "left":
            at = datetime.datetime.fromisoformat(row["at"].split(".")[0].rstrip("Z") + "+00:00").timestamp()
            at += float("0." + row["at"].split(".")[1].rstrip("Z")) if "." in row["at"] else 0.0
            delays.setdefault(row["kind"], []).append(now - at)


watch = subprocess.Popen(
    [prosopon, "watch", f"camera=loop:{film}", "--jsonl", "--cooldown", "1", *options],
    stdout=subprocess.PIPE,
    text=True,
)
reader = threading.Thread(target=read, args=(watch.stdout,))
reader.start()
begun = time.monotonic()
memory, marks, of_decoder = [], [], {}
try:
    while time.monotonic() - begun < seconds and watch.poll() is None:
        time.sleep(min(5, max(0.1, begun + seconds - time.monotonic())))
        if watch.poll() is not None:
            break
        now = time.monotonic()
        for child in children(watch.pid):
            try:
                of_decoder[child] = cpu_seconds(child)
            except OSError:
                pass
        memory.append((now - begun, resident_mib(watch.pid)))
        marks.append((now, cpu_seconds(watch.pid)))
        if int(now - begun) % 300 < 5:
            print(f"{now - begun:6.0f} s  {memory[-1][1]:.1f} MiB", file=sys.stderr)
finally:
    if watch.poll() is None:
        watch.send_signal(signal.SIGINT)
    code = watch.wait(timeout=60)
    reader.join()

if len(marks) < 2:
    sys.exit(f"error: `prosopon watch` ended at once with status {code}")
wall = marks[-1][0] - marks[0][0]
own = (marks[-1][1] - marks[0][1]) / wall
print(f"cores of this machine       {os.cpu_count()}")
print(f"prosopon uses               {own:.2f} cores")
print(f"ffmpeg, decoding, uses      {sum(of_decoder.values()) / (marks[-1][0] - begun):.2f} cores")
for source in last.get("sources", []):
    frames, dropped = source.get("frames", 0), source.get("dropped", 0)
    print(f"frames                      {frames} looked at ({frames / source['wall_seconds']:.1f} a second), {dropped} dropped")
    print(f"identity switches           {source.get('identity_switches')}")
    print("people                      " + ", ".join(str(p.get("name")) for p in source.get("people", [])[:6]))
print(f"events                      {', '.join(f'{n} {kind}' for kind, n in sorted(kinds.items()))}")
for kind, values in sorted(delays.items()):
    values.sort()
    print(
        f"frame to line, {kind:<12} median {statistics.median(values) * 1000:.0f} ms, "
        f"99 % {values[min(len(values) - 1, int(len(values) * 0.99))] * 1000:.0f} ms, n = {len(values)}"
    )
# The first tenth, and at least 20 seconds, is warming up: every shape of input was seen then.
warm = [mib for at, mib in memory if at >= max(20.0, seconds / 10)] or [memory[-1][1]]
print(
    f"resident memory             {warm[0]:.1f} MiB warm, {min(warm):.1f} to {max(warm):.1f} MiB after, "
    f"{warm[-1]:.1f} MiB at the end ({(warm[-1] / warm[0] - 1) * 100:+.1f} %) over {memory[-1][0] / 60:.1f} minutes"
)
