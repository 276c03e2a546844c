"""The measuring part of bench-learn: BENCH CROPS ROUNDS WORK."""
import json
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import sklearn
from bench_rows import row as table_row
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

bench, crops, rounds, work = sys.argv[1:]
work = Path(work)
# That SVC(probability=True) is going to be removed.
warnings.filterwarnings("ignore", category=FutureWarning)
# Of constant features.
warnings.filterwarnings("ignore", message=".*zero standard deviation.*")


def ours(*arguments):
    out = subprocess.run([bench, *map(str, arguments)], check=True, capture_output=True, text=True)
    return json.loads(out.stdout)


def svc(seed, **options):
    return SVC(probability=True, random_state=seed, **options)


def logistic(_, **options):
    return LogisticRegression(max_iter=1000, **options)


# Ours, theirs (from a seed), whether trees are drawn at random so that only means over forests can agree. Probabilities of
# SVC(probability=True) depend on a draw of folds, too: the mean over seeds is what they are compared with.
PIPELINES = [
    ("scale+svc:C=10", lambda s: make_pipeline(StandardScaler(), svc(s, C=10)), False),
    ("scale+svc:C=1,kernel=linear", lambda s: make_pipeline(StandardScaler(), svc(s, kernel="linear")), False),
    ("svc:class_weight=balanced", lambda s: svc(s, class_weight="balanced"), False),
    ("scale+logistic", lambda s: make_pipeline(StandardScaler(), logistic(s)), False),
    ("scale+logistic:C=10", lambda s: make_pipeline(StandardScaler(), logistic(s, C=10)), False),
    # At the default tolerance both stop before the optimum, each elsewhere, if there are thousands of features.
    ("scale+logistic:C=10,tol=1e-8,max_iter=20000",
     lambda s: make_pipeline(StandardScaler(), LogisticRegression(C=10, tol=1e-8, max_iter=20000)), False),
    ("knn", lambda _: KNeighborsClassifier(), False),
    ("scale+knn:weights=distance", lambda _: make_pipeline(StandardScaler(), KNeighborsClassifier(weights="distance")), False),
    ("scale+centroid", lambda _: make_pipeline(StandardScaler(), NearestCentroid()), False),
    ("pca:0.95+svc:C=10", lambda s: make_pipeline(PCA(0.95, svd_solver="full"), svc(s, C=10)), False),
    ("scale+pca:20+logistic", lambda s: make_pipeline(StandardScaler(), PCA(20, svd_solver="full"), logistic(s)), False),
    ("scale+lda+centroid", lambda _: make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(), NearestCentroid()), False),
    ("scale+lda+logistic", lambda s: make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(), logistic(s)), False),
    ("forest", lambda s: RandomForestClassifier(random_state=s), True),
]
DRAWS = 10


def average(found):
    probabilities = np.mean([p for _, p in found], axis=0)
    return probabilities.argmax(axis=1), probabilities


def compare(name, x, y):
    folder = work / name
    folder.mkdir(exist_ok=True)
    is_training = np.zeros(len(y), dtype="i8")
    train, test = train_test_split(np.arange(len(y)), test_size=0.25, random_state=0, stratify=y)
    is_training[train] = 1
    train, test = np.flatnonzero(is_training == 1), np.flatnonzero(is_training == 0)
    for file, array in [("x", x), ("y", y), ("training", is_training)]:
        np.save(folder / f"{file}.npy", array)
    print(f"\n{name}: {len(train)} samples of {x.shape[1]} features trained on, {len(test)} predicted")
    print(f"{'pipeline':44} {'agree':>7} {'probabilities':>14} {'seeds':>7} {'ours':>7} {'theirs':>7} {'fit, s':>14}")

    def fit_theirs(make, seed):
        start = time.perf_counter()
        model = make(seed).fit(x[train], y[train])
        seconds = time.perf_counter() - start
        probabilities = model.predict_proba(x[test]) if hasattr(model, "predict_proba") else None
        return model.predict(x[test]), probabilities, seconds

    def fit_ours(text, seed):
        found = ours("predict", folder, text, seed)
        return np.array(found["predicted"]), np.array(found["probabilities"]), found["fit_secs"]

    agreements, distances = [], []
    for text, make, is_random in PIPELINES:
        label = text
        if is_random:
            a = [fit_ours(text, seed) for seed in range(DRAWS)]
            b = [fit_theirs(make, seed) for seed in range(2 * DRAWS)]
            seconds = (np.mean([s for *_, s in a]), np.mean([s for *_, s in b]))
            a, b, other = (average([r[:2] for r in runs]) for runs in (a, b[:DRAWS], b[DRAWS:]))
            label = f"{text} (mean of {DRAWS}; theirs agree to {np.mean(other[0] == b[0]):.0%})"
        else:
            *a, a_seconds = fit_ours(text, 0)
            *b, b_seconds = fit_theirs(make, 0)
            *other, _ = fit_theirs(make, 1)
            seconds = (a_seconds, b_seconds)
            if "svc" in text:
                runs = [fit_theirs(make, seed)[1] for seed in range(2, 2 + DRAWS)]
                alone = np.abs(other[1] - b[1]).mean()
                b[1] = np.mean(runs, axis=0)
        agree = np.mean(a[0] == b[0])
        # Probabilities of NearestCentroid are our own.
        known = b[1] is not None and "centroid" not in text
        distance = np.abs(a[1] - b[1]).mean() if known else float("nan")
        seeds = np.abs(other[1] - b[1]).mean() if known else float("nan")
        if "svc" in text:
            seeds = alone
        agreements.append((agree, label))
        distances.append((distance if known else 0, label))
        right = [np.mean(found[0] == y[test]) for found in (a, b)]
        print(f"{label:44} {agree:7.2%} {distance:14.4f} {seeds:7.4f} {right[0]:7.2%} {right[1]:7.2%} "
              f"{seconds[0]:6.3f} {seconds[1]:7.3f}")
    (agree, where), (distance, there) = min(agreements), max(distances)
    print(f"worst: {agree:.2%} agree ({where}), probabilities differ by {distance:.4f} on average ({there})")


