"""Loads one server for a while and measures it from outside: PROSOPON WORK HOME SHARED OUT MINUTES."""

import csv
import http.client
import json
import os
import pathlib
import random
import socket
import sys
import threading
import time

from served import Client, Server, make_home, multipart, pictures_of_people
from soak_figures import judge

program, work, installed, shared, out, minutes = sys.argv[1:]
work, installed, shared, out = map(pathlib.Path, (work, installed, shared, out))
seconds = float(minutes) * 60
pace = float(os.environ.get("PROSOPON_SOAK_PACE", "1"))
STEP_SECS = 10
ended = threading.Event()
lock = threading.Lock()
# (seconds since the start, kind, milliseconds, status); status 0 for a connection that broke.
done: list[tuple[float, str, float, int]] = []
wrong: list[str] = []
n_events_seen = 0
begun = 0.0

people = pictures_of_people(shared, 60, 2)
# Most are enrolled by their first picture and asked about by the second one; the others come and go.
known, visitors = people[:40], people[40:]
# A picture of ordinary size, larger than the small ones of the set.
large = next(iter(sorted((shared / "data/hobbit/dataset/elijah_wood").glob("*.jp*g")))).read_bytes()


class Load(threading.Thread):
    """One kind of request, again and again, on the average at a fixed rate, whatever the answers take. Pauses are uneven: kinds
    that kept in step would wait for each other in one part of the run and not in another."""

    def __init__(self, kind: str, every: float, work, seed: int):
        super().__init__(daemon=True, name=kind)
        self.kind, self.every, self.work = kind, every / pace, work
        self.client = Client(server.port)
        self.random = random.Random(seed)
        self.n = 0

    def run(self) -> None:
        following = time.monotonic() + self.random.random() * self.every
        while not ended.wait(max(0.0, following - time.monotonic())):
            following = max(following + self.every * (0.5 + self.random.random()), time.monotonic())
            self.n += 1
            try:
                self.work(self)
            except (OSError, http.client.HTTPException) as error:
                if not ended.is_set():
                    self.note(0.0, 0, f"{self.kind}: {type(error).__name__}: {error}")

    def note(self, millis: float, status: int, trouble: str = "", kind: str = "") -> None:
        with lock:
            done.append((time.monotonic() - begun, kind or self.kind, millis, status))
            if trouble and len(wrong) < 200:
                wrong.append(f"{time.monotonic() - begun:.0f} s: {trouble}")

    def ask(self, method: str, path: str, body=None, content_type=None, expected=(200,), kind="", headers=()):
        """A request that is timed; what is not expected is an error of the run."""
        start = time.monotonic()
        answer = self.client.send(method, path, body, content_type, headers)
        trouble = "" if answer.status in expected else f"{kind or self.kind}: {method} {path}: {answer}"
        self.note((time.monotonic() - start) * 1e3, answer.status, trouble, kind)
        return answer


def identify(load: Load) -> None:
    name, pictures = load.random.choice(known)
    answer = load.ask("POST", "/v1/identify", pictures[1], "image/jpeg")
    for face in answer.json()["faces"][:1]:
        found = face["identification"]["subject"]
        if found not in (None, name):
            load.note(0.0, 200, f"{name} was taken for {found}", "wrong name")


def enrol(load: Load) -> None:
    name, pictures = load.random.choice(visitors)
    subject = f"{name}-{load.n}"
    path = f"/v1/galleries/default/enrol?subject={subject}&faces=largest&allow_conflict=true"
    answer = load.ask("POST", path, pictures[0], "image/jpeg", (201,))
    number = answer.json()["subject_id"]
    here = f"/v1/galleries/default/subjects/{number}"
    load.ask("PATCH", here, json.dumps({"name": subject + "-renamed", "metadata": {"n": load.n}}).encode(),
             "application/json", kind="rename")
    load.ask("POST", here + "/faces?faces=largest&allow_conflict=true", pictures[1], "image/jpeg", (200, 201), kind="add face")
    load.ask("DELETE", here, expected=(204,), kind="delete")


