"""Kills the program at random moments and checks what is left: PROSOPON WORK HOME SHARED KILLS SEED.

What every client was told is kept beside what it asked last, which may have happened or not. Each subject belongs to one
client, so that the order of its changes is known.
"""

import contextlib
import http.client
import json
import pathlib
import random
import socket
import sqlite3
import subprocess
import sys
import threading
import time

from served import Server, environment, make_home, pictures_of_people

program, work, installed, shared, kills, seed = sys.argv[1:]
work, kills, seed = pathlib.Path(work), int(kills), int(seed)
chance = random.Random(seed)
home = make_home(work, pathlib.Path(installed))
people = pictures_of_people(pathlib.Path(shared), 30, 1)
# Somebody who is enrolled before the first kill and never changed: search must find them each time.
anchor, others = people[0], people[1:]
ROOT = "/v1/galleries/default"
N_CLIENTS = 3
CLI_EVERY = 5
GONE = (OSError, http.client.HTTPException)
acknowledged = {"enrol": 0, "add person": 0, "add face": 0, "remove face": 0, "rename": 0, "merge": 0, "delete": 0, "event": 0, "command": 0}
cut = 0


class Loading(Exception):
    """Pictures cannot be taken yet; nothing was done."""


class Ledger:
    """What one client was told. `subjects` maps an id to its name and faces; `open` is what was asked and not answered."""

    def __init__(self, number: int):
        self.number = number
        self.subjects: dict[int, dict] = {}
        self.removed_subjects: set[int] = set()
        self.removed_faces: set[int] = set()
        self.open: tuple | None = None
        self.n = 0

    def work(self, client, rng: random.Random) -> None:
        """One change, chosen by chance, and its answer."""
        self.n += 1
        ids = sorted(self.subjects)
        kind = rng.choice(("enrol", "add person", "add face", "rename", "rename", "merge", "delete", "remove face"))
        if len(ids) < 8 and kind in ("merge", "delete"):
            kind = "add person"
        one = rng.choice(ids) if ids else 0
        if kind == "enrol":
            name = f"c{self.number}-{self.n}-{rng.randrange(10**6)}"
            picture = rng.choice(others)[1][0]
            self.open = ("enrol", name)
            answer = client.picture(f"{ROOT}/enrol?subject={name}&faces=largest&allow_conflict=true", picture)
            self.told(answer, (201,))
            body = answer.json()
            self.subjects[body["subject_id"]] = {"name": name, "faces": {body["added"][0]["face"]["id"]}}
        elif kind == "add person":
            name = f"p{self.number}-{self.n}-{rng.randrange(10**6)}"
            self.open = ("add person", name)
            answer = client.post_json(f"{ROOT}/subjects", {"name": name})
            self.told(answer, (201,))
            self.subjects[answer.json()["id"]] = {"name": name, "faces": set()}
        elif kind == "add face":
            self.open = ("add face", one)
            answer = client.picture(f"{ROOT}/subjects/{one}/faces?faces=largest&allow_conflict=true", rng.choice(others)[1][0])
            self.told(answer, (200, 201))
            self.subjects[one]["faces"] |= {row["face"]["id"] for row in answer.json()["added"]}
        elif kind == "rename":
            name = f"r{self.number}-{self.n}-{rng.randrange(10**6)}"
            self.open = ("rename", one, name)
            self.told(client.post_json(f"{ROOT}/subjects/{one}", {"name": name, "metadata": {"name": name}}, "PATCH"), (200,))
            self.subjects[one] |= {"name": name, "metadata": name}
        elif kind == "merge":
            into = rng.choice([other for other in ids if other != one])
            self.open = ("merge", one, into)
            answer = client.post_json(f"{ROOT}/subjects/{one}/merge", {"into": into})
            self.told(answer, (200,))
            self.merged(one, into, answer.json()["duplicates"] > 0)
        elif kind == "delete":
            self.open = ("delete", one)
            self.told(client.delete(f"{ROOT}/subjects/{one}"), (204,))
            self.deleted(one)
        else:
            faces = sorted(self.subjects[one]["faces"])
            if not faces:
                self.open = None
                return
            face = rng.choice(faces)
            self.open = ("remove face", one, face)
            self.told(client.delete(f"{ROOT}/faces/{face}"), (204,))
            self.subjects[one]["faces"].discard(face)
            self.removed_faces.add(face)
        self.open = None
        with lock:
            acknowledged[kind] += 1

    def told(self, answer, expected) -> None:
        if answer.code == "loading":
            raise Loading
        if answer.status not in expected:
            raise AssertionError(f"{self.open}: {answer} {answer.body[:200]}")

    def merged(self, one: int, into: int, had_duplicates: bool) -> None:
        gone = self.subjects.pop(one)
        self.removed_subjects.add(one)
        # A picture that both had is one face afterwards, and which of the two is not said.
        if had_duplicates:
            self.subjects[into]["unsure"] = self.subjects[into].get("unsure", set()) | gone["faces"]
        else:
            self.subjects[into]["faces"] |= gone["faces"]
        if gone.get("unsure"):
            self.subjects[into]["unsure"] = self.subjects[into].get("unsure", set()) | gone["unsure"]

    def deleted(self, one: int) -> None:
        gone = self.subjects.pop(one)
        self.removed_subjects.add(one)
        self.removed_faces |= gone["faces"] | gone.get("unsure", set())

    def settle(self, there: dict, faces: dict) -> None:
        """After a kill: the one change without an answer has happened wholly or not at all."""
        global cut
        if not self.open:
            return
        cut += 1
        kind, *about = self.open
        self.open = None
        by_name = {row["name"]: row for row in there.values()}
        if kind in ("enrol", "add person") and about[0] in by_name:
            row = by_name[about[0]]
            # The person and the face are one change.
            check(row["n_faces"] == int(kind == "enrol"), f"{about[0]}, {kind}: has {row['n_faces']} faces")
            self.subjects[row["id"]] = {"name": about[0], "faces": set(faces[row["id"]])}
        elif kind == "add face":
            known = self.subjects[about[0]]
            new = faces.get(about[0], set()) - known["faces"] - known.get("unsure", set())
            check(len(new) <= 1, f"{len(new)} new faces from one picture")
            known["faces"] |= new
        elif kind == "rename" and there.get(about[0], {}).get("name") == about[1]:
            # Name and metadata are one change.
            self.subjects[about[0]] |= {"name": about[1], "metadata": about[1]}
        elif kind == "merge" and about[0] not in there:
            self.merged(about[0], about[1], True)
        elif kind == "delete" and about[0] not in there:
            self.deleted(about[0])
        elif kind == "remove face" and about[1] not in faces.get(about[0], set()):
            self.subjects[about[0]]["faces"].discard(about[1])
            self.removed_faces.add(about[1])


