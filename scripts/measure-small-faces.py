"""PROGRAM LFW FOLDER PAIRS WIDTH..."""

import json
import pathlib
import subprocess
import sys

import cv2
import numpy as np

# A face in LFW is about this wide, in pixels.
WIDTH_IN_LFW = 100
FRAME = (360, 640, 3)
GREY = 100
# Numbers of small pictures begin here, those of LFW end before.
SMALL = 1000

program, lfw, folder = sys.argv[1:4]
n_pairs, widths = int(sys.argv[4]), [int(width) for width in sys.argv[5:]]
images = pathlib.Path(lfw, "images")


def file(root, name, number):
    return pathlib.Path(root, name, f"{name}_{number:04}.jpg")


def in_a_frame(picture, width):
    side = round(picture.shape[0] * width / WIDTH_IN_LFW)
    frame = np.full(FRAME, GREY, np.uint8)
    top, left = (FRAME[0] - side) // 2, (FRAME[1] - side) // 2
    frame[top : top + side, left : left + side] = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    return frame


def read_pairs():
    lines = [line.split("\t") for line in pathlib.Path(lfw, "pairs.txt").read_text().splitlines()]
    size = int(lines[0][1])
    genuine, impostor = lines[1 : 1 + size], lines[1 + size : 1 + 2 * size]
    return genuine[:n_pairs], impostor[:n_pairs]


def make(root, width):
    """Pictures and the list of pairs; the second of a pair is small."""
    genuine, impostor = read_pairs()
    rows = [f"1\t{len(genuine)}"]
    for row in genuine + impostor:
        (a, i), (b, j) = (row[:2], (row[0], row[2])) if len(row) == 3 else (row[:2], row[2:])
        i, j = int(i), int(j)
        for name, number, target in ((a, i, i), (b, j, SMALL + j)):
            picture = cv2.imread(str(file(images, name, number)))
            out = file(root, name, target)
            out.parent.mkdir(parents=True, exist_ok=True)
            if target > SMALL:
                picture = in_a_frame(picture, width)
            cv2.imwrite(str(out), picture, [cv2.IMWRITE_JPEG_QUALITY, 90])
        second = f"{SMALL + j}" if len(row) == 3 else f"{b}\t{SMALL + j}"
        rows.append(f"{a}\t{i}\t{second}")
    pairs = pathlib.Path(root, "pairs.txt")
    pairs.write_text("\n".join(rows) + "\n")
    return pairs


print(f"{'width of the face':>18} {'accuracy':>9} {'EER':>7} {'AUC':>7} {'TAR at 1e-2':>12} {'undetected':>11}")
for width in widths:
    root = pathlib.Path(folder, str(width))
    pairs = make(root, width)
    command = [program, "evaluate", "pairs", "--pairs", pairs, "--images", root, "--json"]
    result = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    tar = next(tar for far, tar in result["tar_at_far"].items() if float(far) == 1e-2)
    print(
        f"{width:15} px {result['accuracy'] * 100:7.2f} % {result['eer'] * 100:5.2f} % {result['auc']:7.4f}"
        f" {tar * 100:10.1f} % {result['undetected']:11}",
        flush=True,
    )