def verify(load: Load) -> None:
    _, pictures = load.random.choice(people)
    kind, body = multipart(("probe", "a.jpg", pictures[0]), ("reference", "b.jpg", pictures[1]))
    load.ask("POST", "/v1/verify?faces=largest", body, kind)


def detect_large(load: Load) -> None:
    load.ask("POST", "/v1/detect", large, "image/jpeg")


def classic(load: Load) -> None:
    picture = load.random.choice(people)[1][0]
    view = views[load.n % len(views)]
    load.ask("POST", f"/v1/classic/view?view={view}&max_side=256", picture, "image/jpeg")
    if load.n % 3 == 0:
        load.ask("POST", "/v1/classic/faces?detector=haar", picture, "image/jpeg", kind="cascade")


def page(load: Load) -> None:
    path = assets[load.n % len(assets)]
    answer = load.ask("GET", path)
    if load.n % 4 == 0:
        load.ask("GET", path, expected=(304,), headers={"if-none-match": answer.headers["etag"]})


def reading(load: Load) -> None:
    paths = ("/v1/galleries/default/subjects?limit=50", "/v1/system", "/metrics", "/v1/audit?limit=100", "/v1/models",
             "/v1/events?limit=50", "/v1/cameras", "/openapi.json", "/health/ready")
    load.ask("GET", paths[load.n % len(paths)])


def compat(load: Load) -> None:
    name, pictures = load.random.choice(known)
    turn = load.n % 5
    kind, body = multipart(("file", "a.jpg", pictures[1]))
    headers = {"x-api-key": "00000000-0000-0000-0000-000000000002"}
    if turn == 0:
        load.ask("POST", "/api/v1/recognition/recognize?limit=1", body, kind, headers=headers, kind="CompreFace")
    elif turn == 1:
        load.ask("POST", "/api/v1/detection/detect", body, kind, headers=headers, kind="CompreFace")
    elif turn == 2:
        load.ask("GET", "/api/v1/recognition/subjects", headers=headers, kind="CompreFace lists")
    elif turn == 3:
        kind, body = multipart(("image", "a.jpg", pictures[1]))
        load.ask("POST", "/v1/vision/face/recognize", body, kind, kind="DeepStack")
    else:
        kind, body = multipart(("image_data", "a.jpg", pictures[1]))
        load.ask("POST", "/classify_image", body, kind, kind="classify_image")


def bad(load: Load) -> None:
    """Requests that must be refused, and each with the right status."""
    kind, body = multipart(("other", "a.jpg", b"nothing"))
    cases = (
        ("POST", "/v1/identify", b"no picture", "image/jpeg", 422),
        ("POST", "/v1/identify", people[0][1][0][:900], "image/jpeg", 422),
        ("POST", "/v1/verify", body, kind, 400),
        ("POST", "/v1/identify", b'{"image": "***"}', "application/json", 400),
        ("POST", "/v1/identify", b'{"image": ', "application/json", 400),
        ("GET", "/v1/galleries/nobody", None, None, 404),
        ("GET", "/nothing/here", None, None, 404),
        ("DELETE", "/v1/system", None, None, 405),
        ("POST", "/v1/identify?fmr=2", people[0][1][0], "image/jpeg", 400),
        ("PATCH", "/v1/galleries/default/subjects/999999", b'{"name": "x"}', "application/json", 404),
        ("POST", "/v1/identify", b"<svg/>", "text/plain", 415),
    )
    method, path, body, kind, status = cases[load.n % len(cases)]
    load.ask(method, path, body, kind, (status,))


