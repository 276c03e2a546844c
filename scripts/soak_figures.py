"""What a soak came to: slopes with intervals, drift, a chart, a verdict against stated limits."""

import html
import json
import math
import pathlib
import statistics

# Beyond these the run has failed. A slope fails when all of its 95 % interval is above the limit.
MAX_MIB_AN_HOUR = 10.0
MAX_DESCRIPTORS_AN_HOUR = 5.0
# Median latency of the last sixth over that of the first, divided by how much slower the machine itself became.
MAX_DRIFT = 1.5
# Processor time for each request, likewise: what others do on the machine hardly changes it.
MAX_WORK_DRIFT = 1.3
# Kinds with fewer requests in a sixth are shown and not judged.
MIN_REQUESTS = 30
# Of a run's time, or ten minutes if that is less: engines compile for new shapes, caches fill.
WARM_UP_SHARE, MAX_WARM_UP_SECS = 1 / 6, 600


def slope_an_hour(points: list[tuple[float, float]]) -> tuple[float, float]:
    """Least squares through (seconds, value): change an hour, and half the width of its 95 % interval.

    Neighbouring samples are alike, so that the interval of independent ones would be too short: it is widened by the
    correlation of neighbouring residuals.
    """
    n = len(points)
    if n < 5:
        return 0.0, math.inf
    mean_x = statistics.fmean(x for x, _ in points)
    mean_y = statistics.fmean(y for _, y in points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    residuals = [y - mean_y - slope * (x - mean_x) for x, y in points]
    squares = sum(r * r for r in residuals)
    if squares == 0:
        return slope * 3600, 0.0
    alike = sum(a * b for a, b in zip(residuals, residuals[1:], strict=False)) / squares
    alike = min(max(alike, 0.0), 0.98)
    error = math.sqrt(squares / (n - 2) / spread * (1 + alike) / (1 - alike))
    return slope * 3600, 1.96 * error * 3600


def quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def latencies(done, end: float) -> list[dict]:
    """A row for each kind: how many, quantiles, and medians of the first and the last sixth."""
    by_kind: dict[str, list] = {}
    for at, kind, millis, status in done:
        by_kind.setdefault(kind, []).append((at, millis, status))
    rows = []
    for kind, entries in sorted(by_kind.items()):
        timed = [(at, millis) for at, millis, status in entries if status and millis > 0]
        if not timed:
            continue
        first = [millis for at, millis in timed if at < end / 6]
        last = [millis for at, millis in timed if at >= end * 5 / 6]
        enough = min(len(first), len(last)) >= MIN_REQUESTS
        rows.append({
            "kind": kind, "requests": len(entries), "p50": statistics.median(m for _, m in timed),
            "p99": quantile([m for _, m in timed], 0.99), "first_p50": statistics.median(first) if first else None,
            "last_p50": statistics.median(last) if last else None, "is_judged": enough,
            "drift": statistics.median(last) / statistics.median(first) if first and last else None,
        })
    return rows


def work_millis(samples, done, start: float, end: float) -> float:
    """The server's processor time for each request between two times."""
    rows = [row for row in samples if start <= row["seconds"] <= end]
    if len(rows) < 2:
        return 0.0
    begun, ended = rows[0], rows[-1]
    n = sum(1 for at, *_ in done if begun["seconds"] <= at < ended["seconds"])
    return (ended["cpu_seconds"] - begun["cpu_seconds"]) / max(n, 1) * 1e3


def judge(samples, done, wrong, facts, out: pathlib.Path) -> int:
    """Prints the figures, writes figures.json and soak.svg; 1 if a limit is passed."""
    end = samples[-1]["seconds"]
    warm = min(end * WARM_UP_SHARE, MAX_WARM_UP_SECS)
    later = [row for row in samples if row["seconds"] > warm]
    memory = slope_an_hour([(row["seconds"], row["resident_mib"]) for row in later])
    descriptors = slope_an_hour([(row["seconds"], row["descriptors"]) for row in later])
    threads = slope_an_hour([(row["seconds"], row["threads"]) for row in later])
    rows = latencies(done, end)
    first = [row["steady_millis"] for row in samples if row["seconds"] < end / 6]
    last = [row["steady_millis"] for row in samples if row["seconds"] >= end * 5 / 6]
    machine = statistics.median(last) / statistics.median(first) if first and last else 1.0
    server_errors = sum(1 for *_, status in done if status >= 500)
    broken = sum(1 for *_, status in done if status == 0)
    work = work_millis(samples, done, 0, end / 6), work_millis(samples, done, end * 5 / 6, end)
    work_drift = work[1] / work[0] if work[0] else 1.0
    load = [row["load_average"] for row in samples]
    failures = []

    def limit(holds: bool, text: str) -> None:
        if not holds:
            failures.append(text)

    limit(facts["died"] is None, f"the server ended with status {facts['died']}")
    limit(memory[0] - memory[1] <= MAX_MIB_AN_HOUR, f"memory grows by {memory[0]:.1f} MiB an hour")
    limit(descriptors[0] - descriptors[1] <= MAX_DESCRIPTORS_AN_HOUR, f"descriptors grow by {descriptors[0]:.1f} an hour")
    limit(not wrong, f"{len(wrong)} troubles, the first: {wrong[0] if wrong else ''}")
    limit(server_errors == 0 and broken == 0, f"{server_errors} answers with 5xx, {broken} connections broken")
    limit(not facts["log_errors"], f"the server's log has errors: {facts['log_errors'][:1]}")
    if facts["died"] is None:
        limit(facts["exit"] == 0, f"a stop ended with {facts['exit']}")
        faces = facts["gallery"]["faces"]
        limit(faces >= facts["expected_faces"], f"{faces} faces are left of {facts['expected_faces']}")
        limit(facts["events_subscribed"] >= facts["last_event"] > 0,
              f"the subscriber saw {facts['events_subscribed']} events of {facts['last_event']}")
    limit(work_drift <= MAX_WORK_DRIFT, f"a request takes {work_drift:.2f} times as much processor time")
    for row in rows:
        if row["is_judged"]:
            limit(row["drift"] / machine <= MAX_DRIFT, f"{row['kind']} became {row['drift']:.2f} times as slow")

    cpu = samples[-1]["cpu_seconds"] / end
    print(f"time          {end / 60:8.1f} minutes, {len(done)} requests ({len(done) / end:.1f} a second), server {cpu:.2f} of a core")
    print(f"memory        {later[0]['resident_mib']:8.1f} MiB after warming up, {samples[-1]['resident_mib']:.1f} at the end; "
          f"{memory[0]:+.2f} ± {memory[1]:.2f} MiB an hour")
    print(f"descriptors   {later[0]['descriptors']:8d} after warming up, {samples[-1]['descriptors']} at the end, "
          f"{facts.get('descriptors_after', 0)} without clients; {descriptors[0]:+.2f} ± {descriptors[1]:.2f} an hour")
    print(f"threads       {later[0]['threads']:8d} after warming up, {samples[-1]['threads']} at the end, "
          f"{facts.get('threads_after', 0)} without clients; {threads[0]:+.2f} ± {threads[1]:.2f} an hour")
    print(f"errors        {server_errors:8d} answers with 5xx, {broken} connections broken, {len(wrong)} troubles")
    print(f"events        {facts['last_event']:8d} stored, {facts['events_subscribed']} seen by the subscriber")
    print(f"work          {work[0]:8.1f} ms of processor time a request in the first sixth, {work[1]:.1f} in the last ({work_drift:.2f})")
    print(f"machine       {machine:8.2f} times as slow in the last sixth as in the first (a fixed piece of work); "
          f"load average {min(load):.1f} to {max(load):.1f}")
    print(f"{'kind':18} {'requests':>8} {'p50 ms':>8} {'p99 ms':>8} {'first':>8} {'last':>8} {'drift':>6}")
    for row in rows:
        drift = f"{row['drift']:.2f}" + ("" if row["is_judged"] else "*") if row["drift"] else ""
        print(f"{row['kind']:18} {row['requests']:8d} {row['p50']:8.1f} {row['p99']:8.1f} "
              f"{row['first_p50'] or 0:8.1f} {row['last_p50'] or 0:8.1f} {drift:>6}")
    print(f"* fewer than {MIN_REQUESTS} requests in a sixth: not judged")
    print(f"limits: memory {MAX_MIB_AN_HOUR} MiB an hour, descriptors {MAX_DESCRIPTORS_AN_HOUR} an hour (lower ends of the intervals), "
          f"drift of medians {MAX_DRIFT}, of work {MAX_WORK_DRIFT}, no 5xx, no broken connection, no wrong answer")
    for trouble in wrong[:20]:
        print(f"trouble: {trouble}")
    for failure in failures:
        print(f"FAILED: {failure}")
    print("passed" if not failures else f"{len(failures)} limits passed over")
    figures = {"minutes": end / 60, "requests": len(done), "cores": cpu, "memory_mib_an_hour": memory,
               "descriptors_an_hour": descriptors, "threads_an_hour": threads, "machine": machine, "work_millis": work, "latencies": rows,
               "server_errors": server_errors, "broken": broken, "troubles": wrong, "failures": failures, **facts}
    (out / "figures.json").write_text(json.dumps(figures, indent=2))
    (out / "soak.svg").write_text(chart(samples, done, warm, memory, later))
    print(f"samples, figures and chart: {out}")
    return 1 if failures else 0


# Okabe and Ito's colours, as in the program's own figures.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DASHES = ("", "6 3", "2 3", "8 3 2 3", "1 2", "4 2")
WIDTH, PANEL, LEFT, RIGHT, GAP = 900, 190, 70, 170, 44


def ticks(low: float, high: float) -> list[float]:
    """About four round numbers between two values."""
    step = 10 ** math.floor(math.log10(max(high - low, 1e-9) / 4))
    for factor in (1, 2, 5, 10):
        if (high - low) / (step * factor) <= 5:
            step *= factor
            break
    start = math.ceil(low / step)
    return [n * step for n in range(start, math.floor(high / step) + 1)]


def panel(title: str, top: float, end: float, lines, from_zero=False) -> list[str]:
    """Lines of (label, points) over minutes."""
    values = [y for _, points in lines for _, y in points] or [0.0]
    low, high = (0.0 if from_zero else min(values)), max(values)
    pad = (high - low) * 0.08 or 1.0
    low, high = (0.0 if from_zero else low - pad), high + pad
    width = WIDTH - LEFT - RIGHT

    def place(x: float, y: float) -> str:
        return f"{LEFT + x / end * width:.1f},{top + PANEL - (y - low) / (high - low) * PANEL:.1f}"

    parts = [f'<text x="{LEFT}" y="{top - 10}" font-weight="bold">{html.escape(title)}</text>']
    for value in ticks(low, high):
        y = place(0, value).split(",")[1]
        parts.append(f'<line x1="{LEFT}" x2="{LEFT + width}" y1="{y}" y2="{y}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{float(y) + 4}" text-anchor="end">{value:g}</text>')
    for value in ticks(0, end / 60):
        x = place(value * 60, low).split(",")[0]
        parts.append(f'<text x="{x}" y="{top + PANEL + 16}" text-anchor="middle">{value:g}</text>')
    for n, (label, points) in enumerate(lines):
        colour, dash = COLOURS[n % 6], DASHES[n % 6]
        path = " ".join(place(x, y) for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6" stroke-dasharray="{dash}"/>')
        y = top + 12 + n * 17
        parts.append(f'<line x1="{LEFT + width + 12}" x2="{LEFT + width + 38}" y1="{y}" y2="{y}" stroke="{colour}" '
                     f'stroke-width="2" stroke-dasharray="{dash}"/>')
        parts.append(f'<text x="{LEFT + width + 44}" y="{y + 4}">{html.escape(label)}</text>')
    return parts


def chart(samples, done, warm, memory, later) -> str:
    end = samples[-1]["seconds"]
    middle_x = statistics.fmean(row["seconds"] for row in later)
    middle_y = statistics.fmean(row["resident_mib"] for row in later)
    fit = [(x, middle_y + memory[0] / 3600 * (x - middle_x)) for x in (warm, end)]
    step = max(end / 60, 10.0)
    kinds = []
    for kind in ("identify", "enrol", "verify", "CompreFace", "page", "bad"):
        cells: dict[int, list[float]] = {}
        for at, of, millis, status in done:
            if of == kind and status and millis > 0:
                cells.setdefault(int(at / step), []).append(millis)
        points = [((n + 0.5) * step, statistics.median(cell)) for n, cell in sorted(cells.items())]
        if points:
            kinds.append((kind, [(min(x, end), y) for x, y in points]))
    panels = [
        (f"Resident memory, MiB: {memory[0]:+.1f} ± {memory[1]:.1f} an hour after warming up",
         [("memory", [(row["seconds"], row["resident_mib"]) for row in samples]), ("least squares", fit)], False),
        ("Open descriptors and threads",
         [(name, [(row["seconds"], row[name]) for row in samples]) for name in ("descriptors", "threads")], True),
        ("Median latency, ms", kinds, True),
    ]
    parts = []
    for n, (title, lines, from_zero) in enumerate(panels):
        parts += panel(title, 40 + n * (PANEL + GAP + 22), end, lines, from_zero)
    height = 40 + len(panels) * (PANEL + GAP + 22)
    parts.append(f'<text x="{LEFT + (WIDTH - LEFT - RIGHT) / 2}" y="{height - 12}" text-anchor="middle">minutes</text>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
            f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>' + "".join(parts) + "</svg>\n")