def check(holds, what: str) -> None:
    if not holds:
        raise AssertionError(what)


lock = threading.Lock()
troubles: list[str] = []


def change(server: Server, ledger: Ledger, number: int) -> None:
    """One client, until the server is gone."""
    client, rng = server.client(20), random.Random(number)
    try:
        while True:
            try:
                ledger.work(client, rng)
            except Loading:
                ledger.open = None
                time.sleep(0.03)
    except GONE:
        pass
    except Exception as error:  # noqa: BLE001
        troubles.append(f"client {ledger.number}: {type(error).__name__}: {error}")


def push(server: Server, camera: int, rng: random.Random) -> None:
    """Frames of a camera that somebody has come before, until the server is gone."""
    try:
        with socket.create_connection(("127.0.0.1", server.port), 20) as stream:
            head = f"POST /v1/cameras/{camera}/frames HTTP/1.1\r\nhost: localhost\r\ncontent-type: image/jpeg\r\n"
            stream.sendall((head + "transfer-encoding: chunked\r\n\r\n").encode())
            frame = rng.choice(people)[1][0]
            while True:
                stream.sendall(f"{len(frame):x}\r\n".encode() + frame + b"\r\n")
                time.sleep(0.06)
    except OSError:
        pass


def follow(server: Server, seen: dict) -> None:
    """Events as a subscriber is told about them: told is acknowledged."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request("GET", f"/v1/events/stream?after={max(seen, default=0)}")
        for line in connection.getresponse():
            if line.startswith(b"data:") and line.endswith(b"\n"):
                with contextlib.suppress(ValueError, KeyError):
                    event = json.loads(line[5:])
                    seen[event["sequence"]] = event["id"]
    except (*GONE, ValueError):
        pass
    finally:
        connection.close()


def listing(client) -> tuple[dict, dict]:
    """Everybody by id, and the faces of each."""
    there, after = {}, None
    while True:
        page = client.get(f"{ROOT}/subjects?limit=500" + (f"&after={after}" if after else "")).json()
        there |= {row["id"]: row for row in page["subjects"]}
        after = page["next"]
        if not after:
            break
    faces = {}
    for number in there:
        faces[number] = {face["id"] for face in client.get(f"{ROOT}/subjects/{number}/faces").json()["faces"]}
    return there, faces


def check_files() -> None:
    """SQLite's own view, before anybody opens the files again but this check."""
    for name in ("gallery.db", "events.db", "server.db"):
        if not (home / name).exists():
            continue
        with contextlib.closing(sqlite3.connect(home / name)) as connection:
            verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
            check(verdict == "ok", f"{name}: {verdict}")
            check(not connection.execute("PRAGMA foreign_key_check").fetchall(), f"{name}: a row refers to nothing")


