"""Times classic methods in two ways: PROGRAM FOLDER ROUNDS WORK"""

import json
import pathlib
import statistics
import subprocess
import sys
import time

import cv2
import mahotas.features
import numpy as np
import pywt
import skimage
from bench_rows import row
from skimage.feature import hog, local_binary_pattern
from skimage.metrics import structural_similarity

program, folder, rounds, work = sys.argv[1:]
SIDE, N = 512, 20
cv2.setNumThreads(1)
clahe = cv2.createCLAHE(2.0, (8, 8))
pictures = []
for path in sorted(pathlib.Path(folder).rglob("*")):
    gray = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) if path.suffix.lower() in (".jpg", ".jpeg", ".png") else None
    if gray is not None:
        pictures.append(cv2.resize(gray, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
pictures = pictures[:: max(1, len(pictures) // N)][:N]
files = [pathlib.Path(work) / f"{i}.gray" for i in range(len(pictures))]
for path, gray in zip(files, pictures):
    path.write_bytes(gray.tobytes())

THEIRS = {
    "haralick": ("Haralick's texture", "mahotas", lambda a, _: mahotas.features.haralick(a)),
    "hog": ("histograms of oriented gradients", "scikit-image", lambda a, _: hog(a, 9, (8, 8), (3, 3))),
    "lbp": ("local binary patterns", "scikit-image", lambda a, _: local_binary_pattern(a, 8, 1)),
    "wavedec2": ("wavelets, five levels", "PyWavelets", lambda a, _: pywt.wavedec2(a.astype(float), "haar", level=5)),
    "clahe": ("CLAHE", "OpenCV", lambda a, _: clahe.apply(a)),
    "median": ("median, 5 × 5", "OpenCV", lambda a, _: cv2.medianBlur(a, 5)),
    "ssim": ("structural similarity", "scikit-image", lambda a, b: structural_similarity(b, a)),
}


def ours():
    out = subprocess.run([program, str(SIDE), str(SIDE), *files], check=True, capture_output=True, text=True)
    return json.loads(out.stdout)


def theirs():
    medians = {}
    for name, (_, _, method) in THEIRS.items():
        millis = []
        for i, gray in enumerate(pictures):
            start = time.perf_counter()
            method(gray, pictures[i - 1])
            millis.append((time.perf_counter() - start) * 1e3)
        medians[name] = statistics.median(millis)
    return medians


print(f"{len(pictures)} grey pictures of {SIDE} × {SIDE}, one thread, best of {rounds} rounds; mahotas {mahotas.__version__}, "
      f"scikit-image {skimage.__version__}, PyWavelets {pywt.__version__}, OpenCV {cv2.__version__}")
turns = [(ours(), theirs()) for _ in range(int(rounds))]
for name, (title, library, _) in THEIRS.items():
    mine, other = (min(turn[side][name] for turn in turns) for side in (0, 1))
    print(f"{title:34} ours {mine:8.3f} ms, {library} {other:8.3f} ms, {other / mine:.2f} × as fast")
    row(f"{title}; {library}", f"{mine:.2f} ms", f"{other:.2f} ms", other / mine)
