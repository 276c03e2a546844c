"""Faults, and what the program makes of them: PROSOPON WORK HOME SHARED [FILTER]."""

import contextlib
import glob
import json
import os
import pathlib
import random
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import traceback

from served import Server, environment, make_home, multipart, pictures_of_people

program, work, installed, shared, wanted = sys.argv[1:]
work, installed, shared = pathlib.Path(work), pathlib.Path(installed), pathlib.Path(shared)
may_mount = os.environ.get("PROSOPON_MAY_MOUNT") == "true"
people = pictures_of_people(shared, 40, 2)
FREE_KIB = 500

failed: list[str] = []
left_out: list[str] = []
servers: list[Server] = []


class LeftOut(Exception):
    """A case that cannot be tried here, and why."""


def expect(holds, what: str) -> None:
    if not holds:
        raise AssertionError(what)


def case(name: str):
    """Runs a function as a case of this name, in a folder of its own; it returns what it saw."""

    def run(function):
        if wanted not in name:
            return function
        folder = work / name.replace(" ", "-").replace(":", "").replace("/", "-")
        folder.mkdir()
        start = time.monotonic()
        try:
            seen, verdict = function(folder), "ok"
        except LeftOut as why:
            seen, verdict = str(why), "left out"
            left_out.append(name)
        except AssertionError as error:
            seen, verdict = str(error), "FAILED"
            failed.append(name)
        except Exception as error:  # noqa: BLE001  whatever goes wrong is a failure of this case, not of the others
            traceback.print_exc()
            seen, verdict = f"{type(error).__name__}: {error}", "FAILED"
            failed.append(name)
        finally:
            while servers:
                server = servers.pop()
                if server.process.poll() is None:
                    server.kill()
        print(f"{verdict:8} {name:40} {time.monotonic() - start:5.1f} s  {seen}", flush=True)
        return function

    return run


# ------------------------------------------------------------------ tools


