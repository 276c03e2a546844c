"""A real server in a folder of its own, and clients of it: what test-faults.py, test-kills.py and soak.py have in common."""

import atexit
import contextlib
import dataclasses
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import uuid

TICKS = os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass
class Answer:
    """What a request was answered with."""

    status: int
    headers: dict
    body: bytes

    def json(self):
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The stable code of an error; empty if it is none of the native API."""
        try:
            return self.json()["error"]["code"]
        except (ValueError, KeyError, TypeError):
            return ""

    def __str__(self) -> str:
        return f"{self.status} {self.code}".strip()


def multipart(*parts: tuple[str, str, bytes]) -> tuple[str, bytes]:
    """Content type and body of a form; parts are (field, file name, bytes), without a file name plain fields."""
    boundary = uuid.uuid4().hex
    body = bytearray()
    for field, name, data in parts:
        file_name = f'; filename="{name}"' if name else ""
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"{file_name}\r\n\r\n'.encode()
        body += data + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    return f"multipart/form-data; boundary={boundary}", bytes(body)


class Client:
    """One connection that is kept, and opened again when it was closed."""

    def __init__(self, port: int, timeout: float = 60):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def send(self, method: str, path: str, body: bytes | None = None, kind: str | None = None, headers=()) -> Answer:
        """One request and its answer, whole. Raises OSError or http.client.HTTPException if there is none."""
        all_headers = dict(headers)
        if kind:
            all_headers["content-type"] = kind
        try:
            self.connection.request(method, path, body, all_headers)
            answer = self.connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        except (OSError, http.client.HTTPException):
            self.connection.close()
            raise

    def post_json(self, path: str, value, method: str = "POST") -> Answer:
        return self.send(method, path, json.dumps(value).encode(), "application/json")

    def picture(self, path: str, picture: bytes, method: str = "POST") -> Answer:
        return self.send(method, path, picture, "image/jpeg")

    def get(self, path: str) -> Answer:
        return self.send("GET", path)

    def delete(self, path: str) -> Answer:
        return self.send("DELETE", path)

    def close(self) -> None:
        self.connection.close()


def make_home(folder: pathlib.Path, installed: pathlib.Path) -> pathlib.Path:
    """A data directory with the models that are installed, and nothing else."""
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    for name in ("models", "runtime"):
        if (installed / name).exists() and not (home / name).exists():
            (home / name).symlink_to((installed / name).resolve())
    return home


def environment(home: pathlib.Path, settings: dict | None = None) -> dict:
    """The surroundings of a program whose data directory is `home`; nothing of the user's own settings."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PROSOPON_")}
    return kept | {"PROSOPON_HOME": str(home)} | {f"PROSOPON_{k.upper()}": str(v) for k, v in (settings or {}).items()}


def free_port() -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`prosopon serve` on a free port of this machine.

    It is waited for until its models are loaded, or with `until_live` until it answers at all.
    """

    def __init__(self, program: str, home: pathlib.Path, settings: dict | None = None, before=(), extra=None, wait=60.0,
                 until_live=False):
        self.home = home
        self.log_path = home.parent / f"log-{uuid.uuid4().hex[:8]}"
        common = {"offline": "true", "requests_per_minute": 0, "log": "warn"}
        surroundings = environment(home, common | (settings or {})) | (extra or {})
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [*before, program, "serve", "--listen", f"127.0.0.1:{free_port() if until_live else 0}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=surroundings,
            )
        # A script that fails leaves nobody running.
        atexit.register(self.process.kill)
        self.port = 0
        if until_live:
            self.wait_live(int(self.process.args[-1].rpartition(":")[2]), wait)
        else:
            self.wait_ready(wait)

    def wait_ready(self, patience: float) -> None:
        """Until the models are loaded, the program has ended, or patience is at its end."""
        begun = time.monotonic()
        while time.monotonic() - begun < patience and self.process.poll() is None:
            found = re.search(r"^ready: \w+://[^ ]*:(\d+) ", self.log(), re.MULTILINE)
            if found:
                self.port = int(found[1])
                return
            time.sleep(0.02)

    def wait_live(self, port: int, patience: float) -> None:
        """Until it answers, models or not."""
        begun = time.monotonic()
        while time.monotonic() - begun < patience and self.process.poll() is None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if Client(port, 5).get("/health/live").status == 200:
                    self.port = port
                    return
            time.sleep(0.01)

    @property
    def is_ready(self) -> bool:
        return self.port > 0

    @property
    def pid(self) -> int:
        return self.process.pid

    def client(self, timeout: float = 60) -> Client:
        return Client(self.port, timeout)

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def resident_mib(self) -> float:
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0

    def n_descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def n_threads(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def cpu_seconds(self) -> float:
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return sum(map(int, fields[11:13])) / TICKS

    def kill(self) -> None:
        """At once, as `kill -9` does."""
        self.process.kill()
        self.process.wait()

    def stop(self, patience: float = 40) -> int | None:
        """Gently; the exit status, or none if it had to be killed."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()
            return None


def pictures_of_people(shared: pathlib.Path, n_people: int, n_each: int = 1) -> list[tuple[str, list[bytes]]]:
    """People with their pictures, from the shared set of labelled faces; the same ones each time."""
    people = []
    for folder in sorted((shared / "data/lfw/images").iterdir()):
        files = sorted(folder.glob("*.jpg"))
        if len(files) >= n_each:
            people.append((folder.name, [file.read_bytes() for file in files[:n_each]]))
        if len(people) == n_people:
            break
    return people