def check_all(server: Server, ledgers, seen: dict) -> int:
    """All that was promised; gives the number of people."""
    client = server.client(30)
    there, faces = listing(client)
    for ledger in ledgers:
        ledger.settle(there, faces)
        for number, known in ledger.subjects.items():
            check(number in there, f"subject {number} `{known['name']}` is lost")
            row = there[number]
            check(row["name"] == known["name"], f"subject {number} is `{row['name']}`, was told `{known['name']}`")
            if "metadata" in known:
                check(row["metadata"].get("name") == known["metadata"], f"subject {number}: metadata {row['metadata']}")
            lost = known["faces"] - faces[number] if not known.get("unsure") else set()
            check(not lost, f"faces {sorted(lost)} of subject {number} are lost")
        check(not ledger.removed_subjects & set(there), f"subjects that were removed are back: {ledger.removed_subjects & set(there)}")
        everything = set().union(*faces.values())
        check(not ledger.removed_faces & everything, f"faces that were removed are back: {ledger.removed_faces & everything}")
    known = set().union(*(ledger.subjects for ledger in ledgers)) | own
    check(set(there) == known, f"people nobody knows of: {sorted(set(there) - known)}")
    total = client.get(ROOT).json()
    check(total["subjects"] == len(there), f"{total['subjects']} people counted, {len(there)} listed")
    n_faces = sum(map(len, faces.values()))
    check(total["faces"] == n_faces == sum(row["n_faces"] for row in there.values()), f"{total['faces']} faces counted, {n_faces} listed")
    # Search: who stays is found, and nobody is a candidate who is not listed under that name.
    answer = client.picture("/v1/identify?candidates=50", anchor[1][0])
    if answer.code != "loading":
        check(answer.status == 200, f"identify: {answer}")
        check_search(answer.json(), there, faces)
    check_events(client, seen)
    client.close()
    return len(there)


def check_search(answer: dict, there: dict, faces: dict) -> None:
    global searched
    searched += 1
    face = max(answer["faces"], key=lambda face: face["bounding_box"]["right"] - face["bounding_box"]["left"])
    check(face["identification"]["subject"] == anchor[0], f"{anchor[0]} was taken for {face['identification']['subject']}")
    candidates = face["identification"]["candidates"]
    check(len(candidates) == min(50, sum(bool(of) for of in faces.values())), f"{len(candidates)} candidates of {len(there)} people")
    for candidate in candidates:
        row = there.get(candidate["subject_id"])
        check(row and row["name"] == candidate["subject"], f"candidate {candidate['subject']} is nobody")
        check(candidate["face_id"] in faces[candidate["subject_id"]], f"face {candidate['face_id']} is not {candidate['subject']}'s")


