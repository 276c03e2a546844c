"""Writes docs/performance.md from what the benchmarks left: RESULTS"""

import json
import os
import pathlib
import platform
import subprocess
import sys

results = pathlib.Path(sys.argv[1])

# The order of the page, and what each part is about.
PARTS = {
    "baseline": "Photographs to embeddings: decode, detect, align, embed. The baseline runs the same two networks in Python on ONNX Runtime.",
    "peers": "The same beside other recognisers: OpenCV's DNN module on the same networks, and dlib's `face_recognition` with its own.",
    "search": "The most similar faces of a gallery.",
    "classic": "Classic methods beside the libraries that people take for them.",
    "haar": "Haar cascades beside OpenCV's.",
    "learn": "Learners beside scikit-learn's: agreement first, then the time of a grid search.",
    "train": "An epoch of the built-in networks beside PyTorch.",
    "stages": "Where the time of the whole pipeline goes: samples of a profiler by library.",
    "serve": "The server under load beside the library. Here 1 would be a server that costs nothing.",
}


def read(name: str, ending: str) -> str:
    path = results / f"{name}.{ending}"
    text = path.read_text().strip() if path.exists() else ""
    # A page says nothing of the folders of the machine.
    shared = os.environ.get("PROSOPON_SHARED")
    return text.replace(shared, "../shared") if shared else text


def first_line(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]


def processor() -> str:
    info = pathlib.Path("/proc/cpuinfo").read_text()
    flags = next((line for line in info.splitlines() if line.startswith("flags")), "")
    special = [flag for flag in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16") if f" {flag}" in flags]
    name = next((line.split(":", 1)[1].strip() for line in info.splitlines() if line.startswith("model name")), platform.machine())
    return f"{name}, {os.cpu_count()} cores ({', '.join(special)})"


print("# Performance\n")
print("`scripts/bench` writes this page: each benchmark runs ours and the other in turns, on the same files and threads, in one run.")
print("A ratio above 1 means that ours is faster. Speed differs from machine to machine; ratios differ less.\n")
print(f"Machine: {processor()}; {platform.system()}; {first_line(['rustc', '--version'])}.\n")
print("| What; beside | Ours | The other | Times as fast | Measured by |")
print("|---|---|---|---|---|")
for name in PARTS:
    for line in read(name, "rows").splitlines():
        row = json.loads(line)
        what, _, beside = row["what"].partition("; ")
        print(f"| {what}; {beside} | {row['ours']} | {row['theirs']} | **{row['times_as_fast']:.2f}** | `scripts/bench-{name}` |")
for name, about in PARTS.items():
    text = read(name, "txt")
    if not text:
        continue
    print(f"\n## `scripts/bench-{name}`\n\n{about} Run on {read(name, 'date')}, commit {read(name, 'commit')}.\n\n```text\n{text}\n```")
notes = pathlib.Path("docs/performance-notes.md")
if notes.exists():
    print("\n" + notes.read_text().strip())
