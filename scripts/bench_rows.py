"""Rows of the table that `scripts/bench` makes: each benchmark adds its own to the file that PROSOPON_BENCH_ROWS names."""

import json
import os


def row(what: str, ours: str, theirs: str, times_as_fast: float) -> None:
    path = os.environ.get("PROSOPON_BENCH_ROWS")
    if path:
        with open(path, "a") as rows:
            rows.write(json.dumps({"what": what, "ours": ours, "theirs": theirs, "times_as_fast": times_as_fast}) + "\n")


if __name__ == "__main__":
    import sys

    row(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]))
