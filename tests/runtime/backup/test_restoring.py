"""A cloud's control plane is backed up while it runs, lost, and brought back, on both databases."""

import asyncio
import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import asyncpg
import httpx
import msgspec
import pytest
from tests.runtime.world import IDENTITY, log_in, running

from cumulo.core.db import Database, migrations
from cumulo.runtime import tables
from cumulo.runtime.backup import archive, making, restoring, sqlite
from cumulo.runtime.backup.errors import BadArchive, CannotBackUp, CannotRestore
from cumulo.runtime.backup.making import make
from cumulo.runtime.backup.restoring import restore
from cumulo.runtime.cli import main
from cumulo.runtime.engines.processes import Process, Record, started
from cumulo.runtime.hosts.folder import hosts_of
from cumulo.runtime.hosts.folder import make as add_host
from cumulo.runtime.state import RUN, StateFolder
from cumulo.runtime.supervisor.keeping import command

POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.postgres)
pytestmark = pytest.mark.xdist_group("backup")
ID = "11111111-1111-4111-8111-111111111111"


@dataclasses.dataclass
class Made:
    """A cloud with something in it, its archive, and what must be there again."""

    state: StateFolder
    url: str
    archive: Path
    token: str
    project: str
    credential: dict[str, Any]


@pytest.fixture(params=["sqlite", POSTGRESQL])
async def url(request: pytest.FixtureRequest) -> str:
    """The URL of a new database; empty for SQLite in the state folder."""
    if request.param == "sqlite":
        return ""
    cluster = request.getfixturevalue("postgresql")
    if cluster is None:
        pytest.skip("no PostgreSQL server on this machine")
    return str(cluster.url(await cluster.new()))


@pytest.fixture(autouse=True)
def links(tmp_path: Path) -> Iterator[None]:
    """What the test's clouds have in /run goes with them."""
    yield
    for link in RUN.glob("cumulo-*"):
        if link.is_symlink() and link.readlink().is_relative_to(tmp_path):
            link.unlink()


@pytest.fixture
async def made(url: str, tmp_path: Path) -> Made:
    """A cloud that was backed up while it ran, and is stopped now."""
    state = StateFolder(tmp_path / "state")
    state.path.mkdir()
    async with running(state, url) as cloud:
        admin = await log_in(cloud, "admin", state.admin_password.read_text().strip(), "admin")
        project = (await admin("POST", f"{IDENTITY}/projects", {"project": {"name": "kept"}}))["project"]
        user = (await admin("GET", f"{IDENTITY}/users?name=admin"))["users"][0]["id"]
        path = f"{IDENTITY}/users/{user}/credentials/OS-EC2"
        credential = (await admin("POST", path, {"tenant_id": project["id"]}))["credential"]
        await asyncio.to_thread(make, state, tmp_path / "one.backup")
        await admin("POST", f"{IDENTITY}/projects", {"project": {"name": "later"}})
        token = admin.http.headers["X-Auth-Token"]
    return Made(state, url, tmp_path / "one.backup", token, project["id"], credential)


async def projects(made: Made, state: StateFolder | None = None) -> dict[str, str]:
    """Start the cloud and ask it with the token of before: the ids of its projects by name."""
    async with running(state or made.state, made.url) as cloud:
        transport = httpx.ASGITransport(cloud.app)
        headers = {"X-Auth-Token": made.token}
        async with httpx.AsyncClient(transport=transport, base_url="http://cloud", headers=headers) as http:
            answer = await http.get(f"{IDENTITY}/projects")
            assert answer.status_code == 200, answer.text
            path = f"{IDENTITY}/users/{made.credential['user_id']}/credentials/OS-EC2"
            kept = (await http.get(f"{path}/{made.credential['access']}")).json()["credential"]
            assert kept["secret"] == made.credential["secret"]
    return {project["name"]: project["id"] for project in answer.json()["projects"]}