def check_events(client, seen: dict) -> None:
    """Those that a subscriber was told about are there."""
    stored, before = {}, None
    while True:
        page = client.get("/v1/events?limit=500" + (f"&before={before}" if before else "")).json()
        stored |= {event["sequence"]: event["id"] for event in page["events"]}
        before = page["next"]
        if not before:
            break
    for sequence, event in seen.items():
        check(stored.get(sequence) == event, f"event {sequence} is lost")
    numbers = sorted(stored)
    check(numbers == list(range(1, len(numbers) + 1)), "sequence numbers have gaps")


def command(rng: random.Random, ledger: Ledger) -> None:
    """A command on the gallery's file, beside no server, killed at a moment of chance."""
    kind = rng.choice(("enrol", "rename", "merge", "delete"))
    ids = sorted(ledger.subjects)
    if kind == "enrol" or len(ids) < 3:
        name = f"cli-{rng.randrange(10**9)}"
        picture = work / "picture.jpg"
        picture.write_bytes(rng.choice(others)[1][0])
        kind, arguments, about = "enrol", ["enrol", picture, "--subject", name, "--largest-face", "--offline", "--jsonl"], ("enrol", name)
    else:
        one, into = rng.sample(ids, 2)
        name = ledger.subjects[one]["name"]
        new = f"cli-{rng.randrange(10**9)}"
        arguments, about = {
            "rename": (["people", "rename", name, new], ("rename name", one, new)),
            "merge": (["people", "merge", name, ledger.subjects[into]["name"]], ("merge", one, into)),
            "delete": (["people", "delete", name], ("delete", one)),
        }[kind]
    process = subprocess.Popen([program, *map(str, arguments)], env=environment(home), stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    # From before it has begun to after it is done.
    time.sleep(rng.random() * 1.5 * usual_secs["enrol" if kind == "enrol" else "other"])
    process.kill()
    out, _ = process.communicate()
    told = process.returncode == 0 or (kind == "enrol" and b'"outcome":"added"' in out)
    if told:
        acknowledged["command"] += 1
    commands.append((about, told))


def settle_command(client, ledger: Ledger) -> None:
    """What the killed command came to; if it said that it was done, it was."""
    there, faces = listing(client)
    for about, told in commands:
        kind, *of = about
        by_name = {row["name"]: row for row in there.values()}
        if kind == "enrol":
            row = by_name.get(of[0])
            check(row or not told, f"{of[0]} was enrolled and is lost")
            if row:
                check(row["n_faces"] == 1, f"{of[0]} has {row['n_faces']} faces")
                ledger.subjects[row["id"]] = {"name": of[0], "faces": set(faces[row["id"]])}
        elif kind == "rename name":
            happened = there[of[0]]["name"] == of[1]
            check(happened or not told, f"subject {of[0]} was renamed and has the old name")
            if happened:
                ledger.subjects[of[0]]["name"] = of[1]
        else:
            happened = of[0] not in there
            check(happened or not told, f"{kind} of {of[0]} is undone")
            if happened:
                (ledger.merged(*of, True) if kind == "merge" else ledger.deleted(*of))
    commands.clear()


def take_time() -> dict[str, float]:
    """How long commands take here when nobody kills them, with a gallery of their own."""
    picture = work / "picture.jpg"
    picture.write_bytes(anchor[1][0])
    usual = {}
    enrol = ["enrol", picture, "--subject", "a", "--largest-face", "--offline"]
    for kind, arguments in (("enrol", enrol), ("other", ["people", "rename", "a", "b"])):
        start = time.monotonic()
        subprocess.run([program, *map(str, arguments), "--gallery", work / "other.db"], env=environment(home), check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        usual[kind] = time.monotonic() - start
    return usual


commands: list[tuple] = []
own: set[int] = set()
ledgers = [Ledger(n) for n in range(N_CLIENTS)]
seen: dict[int, str] = {}
# The engine that loads fastest: most of the time would be spent on that.
SETTINGS = {"threads": 2, "log": "error", "backend": "rten"}
searched = 0


def start(until_live: bool = False) -> Server:
    server = Server(program, home, SETTINGS, until_live=until_live)
    if not server.is_ready:
        sys.exit(f"FAILED: the server does not start again\n{server.log()}")
    check("panicked" not in server.log(), "a panic")
    return server


print(f"seed {seed}, {kills} kills", flush=True)
usual_secs = take_time()
begun = time.monotonic()
server = start()
setup = server.client()
answer = setup.picture(f"{ROOT}/enrol?subject={anchor[0]}&faces=largest", anchor[1][0])
own.add(answer.json()["subject_id"])
camera = setup.post_json("/v1/cameras", {"name": "door", "address": "push:", "cooldown_secs": 0, "every": 2, "enabled": True}).json()["id"]
for ledger in ledgers:
    for name, (picture,) in others[ledger.number * 6 : ledger.number * 6 + 6]:
        answer = setup.picture(f"{ROOT}/enrol?subject={name}&faces=largest&allow_conflict=true", picture)
        body = answer.json()
        ledger.subjects[body["subject_id"]] = {"name": name, "faces": {body["added"][0]["face"]["id"]}}
setup.close()
done = 0
try:
    while done < kills:
        # Where a camera is watched, one client leaves it threads.
        busy = ledgers[:1] if done % 3 == 1 else ledgers
        threads = [threading.Thread(target=change, args=(server, ledger, chance.randrange(2**30))) for ledger in busy]
        if done % 3 == 1:
            threads.append(threading.Thread(target=push, args=(server, camera, random.Random(chance.random()))))
            threads.append(threading.Thread(target=follow, args=(server, seen)))
        for thread in threads:
            thread.start()
        # Four of five have something to lose; the others are killed at any moment.
        n_before, patience = sum(acknowledged.values()), time.monotonic() + (10 if chance.random() < 0.8 else 0)
        n_seen = len(seen) if done % 3 == 1 else -1
        while time.monotonic() < patience and (sum(acknowledged.values()) == n_before or len(seen) == n_seen):
            time.sleep(0.005)
        # Two of three times long enough for some pictures, or frames.
        time.sleep(chance.random() * (2.5 if done % 3 < 2 else 0.4))
        server.kill()
        done += 1
        for thread in threads:
            thread.join()
        check(not troubles, f"{troubles[:3]}")
        check_files()
        server_log = server.log()
        check("panicked" not in server_log, server_log[-300:])
        server.log_path.unlink()
        if done % CLI_EVERY == CLI_EVERY - 1 and done < kills:
            # What is open is settled first: the command changes the same people.
            server = start(until_live=True)
            check_all(server, ledgers, seen)
            server.kill()
            command(chance, ledgers[0])
            done += 1
            check_files()
            server = start()
            client = server.client()
            settle_command(client, ledgers[0])
            client.close()
        else:
            # A third of the servers die while they load their models, when only pictures are refused.
            server = start(until_live=done % 3 == 2)
        n_people = check_all(server, ledgers, seen)
        if done % 20 < 2:
            print(f"{done:4d} kills, {time.monotonic() - begun:4.0f} s, {n_people} people, {len(seen)} events told", file=sys.stderr, flush=True)
except AssertionError as error:
    print(f"FAILED after {done} kills (seed {seed}): {error}")
    sys.exit(1)
finally:
    if server.process.poll() is None:
        server.kill()
acknowledged["event"] = len(seen)
print(f"{done} kills in {time.monotonic() - begun:.0f} s, {cut} changes over HTTP cut short; acknowledged: "
      + ", ".join(f"{n} {kind}" for kind, n in acknowledged.items()))
print(f"people, faces and events were compared {done} times, search with the list {searched} times")
print("nothing acknowledged is lost, nothing half is there, counts and search agree")