class Run:
    """What a command of the program came to."""

    def __init__(self, home: pathlib.Path, *arguments, stdout=None, **settings):
        result = subprocess.run(
            [program, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=stdout or subprocess.PIPE,
            stderr=subprocess.PIPE, env=environment(home, settings), timeout=180, check=False,
        )
        self.exit = result.returncode
        self.out = (result.stdout or b"").decode(errors="replace")
        self.err = result.stderr.decode(errors="replace")
        expect("panicked" not in self.err, f"a panic: {self.err[-300:]}")
        expect(self.exit >= 0, f"ended by signal {-self.exit}")

    @property
    def error(self) -> dict:
        """The error of a command that was asked for JSON: code, message, hint."""
        for text in (self.out, self.out.strip().rpartition("\n")[2]):
            with contextlib.suppress(ValueError, KeyError, TypeError):
                return json.loads(text)["error"]
        return {}

    @property
    def line(self) -> str:
        """The line for people."""
        lines = [line for line in self.err.splitlines() if line.startswith("error:")]
        return lines[0] if lines else ""


def fresh_home(folder: pathlib.Path) -> pathlib.Path:
    return make_home(folder, installed)


def serve(home: pathlib.Path, settings=None, **more) -> Server:
    server = Server(program, home, {"threads": 1} | (settings or {}), **more)
    servers.append(server)
    expect(server.is_ready, f"the server did not start: {server.log()[-400:]}")
    return server


def enrol(client, name: str, picture: bytes):
    return client.picture(f"/v1/galleries/default/enrol?subject={name}&faces=largest&allow_conflict=true", picture)


def write_pictures(folder: pathlib.Path, some) -> pathlib.Path:
    for name, pictures in some:
        (folder / name).mkdir(parents=True)
        for n, picture in enumerate(pictures):
            (folder / name / f"{n}.jpg").write_bytes(picture)
    return folder


@contextlib.contextmanager
def small_disk(folder: pathlib.Path, mib: int = 64):
    """A disk of its own that can be filled; its ballast leaves little space until it is removed."""
    if not may_mount:
        raise LeftOut("nothing may be mounted here: run it as root")
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", disk], check=True)
    try:
        yield disk
    finally:
        while servers:
            servers.pop().kill()
        subprocess.run(["umount", "--lazy", disk], check=True)


def fill(disk: pathlib.Path, leave_kib: int = FREE_KIB) -> pathlib.Path:
    """Leaves so little space on the disk."""
    state = os.statvfs(disk)
    with open(disk / "ballast", "ab") as ballast:
        ballast.write(bytes(max(0, state.f_bavail * state.f_frsize - leave_kib * 1024)))
    return disk / "ballast"


def strays(folder: pathlib.Path) -> list[str]:
    """Files that something half done would leave."""
    known = (".db", ".db-wal", ".db-shm", ".key", ".jpg", ".html", ".json", ".png", "ballast")
    found = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return [str(path.relative_to(folder)) for path in found if not path.name.endswith(known) and "models" not in path.parts]


def integrity(path: pathlib.Path) -> str:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchone()[0]


def n_faces(home: pathlib.Path, gallery: pathlib.Path) -> int:
    answer = Run(home, "people", "list", "--gallery", gallery, "--json")
    expect(answer.exit == 0, f"people list: {answer.err}")
    return sum(person["n_faces"] for person in json.loads(answer.out)["subjects"])


# ------------------------------------------------------------------ a full disk


@case("disk full: enrol")
def _(folder):
    home = fresh_home(folder)
    pictures = write_pictures(folder / "pictures", people)
    with small_disk(folder) as disk:
        gallery = disk / "gallery.db"
        expect(Run(home, "people", "list", "--gallery", gallery).exit == 5, "a gallery out of nothing")
        first = Run(home, "enrol", folder / "pictures" / people[0][0], "--subject", "first", "--gallery", gallery, "--largest-face")
        expect(first.exit == 0, first.err)
        ballast = fill(disk)
        run = Run(home, "enrol", pictures, "--gallery", gallery, "--jsonl", "--largest-face", "--offline")
        rows = [json.loads(line) for line in run.out.splitlines()]
        added = sum(row.get("outcome") == "added" for row in rows)
        expect(run.exit == 5 and run.error.get("code") == "disk_full", f"exit {run.exit}, {run.error or run.err}")
        expect(run.error["hint"], "no hint")
        expect(n_faces(home, gallery) == 2 + added, f"{n_faces(home, gallery)} faces, {2 + added} were acknowledged")
        ballast.unlink()
        again = Run(home, "enrol", pictures, "--gallery", gallery, "--jsonl", "--largest-face", "--offline")
        rows = [json.loads(line) for line in again.out.splitlines()]
        expect(again.exit in (0, 3) and integrity(gallery) == "ok", again.err)
        expect(not strays(disk), f"left behind: {strays(disk)}")
        return f"exit 5 disk_full after {added} faces, all of them there; with space {n_faces(home, gallery)}"


@case("disk full: enrol over HTTP")
def _(folder):
    with small_disk(folder) as disk:
        home = fresh_home(disk)
        server = serve(home)
        client = server.client()
        expect(enrol(client, "first", people[0][1][0]).status == 201, "the first face")
        ballast = fill(disk)
        acknowledged, answer = 1, None
        for name, pictures in people[1:]:
            answer = enrol(client, name, pictures[0])
            if answer.status != 201:
                break
            acknowledged += 1
        expect(answer.status == 507 and answer.code == "disk_full", f"answered with {answer}: {answer.body[:200]}")
        asked = client.picture("/v1/identify", people[0][1][1])
        expect(asked.status == 200, f"identify on a full disk: {asked}")
        there = client.get("/v1/galleries/default").json()
        expect(there["faces"] == acknowledged, f"{there['faces']} faces, {acknowledged} were acknowledged")
        renamed = client.post_json("/v1/galleries/default/subjects/1", {"metadata": {"a": "x" * 1000}}, "PATCH")
        expect(renamed.status in (200, 507), f"rename: {renamed}")
        ballast.unlink()
        after = enrol(client, "later", people[-1][1][0])
        expect(after.status == 201, f"with space again: {after}")
        expect(server.stop() == 0, "it did not stop well")
        expect(integrity(home / "gallery.db") == "ok" and integrity(home / "server.db") == "ok", "integrity")
        server = serve(home)
        there = server.client().get("/v1/galleries/default").json()
        expect(there["faces"] == acknowledged + 1, f"{there['faces']} faces after a restart")
        return f"507 disk_full after {acknowledged} faces; identify 200; with space 201; {there['faces']} after a restart"


def push_frames(server: Server, camera: int, pictures, pause=0.25) -> None:
    """Sends these frames to a camera in one request that goes on."""
    with socket.create_connection(("127.0.0.1", server.port), 30) as stream:
        head = f"POST /v1/cameras/{camera}/frames HTTP/1.1\r\nhost: localhost\r\ncontent-type: image/jpeg\r\n"
        stream.sendall((head + "transfer-encoding: chunked\r\n\r\n").encode())
        for picture in pictures:
            stream.sendall(f"{len(picture):x}\r\n".encode() + picture + b"\r\n")
            time.sleep(pause)
        stream.sendall(b"0\r\n\r\n")
        answer = stream.recv(4096)
        expect(b" 200 " in answer, f"frames were answered with {answer[:80]}")


@case("disk full: events")
def _(folder):
    film = next(iter((shared / "data/video").glob("*.mp4")), None)
    if film is None or not shutil.which("ffmpeg"):
        raise LeftOut("FFmpeg or the film is missing")
    home = fresh_home(folder)
    with small_disk(folder) as disk:
        events = disk / "events.db"
        picture = folder / "a.jpg"
        picture.write_bytes(people[0][1][0])
        expect(Run(home, "enrol", picture, "--subject", "a", "--gallery", folder / "gallery.db", "--largest-face").exit == 0, "enrol")
        command = ("watch", film, "--events", events, "--gallery", folder / "gallery.db", "--max-frames", "60", "--every", "3",
                   "--offline", "--jsonl", "--input-size", "320")
        first = Run(home, *command)
        expect(first.exit == 0, first.err)
        before = Run(home, "events", "list", "--events", events, "--jsonl", "--limit", "1000").out.count('"sequence"')
        expect(before > 0, "no events")
        ballast = fill(disk, 8)
        run = Run(home, *command)
        told = sum('"kind"' in line for line in run.out.splitlines())
        ballast.unlink()
        after = Run(home, "events", "list", "--events", events, "--jsonl", "--limit", "1000").out.count('"sequence"')
        expect(run.exit == 5 and "no space left" in run.err and "hint:" in run.err, f"exit {run.exit}: {run.err[-300:]}")
        expect(after >= before + told, f"{after} events, {before} before, {told} told")
        expect(integrity(events) == "ok", "integrity")
        again = Run(home, *command)
        expect(again.exit == 0, again.err)
        return f"exit {run.exit}, {run.line.replace(str(work), '')!r}; {after - before} new events stored, {told} told; works again with space"


@case("disk full: train")
def _(folder):
    home = fresh_home(folder)
    pictures = write_pictures(folder / "pictures", pictures_of_people(shared, 5, 8))
    with small_disk(folder, 8) as disk:
        classifiers = disk / "classifiers"
        command = ("train", pictures, "--name", "small", "--faces", "as-is", "--feature", "hog",
                   "--learner", "scale+svc:kernel=linear", "--folds", "0", "--json")
        first = Run(home, *command, classifiers_dir=classifiers)
        expect(first.exit == 0, first.err)
        ballast = fill(disk, 40)
        run = Run(home, *command, classifiers_dir=classifiers)
        expect(run.exit == 5, f"exit {run.exit}: {run.err[-300:]}")
        expect(run.error.get("hint"), f"no hint: {run.error}")
        listed = json.loads(Run(home, "classifiers", "list", "--json", classifiers_dir=classifiers).out)
        versions = [len(c["versions"]) for c in listed["classifiers"]]
        expect(versions == [1], f"versions: {versions}")
        ballast.unlink()
        again = Run(home, *command, classifiers_dir=classifiers)
        listed = json.loads(Run(home, "classifiers", "list", "--json", classifiers_dir=classifiers).out)
        versions = [len(c["versions"]) for c in listed["classifiers"]]
        expect(again.exit == 0 and versions == [2], f"with space: exit {again.exit}, {versions}")
        return f"exit 5 {run.error['code']}: {run.error['message'][:70]!r}; version 1 stays, 2 is added with space"


@case("disk full: models add")
def _(folder):
    with small_disk(folder, 64) as disk:
        model = sorted((installed / "models").rglob("*.onnx"), key=lambda path: path.stat().st_size)[0]
        size = model.stat().st_size
        home = disk / "home"
        home.mkdir()
        ballast = fill(disk, size // 2048)
        run = Run(home, "models", "add", model, "--json")
        expect(run.exit in (4, 5) and run.error.get("code") == "disk_full", f"exit {run.exit}: {run.err[-300:]}")
        left = [p for p in home.rglob("*") if p.is_file() and p.stat().st_size > 0]
        expect(not left, f"left behind: {left}")
        ballast.unlink()
        again = Run(home, "models", "add", model, "--json")
        expect(again.exit == 0, f"with space: {again.err}")
        return f"exit {run.exit} disk_full ({size >> 10} KiB into {size >> 11}), nothing left behind; with space it is added"


@case("disk full: fetch")
def _(folder):
    home = fresh_home(folder)
    source = folder / "export"
    source.mkdir()
    # The first ones are no pictures: then it is the manifest that finds no space.
    for n, picture in enumerate(pictures_of_people(shared, 6, 5)):
        for i, content in enumerate(picture[1]):
            (source / f"person-{n}-{i}.jpg").write_bytes(content)
    for n in range(400):
        (source / f"broken-{n}.jpg").write_bytes(b"no picture")
    n_files = len(list(source.iterdir()))
    with small_disk(folder, 4) as disk:
        into = disk / "into"
        command = ("fetch", "--from", source, "--into", into, "--json")
        ends = []
        for leave_kib in (8, 16, 24, 40, 400):
            into.mkdir(exist_ok=True)
            ballast = fill(disk, leave_kib)
            run = Run(home, *command)
            ends.append(run.exit)
            expect(run.exit == 5 and "free some space" in run.error.get("hint", ""), f"{leave_kib} KiB: exit {run.exit}: {run.err[-300:]}")
            ballast.unlink()
            lines = (into / "manifest.jsonl").read_text()
            expect(all(json.loads(line) for line in lines.splitlines()), f"{leave_kib} KiB: half a line in the manifest")
        again = Run(home, *command)
        expect(again.exit == 0, f"with space: exit {again.exit}: {again.err[-300:]}")
        kept = [p for p in into.rglob("*.jpg")]
        expect(len(kept) == n_files - 400, f"{len(kept)} of {n_files - 400} pictures")
        return f"exit {ends}, every line of the manifest whole; with space all {len(kept)} pictures are there"


@case("disk full: output and reports")
def _(folder):
    home = fresh_home(folder)
    pictures = write_pictures(folder / "pictures", pictures_of_people(shared, 4, 3))
    expect(Run(home, "enrol", pictures, "--largest-face").exit == 0, "enrol")
    with small_disk(folder, 4) as disk:
        report = disk / "report.html"
        command = ("evaluate", "folder", pictures, "--report", report, "--offline")
        expect(Run(home, *command).exit == 0, "a report with space")
        whole = report.read_bytes()
        fill(disk, 8)
        with open(disk / "out.json", "wb") as out:
            run = Run(home, "identify", pictures, "--json", "--offline", stdout=out)
        expect(run.exit == 5 and "hint: free some space" in run.err, f"exit {run.exit}: {run.err[-300:]}")
        second = Run(home, *command)
        expect(second.exit == 5 and "hint:" in second.err, f"report: exit {second.exit}: {second.err[-300:]}")
        expect(report.read_bytes() == whole, "the report that was there is changed")
        expect(not strays(disk), f"left behind: {strays(disk)}")
        return f"exit 5 {run.line!r}; the report that was there is untouched"


# ------------------------------------------------------------------ read-only


@contextlib.contextmanager
def read_only(folder: pathlib.Path):
    """The folder, seen so that nothing in it can be changed."""
    if not may_mount:
        raise LeftOut("nothing may be mounted here: run it as root")
    view = folder.parent / (folder.name + "-read-only")
    view.mkdir()
    subprocess.run(["mount", "--bind", folder, view], check=True)
    subprocess.run(["mount", "-o", "remount,ro,bind", view], check=True)
    try:
        yield view
    finally:
        while servers:
            servers.pop().kill()
        subprocess.run(["umount", "--lazy", view], check=True)


@case("read-only gallery: identify and enrol")
def _(folder):
    home = fresh_home(folder)
    pictures = write_pictures(folder / "pictures", people[:3])
    place = folder / "place"
    place.mkdir()
    expect(Run(home, "enrol", pictures, "--largest-face", "--gallery", place / "g.db").exit == 0, "enrol")
    with read_only(place) as view:
        asked = Run(home, "identify", pictures, "--gallery", view / "g.db", "--json", "--offline")
        said = asked.error.get("code", "")
        expect(asked.exit == 0 or (asked.exit == 5 and said == "gallery_read_only" and asked.error["hint"]),
               f"identify: exit {asked.exit}: {asked.err[-300:]}")
        written = Run(home, "enrol", pictures, "--gallery", view / "g.db", "--json", "--largest-face", "--offline")
        expect(written.exit == 5 and written.error.get("code") == "gallery_read_only" and written.error["hint"],
               f"enrol: exit {written.exit}: {written.err[-300:]}")
        answer = "identify works" if asked.exit == 0 else f"identify: exit 5 {said}"
        return f"{answer}; enrol: exit 5 gallery_read_only, hint {written.error['hint']!r}"


@case("read-only home: serve and detect")
def _(folder):
    home = fresh_home(folder)
    picture = folder / "a.jpg"
    picture.write_bytes(people[0][1][0])
    expect(Run(home, "enrol", picture, "--subject", "a", "--largest-face").exit == 0, "enrol")
    with read_only(home) as view:
        found = Run(view, "detect", picture, "--offline", "--json")
        expect(found.exit == 0, f"detect: exit {found.exit}: {found.err[-300:]}")
        server = Server(program, view, {"threads": 1}, wait=30)
        servers.append(server)
        expect(not server.is_ready, "the server started where it can keep nothing")
        line = next((line for line in server.log().splitlines() if line.startswith("error:")), "")
        expect(server.process.wait(5) == 5 and "read" in line and "hint:" in server.log(), f"status {server.process.poll()}: {server.log()[-300:]}")
        return f"detect works; serve: exit 5 {line.replace(str(work), '')!r}"


# ------------------------------------------------------------------ damaged databases


def overwritten(path: pathlib.Path) -> None:
    """Bytes in the middle that are nobody's: all pages but the first, every other kilobyte."""
    size = path.stat().st_size
    with open(path, "r+b") as file:
        for at in range(5000, size, 2048):
            file.seek(at)
            file.write(os.urandom(1024)[: size - at])


def truncated(path: pathlib.Path) -> None:
    os.truncate(path, path.stat().st_size * 3 // 5 + 7)


def emptied(path: pathlib.Path) -> None:
    os.truncate(path, 0)


def text(path: pathlib.Path) -> None:
    path.write_text("people:\n" + "anna\n" * 2000)


def newer(path: pathlib.Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


DAMAGES = (overwritten, truncated, emptied, text, newer)
SPLIT = {"gallery.db": "gallery", "events.db": "events", "server.db": "server"}


def make_whole_home(folder: pathlib.Path) -> pathlib.Path:
    """A data directory with people, events and keys."""
    home = fresh_home(folder)
    server = serve(home)
    client = server.client()
    for name, pictures in people[:12]:
        expect(enrol(client, name, pictures[0]).status == 201, "enrol")
    for n in range(60):
        expect(client.post_json("/v1/galleries/default/subjects", {"name": f"nobody {n}", "metadata": {"note": "x" * 200}}).status == 201, "subject")
    answer = client.post_json("/v1/cameras", {"name": "door", "address": "push:", "cooldown_secs": 0, "enabled": True})
    expect(answer.status == 201, f"camera: {answer}")
    camera = answer.json()["id"]
    for _, pictures in people[:3]:
        push_frames(server, camera, [pictures[0]] * 8, 0.15)
    until = time.monotonic() + 10
    while time.monotonic() < until and len(client.get("/v1/events").json()["events"]) < 4:
        time.sleep(0.2)
    expect(len(client.get("/v1/events").json()["events"]) >= 4, "no events")
    for n in range(20):
        expect(client.post_json("/v1/keys", {"name": f"key {n}", "scopes": ["identify"]}).status == 201, "key")
    expect(server.stop() == 0, "stop")
    servers.clear()
    return home


WHOLE: list[pathlib.Path] = []


def whole_home() -> pathlib.Path:
    if not WHOLE:
        folder = work / "whole"
        folder.mkdir()
        WHOLE.append(make_whole_home(folder))
    return WHOLE[0]


LOOKING = {
    "gallery.db": ("people", "list", "--json"),
    "events.db": ("events", "list", "--json"),
    "server.db": ("keys", "list", "--json"),
}


def try_damage(name: str, damage):
    @case(f"damaged {SPLIT[name]}: {damage.__name__}")
    def _(folder):
        source = whole_home()
        home = fresh_home(folder)
        for path in source.iterdir():
            if path.is_file():
                shutil.copy(path, home / path.name)
        damage(home / name)
        harmless = damage is emptied
        looked = Run(home, *LOOKING[name])
        if looked.exit == 0 and not harmless:
            seen = "can still be listed"
        else:
            expect(looked.exit in ((0, 5) if harmless else (5,)), f"exit {looked.exit}: {looked.err[-300:]}")
            if looked.exit:
                expect(name in looked.line and "hint:" in looked.err, f"the error names no file or hint: {looked.err[-300:]}")
            seen = f"exit {looked.exit} {looked.error.get('code', '')}".strip()
        doctor = Run(home, "doctor", "--json")
        told = json.loads(doctor.out) if doctor.out else {}
        files = {row["path"].rpartition("/")[2]: row["problem"] for row in told.get("files", [])}
        if not harmless:
            expect(files.get(name), f"doctor does not find it: {files}")
            expect(doctor.exit == 5, f"doctor: exit {doctor.exit}")
        server = Server(program, home, {"threads": 1}, wait=40)
        servers.append(server)
        if server.is_ready:
            client = server.client()
            asked = client.picture("/v1/identify", people[0][1][1])
            lists = [client.get(path) for path in ("/v1/galleries/default/subjects?limit=1000", "/v1/events?limit=200", "/v1/keys", "/v1/audit")]
            expect(all(answer.status in (200, 500) for answer in (asked, *lists)), f"{asked}, {', '.join(map(str, lists))}")
            broken = sum(answer.status == 500 for answer in (asked, *lists))
            expect(client.get("/health/ready").status == 200, "not ready any more")
            served = f"serve: starts, {broken} of 5 requests answered with 500"
            server.stop()
        else:
            line = next((line for line in server.log().splitlines() if line.startswith("error:")), "")
            expect(server.process.wait(5) == 5 and name in line and "hint:" in server.log(),
                   f"serve: status {server.process.poll()}: {server.log()[-400:]}")
            served = "serve: exit 5, a line with the file and a hint"
        expect("panicked" not in server.log(), "the server panicked")
        return f"{seen}; doctor {'says so' if not harmless else 'has nothing to say'}; {served}"


for database in LOOKING:
    for damage in DAMAGES:
        try_damage(database, damage)


# ------------------------------------------------------------------ model files


def own_models(folder: pathlib.Path) -> pathlib.Path:
    """A data directory with copies of the models, which may be harmed."""
    home = folder / "home"
    home.mkdir()
    shutil.copytree(installed / "models", home / "models")
    if (installed / "runtime").exists():
        (home / "runtime").symlink_to((installed / "runtime").resolve())
    return home


def harm(path: pathlib.Path, how: str) -> None:
    """Changes a copy of a model's file, half of it or all."""
    data = bytearray(path.read_bytes())
    path.unlink()
    if how == "deleted":
        return
    if how == "truncated":
        del data[len(data) // 2 :]
    else:
        data[len(data) // 2] ^= 0x55
    path.write_bytes(data)


def try_model(how: str):
    @case(f"model {how}")
    def _(folder):
        home = own_models(folder)
        server = serve(home)
        client = server.client()
        expect(client.picture("/v1/identify", people[0][1][0]).status == 200, "identify")
        detector = json.loads(Run(home, "models", "path", "scrfd", "--json").out)["path"]
        harm(pathlib.Path(detector), how)
        for _ in range(3):
            answer = client.picture("/v1/identify", people[1][1][0])
            expect(answer.status == 200 and answer.json()["faces"], f"a running server: {answer}")
        server.stop()
        again = Server(program, home, {"threads": 1}, wait=30)
        servers.append(again)
        expect(not again.is_ready, f"it starts with a model that is {how}")
        line = next((line for line in again.log().splitlines() if line.startswith("error:")), "")
        expect(again.process.wait(5) == 4 and "hint:" in again.log(), f"status {again.process.poll()}: {again.log()[-400:]}")
        picture = folder / "a.jpg"
        picture.write_bytes(people[0][1][0])
        command = Run(home, "detect", picture, "--offline", "--json")
        expect(command.exit == 4 and command.error.get("hint"), f"detect: exit {command.exit}: {command.err[-300:]}")
        checked = Run(home, "models", "verify")
        expect(checked.exit == (0 if how == "deleted" else 1), f"models verify: exit {checked.exit}")
        return f"a running server goes on; next start: exit 4 {line.replace(str(work), '')[:110]!r}; models verify: exit {checked.exit}"


for how in ("changed", "truncated", "deleted"):
    try_model(how)


# ------------------------------------------------------------------ the clock


class MovedClock:
    """The system's clock of one program, moved by libfaketime; how much time goes by stays true."""

    def __init__(self, folder: pathlib.Path):
        found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1") + glob.glob("/usr/local/lib/faketime/libfaketimeMT.so.1")
        if not found:
            raise LeftOut("Debian's package faketime is missing")
        self.file = folder / "clock"
        self.set(0)
        self.surroundings = {
            "LD_PRELOAD": found[0], "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, days: float) -> None:
        """So many days away from the true time."""
        new = self.file.with_suffix(".new")
        new.write_text(f"{days:+g}d\n")
        new.rename(self.file)


def stranger_picture() -> bytes:
    return (shared / "data/hobbit/dataset/elijah_wood").glob("*.jp*g").__next__().read_bytes()


@case("clock: events, cooldown, sessions")
def _(folder):
    clock = MovedClock(folder)
    home = fresh_home(folder)
    settings = {"events_days": 30, "require_keys": "always", "requests_per_minute": 6000}
    key = Run(home, "keys", "create", "admin", "--scope", "admin").out.splitlines()[0]
    server = serve(home, settings, extra=clock.surroundings)
    client = server.client()
    signed_in = client.post_json("/v1/session", {"key": key})
    expect(signed_in.status == 200, f"sign in: {signed_in}")
    cookie = {"cookie": signed_in.headers["set-cookie"].split(";")[0]}

    def get(path):
        return client.send("GET", path, headers=cookie)

    def events() -> list:
        answer = get("/v1/events?limit=200")
        expect(answer.status == 200, f"events: {answer}")
        return answer.json()["events"]

    name, pictures = people[0]
    path = f"/v1/galleries/default/enrol?subject={name}&faces=largest"
    headers = cookie | {"origin": f"http://127.0.0.1:{server.port}"}
    enrolled = client.send("POST", path, pictures[0], "image/jpeg", headers)
    expect(enrolled.status == 201, f"enrol: {enrolled} {enrolled.body[:200]}")
    made = client.send("POST", "/v1/cameras", json.dumps({"name": "door", "address": "push:", "cooldown_secs": 3, "enabled": True}).encode(),
                       "application/json", headers)
    expect(made.status == 201, f"camera: {made}")
    camera = made.json()["id"]

    def push(frames) -> None:
        with socket.create_connection(("127.0.0.1", server.port), 30) as stream:
            head = (f"POST /v1/cameras/{camera}/frames HTTP/1.1\r\nhost: localhost\r\nx-api-key: {key}\r\n"
                    "content-type: image/jpeg\r\ntransfer-encoding: chunked\r\n\r\n")
            stream.sendall(head.encode())
            for frame in frames:
                stream.sendall(f"{len(frame):x}\r\n".encode() + frame + b"\r\n")
                time.sleep(0.15)
            stream.sendall(b"0\r\n\r\n")
            stream.recv(4096)

    def seen() -> int:
        """How often the person was announced after one more visit. The cooldown is over before it, and the track forgotten."""
        push([stranger] * 40)
        push([pictures[0]] * 20)
        time.sleep(0.5)
        return sum(event["kind"] == "recognised" and event["subject"]["name"] == name for event in events())

    stranger = stranger_picture()
    counts = [seen()]
    n_before = len(events())
    clock.set(400)
    counts.append(seen())
    n_forward = len(events())
    clock.set(0)
    counts.append(seen())
    clock.set(-800)
    counts.append(seen())
    clock.set(0)
    counts.append(seen())
    n_after = len(events())
    expect(n_forward >= n_before and n_after >= n_forward, f"events were removed: {n_before}, {n_forward}, {n_after}")
    expect(counts == [1, 2, 3, 4, 5], f"announced after each visit: {counts}, expected 1 to 5")
    expect(get("/v1/session").json()["signed_in"], "signed out")
    burst = [get("/v1/system").status for _ in range(50)]
    expect(set(burst) == {200}, f"rate limit: {set(burst)}")
    expect(server.stop() == 0 and "panicked" not in server.log(), f"stop: {server.log()[-200:]}")
    # A restart with a clock that is wrong by years, and the truth again.
    clock.set(3000)
    server = serve(home, settings | {"require_keys": "never"}, extra=clock.surroundings)
    client = server.client()
    push([stranger] * 8)
    time.sleep(1)
    kept = len(client.get("/v1/events?limit=200").json()["events"])
    expect(kept >= n_after, f"{n_after - kept} events were removed after a start with a wrong clock")
    # Age is looked at every ten minutes, and with the first event after a start.
    expect("the clock jumped forward" in server.log(), f"the log says nothing of the jump: {server.log()[-300:]}")
    return (f"+400, 0, −800, 0 days: {n_after} events, none removed, announced at each visit; session and limits hold; "
            f"restart at +3000 days keeps {kept}")


# ------------------------------------------------------------------ a crowd of changes


@case("crowd: thousands of people come and go")
def _(folder):
    home = fresh_home(folder)
    server = serve(home, {"threads": 2})
    setup = server.client()
    stay = people[:10]
    for name, pictures in stay:
        expect(enrol(setup, name, pictures[0]).status == 201, "enrol")
    N_THREADS, N_EACH = 4, 600
    troubles: list[str] = []
    counts = {"added": 0, "renamed": 0, "merged": 0, "removed": 0, "identified": 0}
    lock = threading.Lock()
    kept: list[str] = []
    done = threading.Event()
    root = "/v1/galleries/default"

    def changer(seed: int) -> None:
        client, rng, own = server.client(), random.Random(seed), []
        try:
            for n in range(N_EACH):
                answer = client.post_json(f"{root}/subjects", {"name": f"p{seed}-{n}"})
                if answer.status != 201:
                    troubles.append(f"add: {answer}")
                    continue
                number = answer.json()["id"]
                if n % 60 == 0:
                    face = client.picture(f"{root}/subjects/{number}/faces?faces=largest&allow_conflict=true", visitors[(seed + n) % len(visitors)])
                    if face.status not in (200, 201):
                        troubles.append(f"face: {face}")
                own.append(number)
                with lock:
                    counts["added"] += 1
                if rng.random() < 0.5:
                    answer = client.post_json(f"{root}/subjects/{rng.choice(own)}", {"name": f"q{seed}-{n}"}, "PATCH")
                    counts["renamed"] += 1
                    if answer.status != 200:
                        troubles.append(f"rename: {answer}")
                if len(own) > 3 and rng.random() < 0.2:
                    one, other = rng.sample(own, 2)
                    answer = client.post_json(f"{root}/subjects/{one}/merge", {"into": other})
                    own.remove(one)
                    counts["merged"] += 1
                    if answer.status != 200:
                        troubles.append(f"merge: {answer}")
                if len(own) > 20:
                    one = own.pop(rng.randrange(len(own)))
                    answer = client.delete(f"{root}/subjects/{one}")
                    counts["removed"] += 1
                    if answer.status != 204:
                        troubles.append(f"remove: {answer}")
            with lock:
                kept.extend(own)
        except Exception as error:  # noqa: BLE001
            troubles.append(f"{type(error).__name__}: {error}")

    def asker(seed: int) -> None:
        client, rng = server.client(), random.Random(seed)
        while not done.is_set():
            name, pictures = rng.choice(stay)
            answer = client.picture("/v1/identify", pictures[0])
            if answer.status != 200:
                troubles.append(f"identify: {answer}")
                continue
            found = max(answer.json()["faces"], key=lambda face: face["bounding_box"]["right"] - face["bounding_box"]["left"])
            if found["identification"]["subject"] != name:
                troubles.append(f"{name} was taken for {found['identification']['subject']}")
            counts["identified"] += 1

    visitors = [pictures[0] for _, pictures in people[20:]]
    changers = [threading.Thread(target=changer, args=(seed,)) for seed in range(N_THREADS)]
    askers = [threading.Thread(target=asker, args=(seed,)) for seed in range(2)]
    for thread in changers + askers:
        thread.start()
    for thread in changers:
        thread.join()
    done.set()
    for thread in askers:
        thread.join()
    expect(not troubles, f"{len(troubles)} troubles: {troubles[:3]}")
    expect(counts["identified"] > 10, f"{counts}")

    def check(client, when: str) -> None:
        there = client.get(root).json()
        expect(there["subjects"] == len(stay) + len(kept), f"{when}: {there['subjects']} people, expected {len(stay) + len(kept)}")
        listed, after = [], None
        while True:
            page = client.get(f"{root}/subjects?limit=100" + (f"&after={after}" if after else "")).json()
            listed += page["subjects"]
            after = page["next"]
            if not after:
                break
        expect({row["id"] for row in listed} >= set(kept), f"{when}: some that stay are missing")
        expect(len(listed) == there["subjects"] and sum(row["n_faces"] for row in listed) == there["faces"], f"{when}: counts differ")

    check(server.client(), "in the end")
    expect(server.stop() == 0, "stop")
    check(serve(home).client(), "after a restart")
    return ", ".join(f"{n} {what}" for what, n in counts.items()) + "; no 5xx, no wrong name, counts right, after a restart too"


# ------------------------------------------------------------------ sockets


@case("socket: half-closed, slow, vanishing clients")
def _(folder):
    home = fresh_home(folder)
    server = serve(home)
    client = server.client()
    picture = people[0][1][0]
    camera = client.post_json("/v1/cameras", {"name": "door", "address": "push:", "enabled": True}).json()["id"]
    expect(client.picture("/v1/identify", picture).status == 200, "identify")
    push_frames(server, camera, [picture] * 4, 0.1)
    client.close()
    time.sleep(1)
    before = (server.n_descriptors(), server.resident_mib())

    def opened(head: str, body: bytes = b"", receive_buffer: int = 0) -> socket.socket:
        stream = socket.socket()
        if receive_buffer:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        stream.settimeout(20)
        stream.connect(("127.0.0.1", server.port))
        stream.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
        return stream

    send = f"POST /v1/detect HTTP/1.1\nhost: localhost\ncontent-type: image/jpeg\ncontent-length: {len(picture)}"
    answered, begun = 0, time.monotonic()
    for n in range(20):
        # Whoever sends no more is taken for somebody who went away, whose place is free again: half a request or a whole one.
        stream = opened(send, picture if n % 2 else picture[:500])
        stream.shutdown(socket.SHUT_WR)
        answered += bool(stream.recv(100))
        stream.close()
    took = time.monotonic() - begun
    expect(took < 20, f"20 half-closed requests took {took:.0f} s")
    for n in range(100):
        stream = opened(send, picture[: len(picture) * (n % 10) // 10])
        if n % 2:
            # Vanishes without a word: a reset instead of an end.
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        stream.close()
    slow = [opened("GET /openapi.json HTTP/1.1\nhost: localhost", receive_buffer=2048) for _ in range(30)]
    slow += [opened("GET /v1/events/stream?after=0 HTTP/1.1\nhost: localhost", receive_buffer=2048) for _ in range(30)]
    slow += [opened(f"GET /v1/cameras/{camera}/preview HTTP/1.1\nhost: localhost", receive_buffer=2048) for _ in range(6)]
    begun, worst = time.monotonic(), 0.0
    other = server.client(20)
    # The camera goes on while its viewers read nothing.
    pushing = threading.Thread(target=push_frames, args=(server, camera, [picture] * 40, 0.15))
    pushing.start()
    while time.monotonic() - begun < 6:
        start = time.monotonic()
        expect(other.picture("/v1/identify", picture).status == 200, "identify")
        expect(other.get("/health/ready").status == 200, "ready")
        worst = max(worst, time.monotonic() - start)
        time.sleep(0.1)
    pushing.join()
    during = server.n_descriptors()
    for stream in slow:
        stream.close()
    other.close()
    until = time.monotonic() + 20
    while time.monotonic() < until and server.n_descriptors() > before[0]:
        time.sleep(0.2)
    after = (server.n_descriptors(), server.resident_mib())
    expect(after[0] <= before[0], f"{before[0]} descriptors before, {during} meanwhile, {after[0]} after")
    expect(after[1] - before[1] < 40, f"{before[1]:.0f} MiB before, {after[1]:.0f} after")
    expect(server.client().get("/health/live").status == 200 and server.stop() == 0, "stop")
    return (f"20 half-closed connections were ended in {took:.1f} s, {answered} with an answer; with 66 slow readers the longest wait was {worst:.2f} s; descriptors "
            f"{before[0]}, {during}, {after[0]}; memory {before[1]:.0f}, then {after[1]:.0f} MiB")


print(f"{len(failed)} failed, {len(left_out)} left out")
if failed:
    print("failed: " + ", ".join(failed))
sys.exit(1 if failed or (left_out and os.environ.get("CI") == "true") else 0)