def hold_out(folder, x, y):
    splits = np.zeros((20, len(y)), dtype="i8")
    for seed in range(20):
        train, _ = train_test_split(np.arange(len(y)), test_size=0.25, random_state=seed)
        splits[seed, train] = 1
    np.save(folder / "splits.npy", splits)
    a = np.array(ours("splits", folder, "scale+svc:C=10")["accuracies"])
    b = []
    for row in splits:
        model = make_pipeline(StandardScaler(), SVC(C=10)).fit(x[row == 1], y[row == 1])
        b.append(model.score(x[row == 0], y[row == 0]))
    b = np.array(b)
    print("\nscaler + SVC (RBF, C = 10), 25 % held out, 20 seeds (train_test_split)")
    for name, scores in [("ours", a), ("scikit-learn", b)]:
        low, high = np.percentile(scores, [2.5, 97.5])
        print(f"{name:14} mean {scores.mean():.2%}, 95 % of the seeds from {low:.2%} to {high:.2%}")
    print(f"equal for {np.sum(np.abs(a - b) < 1e-9)} of {len(a)} seeds")


GRIDS = [
    ("svc", SVC(), {"svc__C": [1, 10, 100, 1000], "svc__kernel": ["rbf", "linear"]}),
    ("forest", RandomForestClassifier(random_state=0), {"randomforestclassifier__n_estimators": [1, 5, 10]}),
    ("logistic", LogisticRegression(max_iter=1000), {"logisticregression__C": [1, 5, 10]}),
]


def grid(folder, x, y):
    folds = list(StratifiedKFold(5, shuffle=True, random_state=0).split(x, y))
    rows = np.zeros((len(folds), len(y)), dtype="i8")
    for row, (train, _) in zip(rows, folds):
        row[train] = 1
    np.save(folder / "folds.npy", rows)

    def theirs():
        start = time.perf_counter()
        found = [GridSearchCV(make_pipeline(StandardScaler(), model), parameters, cv=folds, n_jobs=2).fit(x, y)
                 for _, model, parameters in GRIDS]
        return time.perf_counter() - start, found

    theirs()  # So that its processes have started.
    seconds = [[], []]
    for _ in range(int(rounds)):
        found = ours("grid", folder)
        seconds[0].append(found["seconds"])
        elapsed, searches = theirs()
        seconds[1].append(elapsed)
    print("\ngrid search, 5 folds: best of each learner, mean accuracy")
    for (name, _, _), search in zip(GRIDS, searches):
        cells = [cell for cell in found["cells"] if f"+{name}:" in cell["name"]]
        best = {k.split("__")[1]: v for k, v in search.best_params_.items()}
        print(f"{name:9} ours {cells[0]['mean']:.2%} {cells[0]['name']:38} scikit-learn {search.best_score_:.2%} {best}")
        means = {tuple(sorted((k.split("__")[1], str(v)) for k, v in p.items())): m for p, m in
                 zip(search.cv_results_["params"], search.cv_results_["mean_test_score"])}
        for cell in cells:
            options = dict(option.split("=") for option in cell["name"].split(":")[1].split(","))
            print(f"    {cell['name']:38} {cell['mean']:.2%}  scikit-learn {means[tuple(sorted(options.items()))]:.2%}")
    a, b = min(seconds[0]), min(seconds[1])
    table_row(f"grid search of {len(found['cells'])} pipelines; scikit-learn", f"{a:.2f} s", f"{b:.2f} s", b / a)
    print(f"\ngrid search of {len(found['cells'])} pipelines: ours {a:.3f} s, GridSearchCV(n_jobs=2) {b:.3f} s")
    return a / b


print(f"scikit-learn {sklearn.__version__}; agree: equal predictions; probabilities: mean absolute difference; "
      "seeds: the same between two seeds of scikit-learn's; ours, theirs: accuracy")
digits = load_digits()
compare("digits", digits.data.astype("f4"), digits.target.astype("i8"))
hobbit = work / "hobbit"
hobbit.mkdir()
ours("features", crops, hobbit)
x, y = np.load(hobbit / "x.npy"), np.load(hobbit / "y.npy")
compare("hobbit", x, y)
hold_out(hobbit, x, y)
ratio = grid(hobbit, x, y)
print(f"ratio {ratio:.2f}")
