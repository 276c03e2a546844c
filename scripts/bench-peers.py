"""Photographs to embeddings with another library: dlib|opencv FOLDER THREADS SCRFD EMBEDDER

Prints pictures a second and the number of faces. Reading and decoding the files counts, loading the networks does not.
"""

import pathlib
import sys
import time

import numpy as np

peer, folder, threads, scrfd, embedder = sys.argv[1:]
paths = sorted(pathlib.Path(folder).iterdir())


def with_dlib():
    import face_recognition

    def embed(path):
        image = face_recognition.load_image_file(str(path))
        return face_recognition.face_encodings(image, face_recognition.face_locations(image))

    return embed


def with_opencv():
    import cv2

    cv2.setNumThreads(int(threads))
    detector, recogniser = cv2.dnn.readNetFromONNX(scrfd), cv2.dnn.readNetFromONNX(embedder)
    outputs = detector.getUnconnectedOutLayersNames()
    side = 640
    # The five points of ArcFace's crops, as in crates/prosopon/src/model.rs.
    template = np.float32([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])

    def detect(image):
        scale = side / max(image.shape[:2])
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)[:side, :side]
        canvas = np.zeros((side, side, 3), np.uint8)
        canvas[: small.shape[0], : small.shape[1]] = small
        detector.setInput(cv2.dnn.blobFromImage(canvas, 1 / 128, mean=(127.5,) * 3, swapRB=True))
        found = detector.forward(outputs)
        boxes, scores, points = [], [], []
        # Scores, distances to the edges and landmarks, each for strides of 8, 16 and 32; their order is OpenCV's.
        by_kind = {n: sorted((v.reshape(-1, n) for v in found if v.shape[-1] == n), key=len, reverse=True) for n in (1, 4, 10)}
        for stride, score, box, point in zip((8, 16, 32), by_kind[1], by_kind[4], by_kind[10]):
            n = side // stride
            centres = np.repeat(np.stack(np.meshgrid(range(n), range(n)), -1).reshape(-1, 2) * stride, 2, axis=0)
            kept = score[:, 0] >= 0.5
            centres, box, point = centres[kept], box[kept] * stride, point[kept].reshape(-1, 5, 2) * stride
            boxes.append(np.concatenate([centres - box[:, :2], box[:, :2] + box[:, 2:]], axis=1))
            scores.append(score[kept, 0])
            points.append(centres[:, None] + point)
        boxes, scores, points = map(np.concatenate, (boxes, scores, points))
        best = cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), 0.5, 0.4)
        return points[best] / scale

    def embed(path):
        image = cv2.imread(str(path))
        embeddings = []
        for points in detect(image):
            matrix, _ = cv2.estimateAffinePartial2D(np.float32(points), template, method=cv2.LMEDS)
            crop = cv2.warpAffine(image, matrix, (112, 112))
            recogniser.setInput(cv2.dnn.blobFromImage(crop, 1 / 128, mean=(127,) * 3))
            values = recogniser.forward()[0]
            embeddings.append(values / np.linalg.norm(values))
        return embeddings

    return embed


embed = {"dlib": with_dlib, "opencv": with_opencv}[peer]()
embed(paths[0])
start = time.perf_counter()
faces = sum(len(embed(path)) for path in paths)
print(len(paths) / (time.perf_counter() - start), faces)
