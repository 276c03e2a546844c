"""Searches the same vectors with three libraries: PROGRAM FACES ROUNDS THREADS WORK"""

import json
import pathlib
import statistics
import subprocess
import sys
import time

import numpy as np
import usearch
from bench_rows import row
from usearch.index import Index, MetricKind, search

program, n_faces, rounds, threads, work = sys.argv[1:]
n_faces, rounds, threads = int(n_faces), int(rounds), int(threads)
DIM, K, N_PROBES, FACES_PER_SUBJECT = 512, 10, 64, 4
work = pathlib.Path(work)


def unit(values):
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def made(rng):
    """Four faces around each of many centres, with similarities of about 0.5, as photographs of one person have."""
    centres = unit(rng.standard_normal((n_faces // FACES_PER_SUBJECT, DIM), dtype=np.float32))
    noise = unit(rng.standard_normal((len(centres) * FACES_PER_SUBJECT, DIM), dtype=np.float32))
    rows = unit(np.repeat(centres, FACES_PER_SUBJECT, axis=0) + noise)
    near = unit(rows[rng.integers(len(rows), size=N_PROBES // 2)] + unit(rng.standard_normal((N_PROBES // 2, DIM), dtype=np.float32)))
    strangers = unit(rng.standard_normal((N_PROBES - len(near), DIM), dtype=np.float32))
    return rows, np.concatenate([near, strangers])


rows, probes = made(np.random.default_rng(7))
rows.tofile(work / "rows")
probes.tofile(work / "probes")


def timed(find):
    millis, found = [], []
    for probe in probes:
        start = time.perf_counter()
        hits = find(probe)
        millis.append((time.perf_counter() - start) * 1e3)
        found.append([int(i) for i in hits])
    return millis, found


def numpy_exact(probe):
    similarities = rows @ probe
    best = np.argpartition(-similarities, K)[:K]
    return best[np.argsort(-similarities[best])]


def ours():
    answer = subprocess.run([program, work / "rows", work / "probes", str(DIM), str(K)], capture_output=True, check=True, text=True)
    answer = json.loads(answer.stdout)
    return answer["milliseconds"], answer["found"]


print(f"{len(rows)} faces of {DIM} values, the best {K}, {N_PROBES} probes, {threads} threads, {rounds} rounds; numpy {np.__version__}, usearch {usearch.__version__}")
start = time.perf_counter()
graph = Index(ndim=DIM, metric="ip", dtype="i8")
graph.add(np.arange(len(rows)), rows, threads=threads)
print(f"usearch's graph (HNSW, i8, its defaults) took {time.perf_counter() - start:.0f} s to build")
ways = {
    "prosopon, exact": ours,
    "numpy, exact": lambda: timed(numpy_exact),
    "usearch, exact": lambda: timed(lambda p: search(rows, p, K, MetricKind.IP, exact=True, threads=threads).keys),
    "usearch, graph": lambda: timed(lambda p: graph.search(p, K, threads=threads).keys),
}
times, found = {name: [] for name in ways}, {}
for _ in range(rounds):
    for name, way in ways.items():
        millis, found[name] = way()
        times[name] += millis
truth = [set(hits) for hits in found["numpy, exact"]]
medians = {name: statistics.median(millis) for name, millis in times.items()}
for name, median in medians.items():
    recall = sum(len(set(hits) & true) for hits, true in zip(found[name], truth)) / (K * len(truth))
    print(f"{name:18} {median:8.2f} ms median, recall {recall:.4f}, {median / medians['prosopon, exact']:.2f} × our time")
for name in ("numpy, exact", "usearch, exact"):
    mine, other = medians["prosopon, exact"], medians[name]
    row(f"ten most similar of {len(rows):,} faces, exact; {name.split(',')[0]}", f"{mine:.1f} ms", f"{other:.1f} ms", other / mine)
