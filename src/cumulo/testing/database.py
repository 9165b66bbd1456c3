"""Databases for tests: files of SQLite, and clones in a private PostgreSQL cluster.

The cluster listens on a Unix socket in a temporary folder only, keeps nothing safe on disk (it is thrown
away) and dies with the process that started it.
"""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg

from cumulo.core.db import Database

_SERVERS = Path("/usr/lib/postgresql")  # where Debian keeps each version's programs
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "autovacuum": "off",
    "log_min_messages": "fatal",
}
# Foreign keys are not asked for while all rows go; tables without rows, nearly all, cost nothing.
_EMPTY = """
SET session_replication_role = replica;
DO $$
DECLARE name text; filled boolean;
BEGIN
    FOR name IN SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
                WHERE schemaname = 'public' LOOP
        EXECUTE 'SELECT EXISTS (SELECT FROM ' || name || ')' INTO filled;
        IF filled THEN EXECUTE 'DELETE FROM ' || name; END IF;
    END LOOP;
END $$;
"""


def postgresql_programs() -> Path | None:
    """Return the folder of the newest PostgreSQL server's programs; None when there is none."""
    found = [*_SERVERS.glob("*/bin/postgres")]
    if found:
        return max(found, key=lambda path: float(path.parent.parent.name)).parent
    program = shutil.which("postgres")
    return Path(program).resolve().parent if program else None


class Cluster:
    """A private PostgreSQL in a folder. run_as: the words before each of its programs."""

    def __init__(self, folder: Path, programs: Path, run_as: list[str]) -> None:
        self.folder = folder
        self._programs = programs
        self._run_as = run_as
        self._server: subprocess.Popen[bytes] | None = None
        self.made: list[str] = []  # names of databases, in the order of their making
        self.shared = ""  # the name of the database that `database` gives, once it did

    def start(self) -> None:
        """Start the server; return when it answers."""
        settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
        place = ["-D", str(self.folder / "data"), "-k", str(self.folder)]
        self._server = server = subprocess.Popen(  # noqa: S603  Debian's own programs
            [*self._run_as, str(self._programs / "postgres"), *place, *settings],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            start_new_session=True,
        )
        ready = [str(self._programs / "pg_isready"), "--quiet", "--host", str(self.folder)]
        deadline = time.monotonic() + 30
        while subprocess.run([*ready, "--username=postgres"], check=False).returncode:  # noqa: S603  as above
            if server.poll() is not None or time.monotonic() > deadline:
                server.kill()
                raise RuntimeError("the private PostgreSQL did not start")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop the server, which ends all sessions; what was committed stays."""
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._server.wait(5)
            self._server.kill()
            self._server.wait()
            self._server = None

    def url(self, name: str = "postgres") -> str:
        """Return the URL of one of its databases."""
        return f"postgresql://postgres@/{name}?host={self.folder}"

    async def new(self) -> str:
        """Make an empty database; return its name. It goes with the cluster."""
        name = f"test_{len(self.made) + 1}"
        self.made.append(name)
        await self.run("postgres", f"CREATE DATABASE {name} STRATEGY FILE_COPY")
        return name

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        """Give a database with every model's table and no row; the same one each time, emptied."""
        if not self.shared:
            self.shared = await self.new()
        database = await Database.open(self.url(self.shared))
        try:
            await database.create_all()
            yield database
        finally:
            await database.close()
            await self.run(self.shared, _EMPTY)

    async def run(self, name: str, sql: str, *values: str) -> None:
        """Run SQL in one of its databases, on a connection of its own."""
        connection = await asyncpg.connect(self.url(name))
        try:
            await connection.execute(sql, *values)
        finally:
            await connection.close()


@contextmanager
def postgresql_cluster() -> Iterator[Cluster | None]:
    """Start a private PostgreSQL, as user postgres when run by root; None when there is no server."""
    programs = postgresql_programs()
    if programs is None:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="cumulo-postgresql-"))
    identity: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        identity = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    run_as = ["setpriv", *identity, "--pdeathsig=QUIT"]
    try:
        _initialise(programs, folder / "data", run_as)
        cluster = Cluster(folder, programs, run_as)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _initialise(programs: Path, data: Path, run_as: list[str]) -> None:
    command = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
    subprocess.run(  # noqa: S603  Debian's own programs
        [*run_as, str(programs / "initdb"), *command, "--pgdata", str(data)],
        check=True,
        capture_output=True,
        cwd=data.parent,
    )


@asynccontextmanager
async def sqlite_database(folder: Path) -> AsyncIterator[Database]:
    """Give a new SQLite database in this folder with every model's table."""
    database = await Database.open(f"sqlite:///{folder}/test.db?synchronous=OFF")
    try:
        await database.create_all()
        yield database
    finally:
        await database.close()