def leaving(load: Load) -> None:
    """Clients that go away in the middle of a request, or of an answer, and such that half-close."""
    picture = people[load.n % len(people)][1][0]
    head = f"POST /v1/detect HTTP/1.1\r\nhost: localhost\r\ncontent-type: image/jpeg\r\ncontent-length: {len(picture)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), 10) as stream:
        turn = load.n % 4
        stream.sendall(head.encode() + (picture[: len(picture) // 2] if turn == 0 else picture))
        if turn == 2:
            stream.shutdown(socket.SHUT_WR)
            stream.recv(100)
        elif turn == 3:
            stream.recv(20)
    load.note(0.0, 200)


def live(load: Load) -> None:
    number = load.ask("POST", "/v1/live", b"{}", "application/json", (201,), kind="live open").json()["id"]
    pictures = load.random.choice(known)[1]
    for n in range(4):
        load.ask("POST", f"/v1/live/{number}/frames", pictures[n % 2], "image/jpeg")
    load.ask("DELETE", f"/v1/live/{number}", expected=(204,), kind="live close")


def album(load: Load) -> None:
    name = f"album-{load.n}"
    load.ask("POST", "/v1/albums", json.dumps({"name": name}).encode(), "application/json", (201,))
    kind, body = multipart(*(("image", f"{n}.jpg", picture) for n, picture in enumerate(visitors[load.n % len(visitors)][1])))
    load.ask("POST", f"/v1/albums/{name}/pictures", body, kind, (200, 201), kind="album pictures")
    load.ask("POST", f"/v1/albums/{name}/group", b"{}", "application/json")
    load.ask("DELETE", f"/v1/albums/{name}", expected=(204,))


def viewer(load: Load) -> None:
    """Looks at the camera's preview for some seconds."""
    with socket.create_connection(("127.0.0.1", server.port), 10) as stream:
        stream.sendall(f"GET /v1/cameras/{camera}/preview HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
        until = time.monotonic() + 5
        status = int(stream.recv(200).split()[1])
        while time.monotonic() < until and stream.recv(65536):
            pass
    load.note(0.0, status, "" if status == 200 else f"preview: {status}")


def short_subscriber(load: Load) -> None:
    """Subscribes to events, reads the first, and goes away."""
    with socket.create_connection(("127.0.0.1", server.port), 10) as stream:
        stream.sendall(b"GET /v1/events/stream?after=0 HTTP/1.1\r\nhost: localhost\r\n\r\n")
        status = int(stream.recv(4096).split()[1])
    load.note(0.0, status, "" if status == 200 else f"stream: {status}")


def subscribe() -> None:
    """One subscriber for the whole time, who must miss no event."""
    global n_events_seen
    last = 0
    while not ended.is_set():
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        try:
            connection.request("GET", f"/v1/events/stream?after={last}")
            for line in connection.getresponse():
                if line.startswith(b"id:"):
                    number = int(line[3:])
                    if number <= last:
                        wrong.append(f"event {number} came after {last}")
                    last = number
                    n_events_seen += 1
                if ended.is_set():
                    break
        except (OSError, http.client.HTTPException, ValueError) as error:
            if not ended.is_set():
                wrong.append(f"subscriber: {type(error).__name__}: {error}")
                time.sleep(1)
        finally:
            connection.close()


def push() -> None:
    """A camera whose frames are sent to the server: somebody for some seconds, then no frames, then somebody else."""
    turn = random.Random(5)
    while not ended.is_set():
        try:
            with socket.create_connection(("127.0.0.1", server.port), 30) as stream:
                head = f"POST /v1/cameras/{camera}/frames HTTP/1.1\r\nhost: localhost\r\ncontent-type: image/jpeg\r\n"
                stream.sendall((head + "transfer-encoding: chunked\r\n\r\n").encode())
                # A connection lasts for ten visits; then a new one is opened.
                for _ in range(10):
                    _, pictures = turn.choice(people)
                    frame = pictures[0]
                    for _ in range(8):
                        stream.sendall(f"{len(frame):x}\r\n".encode() + frame + b"\r\n")
                        if ended.wait(0.7 / pace):
                            return
                    if ended.wait(5 / pace):
                        return
                stream.sendall(b"0\r\n\r\n")
                if b" 200 " not in stream.recv(4096):
                    wrong.append("pushed frames: not answered with 200")
        except OSError as error:
            if not ended.is_set():
                wrong.append(f"pushed frames: {error}")
                time.sleep(1)


def steady_millis() -> float:
    """Time for the same piece of work of our own: what the machine is able to do just now."""
    start = time.perf_counter()
    total = 0
    for n in range(200_000):
        total += n & 7
    return (time.perf_counter() - start) * 1e3


out.mkdir(parents=True, exist_ok=True)
home = make_home(work, installed)
server = Server(program, home, {"threads": 1, "queue": 64}, before=("nice", "-n", "10"))
if not server.is_ready:
    sys.exit(f"error: the server did not start\n{server.log()}")
setup = server.client()
for name, pictures in known:
    answer = setup.picture(f"/v1/galleries/default/enrol?subject={name}&faces=largest&allow_conflict=true", pictures[0])
    assert answer.status == 201, answer
views = [view["name"] for view in setup.get("/v1/classic").json()["views"]]
assets = ["/", "/assets/js/main.js", "/assets/style/base.css", "/assets/js/pages/identify.js", "/assets/mark.svg"]
camera = setup.post_json("/v1/cameras", {"name": "door", "address": "push:", "cooldown_secs": 1, "enabled": True}).json()["id"]
setup.close()

LOADS = (
    ("identify", 0.45, identify), ("enrol", 4, enrol), ("verify", 4, verify), ("detect large", 6, detect_large),
    ("classic", 4, classic), ("page", 0.5, page), ("reading", 1, reading), ("compat", 2, compat), ("bad", 0.7, bad),
    ("leaving", 3, leaving), ("live", 15, live), ("album", 20, album), ("viewer", 40, viewer),
    ("short subscriber", 11, short_subscriber),
)
begun = time.monotonic()
cpu_before = server.cpu_seconds()
threads = [Load(kind, every, work_of, seed) for seed, (kind, every, work_of) in enumerate(LOADS)]
threads += [threading.Thread(target=subscribe, daemon=True), threading.Thread(target=push, daemon=True)]
for thread in threads:
    thread.start()

samples = []
while time.monotonic() - begun < seconds and server.process.poll() is None:
    time.sleep(max(0.0, begun + STEP_SECS * (len(samples) + 1) - time.monotonic()))
    if server.process.poll() is not None:
        break
    row = {
        "seconds": round(time.monotonic() - begun, 1), "resident_mib": round(server.resident_mib(), 2),
        "descriptors": server.n_descriptors(), "threads": server.n_threads(),
        "cpu_seconds": round(server.cpu_seconds() - cpu_before, 2), "steady_millis": round(steady_millis(), 2),
        "load_average": os.getloadavg()[0],
    }
    samples.append(row)
    if len(samples) % 30 == 1:
        print(f"{row['seconds']:6.0f} s  {row['resident_mib']:.1f} MiB, {row['descriptors']} descriptors, "
              f"{row['threads']} threads, {len(done)} requests, {len(wrong)} troubles", file=sys.stderr, flush=True)
died = server.process.poll()
last_event = 0
if died is None:
    for event in server.client().get("/v1/events?limit=1").json()["events"]:
        last_event = event["sequence"]
    # What the subscriber is still to be told.
    time.sleep(2)
ended.set()
for thread in threads:
    thread.join(15)
left = {}
if died is None:
    # What clients held is given back once they are gone.
    time.sleep(8)
    left = {"descriptors_after": server.n_descriptors(), "threads_after": server.n_threads(),
            "resident_mib_after": round(server.resident_mib(), 1),
            "gallery": server.client().get("/v1/galleries/default").json()}
    left["exit"] = server.stop()

with open(out / "samples.csv", "w", newline="") as file:
    writer = csv.DictWriter(file, samples[0].keys())
    writer.writeheader()
    writer.writerows(samples)
(out / "server.log").write_text(server.log())
log_trouble = [line for line in server.log().splitlines() if " ERROR " in line or "panicked" in line]
facts = {"died": died, "last_event": last_event, "events_subscribed": n_events_seen, "log_errors": log_trouble[:20],
         "expected_faces": len(known), **left}
sys.exit(judge(samples, done, wrong, facts, out))
