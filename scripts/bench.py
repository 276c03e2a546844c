"""Keeps what benchmarks printed, and writes the page of all of it.

bench.py record NAME TEXT ROWS   what the benchmark NAME printed, and its rows of the table, are kept for this kind of machine
bench.py page                    docs/performance.md from what was kept for all kinds

What is kept lies in docs/performance, a file for each kind of processor: ratios depend on its instructions.
"""

import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys

KEPT = pathlib.Path("docs/performance")
PAGE = pathlib.Path("docs/performance.md")
NOTES = KEPT / "notes.md"

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
# What processors are told apart by, the most capable first.
KINDS = {
    "bf16": ("avx512_bf16", "AVX-512 with bf16"),
    "avx512": ("avx512f", "AVX-512"),
    "avx2": ("avx2", "AVX2"),
}
FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")


def output_of(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def machine() -> tuple[str, str]:
    """The kind of this machine, and its description."""
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    kind = next((kind for kind, (flag, _) in KINDS.items() if flag in flags), platform.machine())
    about = f"{name}, {os.cpu_count()} cores ({', '.join(flag for flag in FLAGS if flag in flags)}); {platform.system()}"
    return kind, f"{about}; {output_of('rustc', '--version')}"


def record(name: str, text: pathlib.Path, rows: pathlib.Path) -> None:
    kind, about = machine()
    file = KEPT / f"{kind}.json"
    kept = json.loads(file.read_text()) if file.exists() else {"runs": {}}
    printed = text.read_text().strip()
    # A page says nothing of the folders of the machine.
    if shared := os.environ.get("PROSOPON_SHARED"):
        printed = printed.replace(shared, "../shared")
    kept["machine"] = about
    kept["runs"][name] = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "commit": output_of("git", "rev-parse", "--short", "HEAD"),
        "rows": [json.loads(line) for line in rows.read_text().splitlines()] if rows.exists() else [],
        "text": printed.splitlines(),
    }
    KEPT.mkdir(exist_ok=True)
    file.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")


def cell(row: dict | None) -> str:
    return f"{row['ours']} : {row['theirs']}, **{row['times_as_fast']:.2f}**" if row else ""


def page() -> str:
    files = sorted(KEPT.glob("*.json"), key=lambda file: [*KINDS, file.stem].index(file.stem))
    kept = {file.stem: json.loads(file.read_text()) for file in files}
    titles = {kind: KINDS[kind][1] if kind in KINDS else kind for kind in kept}
    lines = [
        "# Performance",
        "",
        "`scripts/bench` writes this page: each benchmark runs ours and the other in turns, on the same files and threads, in one run.",
        "A cell holds ours, the other, and how many times as fast ours is. Speed differs from machine to machine; ratios differ less, but",
        "they depend on what the processor can do: bf16 needs AVX-512, and without it the networks run in f32.",
        "",
    ]
    lines += [f"- {titles[kind]}: {machine['machine']}" for kind, machine in kept.items()]
    lines += ["", f"| What; beside | {' | '.join(titles.values())} | Measured by |", f"|---|{'---|' * len(kept)}---|"]
    for name in PARTS:
        table = {}
        for kind, machine in kept.items():
            for row in machine["runs"].get(name, {}).get("rows", []):
                table.setdefault(row["what"], {})[kind] = row
        for what, cells in table.items():
            columns = " | ".join(cell(cells.get(kind)) for kind in kept)
            lines.append(f"| {what} | {columns} | `scripts/bench-{name}` |")
    lines += ["", NOTES.read_text().strip()]
    for name, about in PARTS.items():
        runs = {kind: machine["runs"][name] for kind, machine in kept.items() if name in machine["runs"]}
        if not runs:
            continue
        lines += ["", f"## `scripts/bench-{name}`", "", about]
        for kind, run in runs.items():
            lines += ["", f"{titles[kind]}, {run['date']}, commit {run['commit']}:", "", "```text", *run["text"], "```"]
    return "\n".join(lines) + "\n"


match sys.argv[1:]:
    case ["record", name, text, rows]:
        record(name, pathlib.Path(text), pathlib.Path(rows))
    case ["page"]:
        new = PAGE.with_suffix(".new")
        new.write_text(page())
        new.replace(PAGE)
    case _:
        sys.exit(__doc__)