async def lose(made: Made) -> None:
    """Lose all that a backup holds."""
    if made.url:
        database = await Database.open(made.url)
        try:
            await tables.drop(database)
        finally:
            await database.close()
    shutil.rmtree(made.state.path)


async def test_ids_tokens_and_sealed_secrets_are_back_after_all_was_lost(made: Made):
    await lose(made)
    done = await asyncio.to_thread(restore, made.state, made.archive)
    assert (done.kept, done.strangers) == (None, [])
    found = await projects(made)
    assert found["kept"] == made.project
    assert "later" not in found


async def test_a_cloud_that_is_there_is_replaced_only_by_force_and_kept_aside(made: Made):
    with pytest.raises(CannotRestore, match="--force"):
        await asyncio.to_thread(restore, made.state, made.archive)
    assert "later" in await projects(made)
    instance = made.state.instance
    done = await asyncio.to_thread(restore, made.state, made.archive, force=True)
    assert "later" not in await projects(made)
    assert made.state.instance == instance
    assert done.kept is not None
    assert (done.kept / "token-keys").is_dir()
    assert (done.kept / "cumulo.db").exists() is (not made.url)


async def test_a_restore_that_died_half_way_is_no_cloud_and_is_done_again(
    made: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    await lose(made)

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(restoring, "_exchange", die)
        with pytest.raises(KeyboardInterrupt):
            await asyncio.to_thread(restore, made.state, made.archive)
    for words in (["up"], ["up", "--foreground"]):
        assert main([*words, "--state", str(made.state.path)]) == 1
        assert "restore" in capsys.readouterr().err
    await asyncio.to_thread(restore, made.state, made.archive)
    assert (await projects(made))["kept"] == made.project


async def test_a_cloud_that_runs_is_left_alone_by_force_too(made: Made):
    me = Process(1, started(1) or 0)
    Record(made.state.run / "server.process").write(me)
    with pytest.raises(CannotRestore, match="cumulo down"):
        await asyncio.to_thread(restore, made.state, made.archive, force=True)


async def test_a_cloud_that_starts_meanwhile_is_left_alone(made: Made, monkeypatch: pytest.MonkeyPatch):
    """Whoever comes later, the supervisor's record or the restore's mark, sees the other's."""
    settings = restoring._settings

    def slow(*arguments: Any) -> Any:
        Record(made.state.run / "supervisor.process").write(Process(1, started(1) or 0))
        return settings(*arguments)

    monkeypatch.setattr(restoring, "_settings", slow)
    with pytest.raises(CannotRestore, match="cumulo down"):
        await asyncio.to_thread(restore, made.state, made.archive, force=True)
    assert not made.state.unfinished.exists()
    (made.state.run / "supervisor.process").unlink()
    assert "later" in await projects(made)
    made.state.unfinished.touch()
    process = await asyncio.create_subprocess_exec(*command(made.state), stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert (process.returncode, out) == (1, b"a restore into this cloud was not finished\n")
    assert not (made.state.run / "supervisor.process").exists()


async def test_every_file_is_private(made: Made):
    assert made.archive.stat().st_mode & 0o777 == 0o600
    await lose(made)
    await asyncio.to_thread(restore, made.state, made.archive)
    for file in made.state.path.rglob("*"):
        assert file.stat().st_mode & 0o077 == 0, file


async def test_an_archive_of_a_newer_database_changes_nothing(made: Made, monkeypatch: pytest.MonkeyPatch):
    real = migrations.script

    def older(dialect: str, current: str | None, **how: Any) -> list[str]:
        if current is not None:
            raise migrations.NewerDatabase(revision=current)
        return real(dialect, current, **how)

    monkeypatch.setattr(migrations, "script", older)
    with pytest.raises(BadArchive, match="only a newer Cumulo knows"):
        await asyncio.to_thread(restore, made.state, made.archive, force=True)
    monkeypatch.undo()
    assert "later" in await projects(made)


async def test_a_damaged_archive_changes_nothing(made: Made, tmp_path: Path):
    content = made.archive.read_bytes()
    made.archive.write_bytes(content[: len(content) // 2])
    before = {path: path.stat().st_mtime_ns for path in made.state.path.rglob("*")}
    with pytest.raises(BadArchive, match="damaged"):
        await asyncio.to_thread(restore, made.state, made.archive, force=True)
    assert {path: path.stat().st_mtime_ns for path in made.state.path.rglob("*")} == before


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_a_second_folder_takes_other_digits_while_the_first_is_there(made: Made, tmp_path: Path):
    made.state.prepare()
    second = StateFolder(tmp_path / "second")
    (made.state.path / "underlay").write_text("100.64.7.1/24\n")
    host = add_host(made.state, "host")
    await asyncio.to_thread(make, made.state, tmp_path / "two.backup")
    await asyncio.to_thread(restore, second, tmp_path / "two.backup")
    (its_host,) = hosts_of(second)
    found = {one.instance for one in (second, its_host, made.state, host)}
    assert len(found) == 4  # by a host's digits its namespace is named
    its_host.prepare()
    assert (await projects(made, second))["kept"] == made.project


HOSTILE = [
    ("instance", "*"),
    ("instance", "../x"),
    ("host", "a b"),
    ("external-network", "0.0.0.0/0; x"),
    ("hosts/b/instance", "abcde"),
    ("hosts/b/number", "0"),
    ("hosts/b/underlay", "-all"),
]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("name", "said"), HOSTILE)
async def test_an_archive_that_says_no_name_for_a_name_changes_nothing(
    made: Made, tmp_path: Path, name: str, said: str
):
    """Devices, namespaces and links of the machine are named, and removed, by what is in these files."""
    (made.state.path / "underlay").write_text("100.64.7.1/24\n")
    add_host(made.state, "b")
    file = made.state.path / name
    kept = file.read_text() if file.exists() else ""
    file.write_text(said)
    await asyncio.to_thread(make, made.state, tmp_path / "two.backup")
    file.write_text(kept)
    with pytest.raises(BadArchive, match="not to be trusted"):
        await asyncio.to_thread(restore, made.state, tmp_path / "two.backup", force=True)
    assert file.read_text() == kept
    assert "later" in await projects(made)


@pytest.mark.parametrize("url", [POSTGRESQL], indirect=True)
async def test_rows_that_do_not_fit_leave_postgresql_as_it_was(made: Made, monkeypatch: pytest.MonkeyPatch):
    real = archive.read

    def longer(path: Path, take: Any = None) -> Any:
        found = real(path, take)
        table = found.tables["identity_projects"]
        more = msgspec.structs.replace(table, rows=table.rows + 1)
        return msgspec.structs.replace(found, tables=found.tables | {"identity_projects": more})

    monkeypatch.setattr(archive, "read", longer)
    with pytest.raises(BadArchive, match="identity_projects has"):
        await asyncio.to_thread(restore, made.state, made.archive, force=True)
    monkeypatch.undo()
    assert not made.state.unfinished.exists()
    assert "later" in await projects(made)


@pytest.mark.parametrize("url", [POSTGRESQL], indirect=True)
async def test_a_database_that_another_server_uses_is_not_replaced(made: Made):
    other = await asyncpg.connect(made.url, server_settings={"application_name": "cumulo"})
    try:
        with pytest.raises(CannotRestore, match="server of Cumulo is connected"):
            await asyncio.to_thread(restore, made.state, made.archive, force=True)
    finally:
        await other.close()


async def test_the_settings_decide_which_database_and_must_agree_with_the_archive(made: Made):
    other = "" if made.url else '[database]\nurl = "postgresql:///nowhere"\n'
    made.state.config.write_text(other)
    with pytest.raises(CannotRestore, match="--keep-settings"):
        await asyncio.to_thread(restore, made.state, made.archive, force=True, keep_settings=True)
    assert made.state.config.read_text() == other


@pytest.mark.parametrize("brought", ["", f".{ID}", f".{ID}.17"])
async def test_images_come_along_when_they_are_asked_for(made: Made, tmp_path: Path, brought: str):
    """Their bytes are named by the try that brought them, too."""
    folder = made.state.path / "images"
    folder.mkdir(exist_ok=True)
    image = folder / f"{ID}{brought}"
    content = b"head" + bytes(3 << 20) + b"tail"
    image.write_bytes(content)
    found = await asyncio.to_thread(make, made.state, tmp_path / "two.backup", images=True)
    assert found.images
    await lose(made)
    await asyncio.to_thread(restore, made.state, tmp_path / "two.backup")
    assert image.read_bytes() == content
    assert image.stat().st_blocks * 512 < 1 << 20  # the hole is one again


async def test_what_was_there_is_not_written_over_and_nothing_is_left_of_a_failure(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(CannotBackUp, match="is there already"):
        await asyncio.to_thread(make, made.state, made.archive)
    before = sorted(tmp_path.iterdir())

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(making, "_add_files", full)
    with pytest.raises(CannotBackUp, match="no room"):
        await asyncio.to_thread(make, made.state, tmp_path / "two.backup")
    assert sorted(tmp_path.iterdir()) == before


async def test_a_folder_with_other_things_is_left_alone(made: Made, tmp_path: Path):
    foreign = tmp_path / "thesis"
    foreign.mkdir()
    (foreign / "chapter").touch()
    with pytest.raises(CannotRestore, match="holds other things"):
        await asyncio.to_thread(restore, StateFolder(foreign), made.archive, force=True)
    assert [path.name for path in foreign.iterdir()] == ["chapter"]


def test_a_damaged_sqlite_is_not_backed_up_as_if_it_were_whole(tmp_path: Path):
    state = StateFolder(tmp_path / "state")
    state.path.mkdir()
    (state.path / "instance").write_text("abcd\n")
    file = state.path / "cumulo.db"
    connection = apsw.Connection(str(file))
    connection.execute("CREATE TABLE alembic_version (version_num TEXT PRIMARY KEY)")
    connection.execute("INSERT INTO alembic_version VALUES ('0001')")
    connection.execute("CREATE TABLE t (a)")
    connection.executemany("INSERT INTO t VALUES (randomblob(?))", [(500,)] * 1000)
    connection.close()
    with file.open("r+b") as opened:
        opened.seek(40_000)
        opened.write(bytes(4096))
    with pytest.raises(CannotBackUp, match="restore the last backup"):
        make(state, tmp_path / "one.backup")
    assert not (tmp_path / "one.backup").exists()


def test_guests_that_a_database_does_not_know_are_named(tmp_path: Path):
    connection = apsw.Connection(str(tmp_path / "rows.db"))
    connection.execute("CREATE TABLE compute_servers (id, deleted_at)")
    connection.execute("INSERT INTO compute_servers VALUES ('a', NULL), ('b', 1)")
    connection.close()
    assert sqlite.unknown_servers(tmp_path / "rows.db", ["a", "b", "c"]) == ["b", "c"]


def test_without_a_cloud_nothing_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["backup", "--state", str(tmp_path / "none"), str(tmp_path / "x")]) == 1
    assert "there is no cloud" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


async def test_the_commands_say_what_was_done_and_what_is_not_in_it(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    images = made.state.path / "images"
    images.mkdir(exist_ok=True)
    (images / "x").write_bytes(b"x" * 4096)
    there = ["--state", str(made.state.path)]
    assert await asyncio.to_thread(main, ["backup", *there, str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "keys and passwords" in said
    assert "not in it: images' data" in said
    file = next(tmp_path.glob("cumulo-*.backup"))
    assert await asyncio.to_thread(main, ["restore", *there, "--check", str(file)]) == 0
    assert f"{file} is whole" in capsys.readouterr().out
    assert await asyncio.to_thread(main, ["restore", *there, str(file)]) == 1
    assert "--force" in capsys.readouterr().err
    assert await asyncio.to_thread(main, ["restore", *there, "--force", str(file)]) == 0
    assert f"--state {made.state.path} up`" in capsys.readouterr().out
