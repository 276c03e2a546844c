"""The measuring part of bench-haar: BENCH CASCADES FOLDER ROUNDS EVERY WORK."""
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import cv2
from bench_rows import row

bench, cascades, folder, rounds, every, work = sys.argv[1:]
RUNS = [
    # Cascade, scale factor, neighbours, threads.
    ("frontalface_default", 1.1, 3, 1),
    ("frontalface_default", 1.1, 3, 2),
    ("frontalface_default", 1.3, 5, 1),
    ("frontalface_default", 1.3, 5, 2),
    ("frontalface_alt2", 1.1, 3, 1),
    ("frontalface_alt2", 1.1, 3, 2),
]
ENDINGS = {".jpg", ".jpeg", ".png"}

pictures = []
paths = sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() in ENDINGS)
for path in paths[:: int(every)]:
    gray = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if gray is None:
        continue
    pgm = Path(work) / f"{len(pictures)}.pgm"
    height, width = gray.shape
    pgm.write_bytes(b"P5 %d %d 255\n" % (width, height) + gray.tobytes())
    pictures.append((gray, str(pgm)))


def ours(xml, scale, neighbors, threads, batch):
    arguments = [bench, str(threads), "1", xml, str(scale), str(neighbors)]
    out = subprocess.run(arguments + [pgm for _, pgm in batch], check=True, capture_output=True)
    return [(r["millis"], r["boxes"]) for r in json.loads(out.stdout)]


def theirs(cascade, scale, neighbors, batch):
    results = []
    for gray, _ in batch:
        start = time.perf_counter()
        found = cascade.detectMultiScale(gray, scale, neighbors)
        millis = (time.perf_counter() - start) * 1e3
        results.append((millis, [[int(v) for v in box] for box in found]))
    return results


print(f"{len(pictures)} pictures of {folder}, OpenCV {cv2.__version__}, fastest of {rounds} rounds each")
worst = 0
for name, scale, neighbors, threads in RUNS:
    xml = str(Path(cascades) / f"haarcascade_{name}.xml")
    cascade = cv2.CascadeClassifier(xml)
    cv2.setNumThreads(threads)
    best = [[float("inf"), float("inf")] for _ in pictures]
    equal = 0
    step = 25
    for begin in range(0, len(pictures), step):
        batch = pictures[begin : begin + step]
        for turn in range(int(rounds)):
            a = ours(xml, scale, neighbors, threads, batch)
            b = theirs(cascade, scale, neighbors, batch)
            for i, (mine, other) in enumerate(zip(a, b)):
                kept = best[begin + i]
                kept[0], kept[1] = min(kept[0], mine[0]), min(kept[1], other[0])
                # On several threads OpenCV's order is not fixed.
                if turn == 0 and sorted(mine[1]) == sorted(other[1]):
                    equal += 1
    mine, other = (statistics.median(times) for times in zip(*best))
    sums = [sum(times) for times in zip(*best)]
    ratio = mine / other
    worst = max(worst, ratio)
    print(
        f"{name} {scale}/{neighbors}, threads {threads}: {mine:.1f} ms, OpenCV {other:.1f} ms, ratio {ratio:.2f}"
        f" (of the sums {sums[0] / sums[1]:.2f}); the same boxes on {equal} of {len(pictures)}"
    )
    row(f"Haar cascade {name}, {scale}/{neighbors}, {threads} threads; OpenCV", f"{mine:.1f} ms", f"{other:.1f} ms", other / mine)
print(f"largest ratio {worst:.2f}")
