"""The other side of bench-train, in PyTorch. See scripts/bench-train.

    bench-train.py speed ARCHITECTURE SAMPLES CLASSES THREADS EPOCHS
    bench-train.py accuracy ARCHITECTURE FOLDER SEED OPTIONS...
    bench-train.py pictures SOURCE SIDE CHANNELS FOLDER [SPLIT]
"""
import sys
import time
from pathlib import Path

import numpy as np


def network(name, n_classes):
    """The built-in architectures, layer by layer, with the weights that Keras begins with."""
    from torch import nn

    conv = lambda i, o: [nn.Conv2d(i, o, 3), nn.ReLU()]
    pool = [nn.MaxPool2d(2)]
    layers = {
        "fer": lambda: conv(1, 32) + pool + conv(32, 64) + pool + conv(64, 64)
        + [nn.Flatten(), nn.Linear(2304, 64), nn.ReLU(), nn.Linear(64, n_classes)],
        "hobbit": lambda: conv(3, 32) + pool + conv(32, 64) + pool + conv(64, 128) + pool
        + [nn.Flatten(), nn.Linear(4608, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, n_classes)],
    }[name]()
    for layer in layers:
        if hasattr(layer, "weight"):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    return nn.Sequential(*layers)


def epoch(model, optimiser, x, y, order, batch=32):
    import torch
    import torch.nn.functional as F

    model.train()
    for i in range(0, len(order), batch):
        at = order[i : i + batch]
        optimiser.zero_grad()
        F.cross_entropy(model(x[at]), y[at]).backward()
        optimiser.step()


def speed(name, n, n_classes, threads, epochs):
    import torch

    torch.set_num_threads(int(threads))
    n, n_classes = int(n), int(n_classes)
    side, channels = {"fer": (40, 1), "hobbit": (64, 3)}[name]
    x, y = torch.rand(n, channels, side, side), torch.arange(n) % n_classes
    model = network(name, n_classes)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(int(epochs)):
        start = time.perf_counter()
        epoch(model, optimiser, x, y, torch.randperm(n))
        print(f"{time.perf_counter() - start:.4f}", flush=True)


def accuracy(name, folder, seed, *changes):
    """Trains as ours does: Adam, early stopping by the validation loss, the best weights."""
    import torch
    import torch.nn.functional as F

    settings = dict(change.split("=") for change in changes)
    torch.set_num_threads(2)
    torch.manual_seed(int(seed))
    side, channels = {"fer": (40, 1), "hobbit": (64, 3)}[name]
    sets = {}
    for part in ("train", "validation", "test"):
        x = np.load(f"{folder}/{part}-x.npy").reshape(-1, side, side, channels) / 255
        x = torch.tensor(x.transpose(0, 3, 1, 2).copy())
        sets[part] = x, torch.tensor(np.load(f"{folder}/{part}-y.npy"))
    x, y = sets["train"]
    model = network(name, int(y.max()) + 1)
    optimiser = torch.optim.Adam(model.parameters(), lr=float(settings.get("lr", 1e-3)))
    best = (float("inf"), 0, None, 0)
    for number in range(1, int(settings.get("epochs", 50)) + 1):
        epoch(model, optimiser, x, y, torch.randperm(len(x)), int(settings.get("batch", 32)))
        model.eval()
        with torch.no_grad():
            logits = model(sets["validation"][0])
            loss = F.cross_entropy(logits, sets["validation"][1]).item()
            right = (logits.argmax(1) == sets["validation"][1]).float().mean().item()
        if loss < best[0]:
            best = loss, number, {k: v.clone() for k, v in model.state_dict().items()}, right
        elif number - best[1] >= int(settings.get("patience", 5)):
            break
    model.load_state_dict(best[2])
    with torch.no_grad():
        right = (model(sets["test"][0]).argmax(1) == sets["test"][1]).float().mean().item()
    print(f"{right:.4f} {best[1]} {number} {best[3]:.4f}")


def pictures(source, side, channels, folder, split="0"):
    """Writes the arrays that both sides read. SOURCE has `train` and `test`, or a folder for each class,
    of which a fifth is the test set and a fifth of the rest validates; SPLIT seeds that."""
    from PIL import Image

    side, channels, source = int(side), int(channels), Path(source)
    mode = "L" if channels == 1 else "RGB"

    def read(folder):
        classes = sorted(p for p in folder.iterdir() if p.is_dir())
        x, y = [], []
        for label, path in enumerate(classes):
            for file in sorted(path.iterdir()):
                if file.suffix.lower() in {".jpg", ".png", ".jpeg"}:
                    picture = Image.open(file).convert(mode).resize((side, side), Image.BILINEAR)
                    x.append(np.asarray(picture, np.float32).reshape(-1))
                    y.append(label)
        return np.array(x), np.array(y, np.int64)

    def hold_out(x, y, rng):
        held = np.zeros(len(y), bool)
        for label in np.unique(y):
            at = rng.permutation(np.flatnonzero(y == label))
            held[at[: round(len(at) / 5)]] = True
        return (x[~held], y[~held]), (x[held], y[held])

    rng = np.random.default_rng(int(split))
    if (source / "train").is_dir():
        training, test = read(source / "train"), read(source / "test")
    else:
        training, test = hold_out(*read(source), rng)
    training, validation = hold_out(*training, rng)
    for name, (x, y) in (("train", training), ("validation", validation), ("test", test)):
        np.save(f"{folder}/{name}-x.npy", x)
        np.save(f"{folder}/{name}-y.npy", y)


{"speed": speed, "accuracy": accuracy, "pictures": pictures}[sys.argv[1]](*sys.argv[2:])
