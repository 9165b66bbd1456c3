"""What clients need to find the cloud and log in: clouds.yaml and openrc files."""

import contextlib
import os
import pwd
import re
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from cumulo.runtime.state import DEFAULT, StateFolder, write_private

REGION = "RegionOne"
PROJECT_USER = "demo"  # also the name of its project
_OPEN = "# >>> cumulo: written by `cumulo up`; what is between these lines is replaced"
_CLOSE = "# <<< cumulo"
_BLOCK = re.compile(rf"\n[ \t]*{re.escape(_OPEN)}.*?{re.escape(_CLOSE)}[ \t]*(?=\n|\Z)", re.DOTALL)


def password(file: Path) -> str:
    """Return the password kept in a file; make both at the first call."""
    if not file.exists():
        write_private(file, secrets.token_urlsafe(18) + "\n")
    return file.read_text(encoding="utf-8").strip()


def project_password(state: StateFolder) -> Path:
    """Return the file with the password of the first project's user."""
    return state.path / "demo-password"


def entries(state: StateFolder, url: str) -> dict[str, Any]:
    """Return the clouds of `clouds.yaml`: a project's user, and the administrator."""
    users = {
        "cumulo": (PROJECT_USER, PROJECT_USER, project_password(state)),
        "cumulo-admin": ("admin", "admin", state.admin_password),
    }
    return {
        name: {
            "auth": {
                "auth_url": f"{url}/identity/v3",
                "username": user,
                "password": password(file),
                "project_name": project,
                "user_domain_name": "Default",
                "project_domain_name": "Default",
            },
            "region_name": REGION,
            "identity_api_version": "3",
        }
        for name, (user, project, file) in users.items()
    }


def write(state: StateFolder, url: str) -> None:
    """Write clouds.yaml and both openrc files in the state folder."""
    found = entries(state, url)
    write_private(state.path / "clouds.yaml", yaml.safe_dump({"clouds": found}, sort_keys=False))
    write_private(state.path / "openrc", _openrc(found["cumulo"]))
    write_private(state.path / "admin-openrc", _openrc(found["cumulo-admin"]))


def home_file(state: StateFolder) -> Path | None:
    """Return the clouds.yaml of the user who called us; None for a cloud in a folder of its own."""
    if state.path != DEFAULT:
        return None
    return Path(_caller().pw_dir) / ".config" / "openstack" / "clouds.yaml"


def write_home(state: StateFolder) -> None:
    """Put the cloud into the caller's own clouds.yaml, beside whatever is there."""
    file = home_file(state)
    own = state.path / "clouds.yaml"
    if file is None or not own.exists():
        return
    ours = yaml.safe_load(own.read_text(encoding="utf-8"))["clouds"]
    with _as(_caller(), file):
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        after = merged(before, ours)
        if after is None:
            print(f"cumulo: {file} has a `cumulo` of its own; left as it is", file=sys.stderr)  # noqa: T201  a command prints
        elif after != before:
            for folder in (file.parent.parent, file.parent):
                folder.mkdir(parents=True, mode=0o700, exist_ok=True)
            write_private(file, after)


def remove_home(state: StateFolder) -> None:
    """Take our clouds out of the caller's own clouds.yaml."""
    file = home_file(state)
    if file is None:
        return
    with _as(_caller(), file):
        if file.exists():
            before = file.read_text(encoding="utf-8")
            after = without(before)
            if not after.strip():
                file.unlink()
            elif after != before:
                write_private(file, after)


def merged(text: str, clouds: dict[str, Any]) -> str | None:
    """Return the text of a clouds.yaml with these clouds in it; None when it has them by other hands.

    Everything else, comments too, stays as it is: ours is one marked block at the top of `clouds:`.
    TypeError, YAMLError for a text that is none.
    """
    rest = without(text)
    known = yaml.safe_load(rest) or {}
    others = (known.get("clouds") or {}) if isinstance(known, dict) else None
    if not isinstance(others, dict):
        raise TypeError(text)
    if others.keys() & clouds.keys():
        return None
    head = re.search(r"^clouds:[ \t]*(#.*)?$", rest, re.MULTILINE)
    if head is None:
        if "clouds" in known:  # written in a form that lines cannot be added to
            return yaml.safe_dump({**known, "clouds": {**others, **clouds}}, sort_keys=False)
        rest = f"{rest.rstrip()}\n\nclouds:\n".lstrip()
        head = re.search(r"^clouds:[ \t]*$", rest, re.MULTILINE)
    child = re.match(r"(?:[ \t]*(?:#.*)?\n)*([ \t]+)\S", rest[head.end() :]) if head else None
    indent = child[1] if child else "  "
    lines = [_OPEN, *yaml.safe_dump(clouds, sort_keys=False).splitlines(), _CLOSE]
    block = "".join(f"\n{indent}{line}" for line in lines)
    place = head.end() if head else len(rest)
    return f"{rest[:place]}{block}{rest[place:]}".rstrip() + "\n"


def without(text: str) -> str:
    """Return the text of a clouds.yaml without our block."""
    rest = _BLOCK.sub("", text)
    known = yaml.safe_load(rest)
    return "" if known == {"clouds": None} else rest


def _openrc(cloud: dict[str, Any]) -> str:
    values = {
        **{f"OS_{name.upper()}": value for name, value in cloud["auth"].items()},
        "OS_REGION_NAME": cloud["region_name"],
        "OS_IDENTITY_API_VERSION": cloud["identity_api_version"],
    }
    lines = ["# Written by Cumulo. Use: . openrc", "unset OS_CLOUD"]
    return "\n".join([*lines, *(f"export {name}='{value}'" for name, value in values.items())]) + "\n"


@contextlib.contextmanager
def _as(caller: pwd.struct_passwd, file: Path) -> Iterator[None]:
    """Have no more rights for a while than who called us: their folder may link to what is not theirs.

    What cannot be read or written there is told, and keeps no cloud from starting or going.
    """
    groups, group, user = os.getgroups(), os.getegid(), os.geteuid()
    try:
        if user == 0 and caller.pw_uid != 0:
            os.setgroups([caller.pw_gid])
            os.setegid(caller.pw_gid)
            os.seteuid(caller.pw_uid)
        yield
    except OSError as error:
        print(f"cumulo: {error.filename}: {error.strerror}; left as it is", file=sys.stderr)  # noqa: T201  a command prints
    except (TypeError, ValueError, yaml.YAMLError):
        print(f"cumulo: {file} is no list of clouds; left as it is", file=sys.stderr)  # noqa: T201  a command prints
    finally:
        if os.geteuid() != user:
            os.seteuid(user)
            os.setegid(group)
            os.setgroups(groups)


def _caller() -> pwd.struct_passwd:
    """Return the user who called us, be it through sudo."""
    return pwd.getpwuid(int(os.environ.get("SUDO_UID", os.getuid())))
