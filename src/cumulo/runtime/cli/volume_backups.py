"""`cumulo backup verify [ID]`: read backups of volumes whole, and hold every chunk against its hash."""

import base64
import sys
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import msgspec

from cumulo.core.config import load
from cumulo.runtime.cli.audit import shown
from cumulo.runtime.client import Refused, Session
from cumulo.runtime.state import StateFolder
from cumulo.services.block_storage.backups import DEFAULT
from cumulo.services.block_storage.config import BlockStorageSettings
from cumulo.services.block_storage.drivers import Proof
from cumulo.services.block_storage.drivers.files import FileBackups

_API = "/volume/v3/backups"
_PAGE = 1000
_MIB = 1 << 20


class Known(msgspec.Struct, frozen=True):
    """A backup as the cloud knows it: where its bytes lie, and the hash of their manifest.

    settled: whether it is a whole one; else it is being made or deleted, or is a failed one's remains.
    """

    id: str
    name: str
    location: str
    digest: str = ""
    settled: bool = True


def verify_all(state: StateFolder, wanted: str | None) -> int:
    """Print a line for each archive that is read; return how many are not whole. ValueError."""
    settings = load(state.config, [BlockStorageSettings], whole=False)[BlockStorageSettings]
    store = FileBackups(state.path / (getattr(settings, "backup_path", "") or DEFAULT))
    known = _known(state)
    if known is None:
        print("(the cloud does not answer: the folder alone is looked at)", file=sys.stderr)
    return verify(store, known or {}, wanted)


def verify(store: FileBackups, known: Mapping[str, Known], wanted: str | None) -> int:
    """Prove archives one by one: a backup's chain, or all; return how many are not whole.

    ValueError when there is no such backup. What the cloud knows and the folder lacks is not whole.
    """
    at = {one.location: one for one in known.values()}
    if wanted is not None:
        location = known[wanted].location if wanted in known else wanted
        if location not in at and location not in store.locations():
            raise ValueError(f"there is no backup {wanted}")
        locations = _chain(store, location)
    else:
        locations = sorted(
            {*store.locations(), *at} - {one.location for one in at.values() if not one.settled}
        )
    bad = sum(not _told(store, location, at.get(location)) for location in locations)
    print(f"{len(locations)} archives read, {bad} of them not whole")
    return bad


def _chain(store: FileBackups, location: str) -> list[str]:
    """Return an archive and those that it builds on, as far as they are there."""
    found: list[str] = []
    named: str | None = location
    while named is not None and named not in found:
        found.append(named)
        named = store.prove(named).base
    return found


def _told(store: FileBackups, location: str, one: Known | None) -> bool:
    """Prove an archive, print what is found, and return whether it is whole."""
    proof = store.prove(location)
    problems = list(proof.problems)
    if one is not None and not problems and one.digest not in ("", store.manifest(location)[1]):
        problems.append("it is another archive than the one that the cloud made")
    name = shown(one.name) if one is not None else "(unknown to the cloud)"
    print(f"{location}  {'; '.join(problems) or _sizes(proof)}  {name}", flush=True)
    return not problems


def _sizes(proof: Proof) -> str:
    kind = f"on {proof.base}" if proof.base else "full"
    return f"whole: {proof.chunks} chunks, {proof.stored / _MIB:.1f} MiB, {kind}"


def _known(state: StateFolder) -> dict[str, Known] | None:
    """Return the backups that the cloud knows, by id; None when it does not answer."""
    found: dict[str, Known] = {}
    try:
        with closing(Session.of(state, "cumulo-admin")) as api:
            query = {"all_tenants": "1", "limit": str(_PAGE)}
            while page := api.get(f"{_API}/detail", **query)["backups"]:
                for backup in page:
                    found[backup["id"]] = _record(api, backup)
                query["marker"] = page[-1]["id"]
    except (Refused, OSError):
        return None
    return found


def _record(api: Session, backup: Mapping[str, Any]) -> Known:
    name = backup["name"] or ""
    if backup["status"] != "available":  # its record cannot be exported
        settled = backup["status"] == "restoring"
        return Known(backup["id"], name, backup["id"], settled=settled)
    record = api.get(f"{_API}/{backup['id']}/export_record")["backup-record"]
    facts = msgspec.json.decode(base64.b64decode(record["backup_url"]))
    return Known(backup["id"], name, facts["location"], facts["digest"])
