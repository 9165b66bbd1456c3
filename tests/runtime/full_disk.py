"""The story that `test_full_disk.py` has told in a mount namespace: what happened, as a line of JSON."""

import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path

import apsw

from cumulo.runtime import client
from cumulo.runtime.cli import down, main, up
from cumulo.runtime.settings import port_is_free
from cumulo.runtime.state import StateFolder
from cumulo.runtime.supervisor.parts import read_status

SETTINGS = '[http]\nport = {port}\n[engines]\nstart = false\n[node]\nhypervisor = "fake"\n'
PROJECTS = "/identity/v3/projects"


class Place:
    """A file system of 64 MiB with a cloud's folder, that can be filled to the last byte."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.large = folder, folder / "large"
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", str(folder)], check=True)
        self.state = StateFolder(folder / "state")
        self.state.path.mkdir()
        port = next(port for port in range(21000, 22000) if port_is_free(port))
        self.state.config.write_text(SETTINGS.format(port=port))

    def fill(self, *, logs: bool = True) -> None:
        """Leave no room; with `logs`, in their last pages neither."""
        for path in (self.large, *(self.state.logs.glob("*.log") if logs else ())):
            with contextlib.suppress(OSError), path.open("ab", buffering=0) as file:
                while file.write(bytes(4096) if path == self.large else b"."):
                    pass

    def free(self) -> None:
        self.large.unlink()


def status_of(api: client.Session, name: str) -> int:
    try:
        api.post(PROJECTS, {"project": {"name": name}})
    except client.Refused as refused:
        return refused.status
    return 201


def said(*words: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        main(list(words))
    return out.getvalue()


def story(place: Place) -> dict[str, object]:
    state, there = place.state, ["--state", str(place.state.path)]
    assert up.start(state.path) is not None
    api = client.Session.of(state, "cumulo-admin")
    status_of(api, "before")
    started = read_status(state.status)
    place.fill(logs=False)
    told: dict[str, object] = {"first written while full": status_of(api, "full")}
    place.fill()
    told["written while full"] = [status_of(api, f"full-{n}") for n in range(5)]
    told["read while full"] = 200 if api.get(PROJECTS) else 0
    told["doctor"] = said("doctor", *there)
    told["backup"] = said("backup", *there, str(place.folder / "one.backup"))
    told["left of the backup"] = [path.name for path in place.folder.glob("*backup*")]
    place.free()
    told["written afterwards"] = [status_of(api, f"after-{n}") for n in range(3)]
    ours = ("admin", "demo", "service")
    told["projects"] = sorted(p["name"] for p in api.get(PROJECTS)["projects"] if p["name"] not in ours)
    ended = read_status(state.status)
    told["restarts"] = ended.parts[0].restarts - started.parts[0].restarts if started and ended else -1
    told["log"] = (state.logs / "server.log").read_text()
    api.close()
    down.stop(state, with_guests=True, grace=0)
    place.fill()
    told["up while full"] = said("up", *there)
    told["doctor of the stopped"] = said("doctor", *there)
    place.free()
    connection = apsw.Connection(str(state.path / "cumulo.db"))
    told["integrity"] = connection.execute("PRAGMA integrity_check").fetchall()[0][0]
    return told


if __name__ == "__main__":
    sys.stdout.write(json.dumps(story(Place(Path(sys.argv[1])))) + "\n")
