"""Tokens open only by the keys that sealed them, and stay short."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cumulo.core import clock, ids
from cumulo.core.auth.keys import KeyFolder, NotSealedHere
from cumulo.core.auth.tokens import Claims, Keyring, audit_id
from cumulo.core.errors import Unauthenticated

NOW = datetime(2026, 11, 21, 4, 5, 6, tzinfo=UTC)


def claims(**changes: object) -> Claims:
    values: dict[str, object] = {
        "user_id": ids.plain(),
        "generation": 1,
        "methods": ("password", "token"),
        "scope": "project",
        "scope_id": ids.plain(),
        "issued_at": NOW,
        "expires_at": NOW + timedelta(hours=1),
        "audit_ids": (audit_id(), audit_id()),
        "application_credential_id": ids.plain(),
    }
    return Claims(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "said",
    [
        claims(),
        claims(scope="", scope_id=None, application_credential_id=None, methods=("application_credential",)),
        claims(scope="domain", scope_id="default", user_id="service-user", audit_ids=(audit_id(),)),
        claims(scope="system", scope_id="all", user_id="Ä" * 16, generation=123456),
        claims(user_id="A" * 32),
        claims(user_id="z" * 32),
        claims(application_credential_id=None, trust_id=ids.plain(), methods=("ec2credential",)),
        claims(application_credential_id=None, access_token_id=ids.plain(), methods=("oauth1",)),
    ],
)
def test_a_token_says_what_was_sealed(tmp_path: Path, said: Claims) -> None:
    keyring = Keyring(tmp_path / "keys")
    token = keyring.seal(said)
    assert keyring.open(token) == said
    assert len(token) <= 255
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_a_changed_token_is_refused_wherever_it_was_changed(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path)
    token = keyring.seal(claims())
    for place in range(0, len(token) - 1, 7):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(Unauthenticated):
            keyring.open(changed)


@pytest.mark.parametrize("text", ["", "a", "abc", "!!!!", "é" * 60, "A" * 60, "A" * 5000, "a b" * 30])
def test_garbage_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Unauthenticated):
        Keyring(tmp_path).open(text)


def test_another_clouds_token_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unauthenticated):
        Keyring(tmp_path / "a").open(Keyring(tmp_path / "b").seal(claims()))


def test_keys_are_secret_files_and_are_found_again(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    token = Keyring(folder).seal(claims())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()] == [0o600]
    Keyring(folder).open(token)


def test_rotation_keeps_old_tokens_until_their_key_is_forgotten(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path)
    token = keyring.seal(claims())
    keyring.rotate(keep=2)
    keyring.open(token)
    keyring.rotate(keep=2)
    with pytest.raises(Unauthenticated):
        keyring.open(token)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["002.key", "003.key"]


def test_key_ids_begin_anew_after_the_last(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path)
    keyring._write(255, (tmp_path / "001.key").read_text().replace("20", "21", 1))
    keyring.rotate(keep=3)
    assert (tmp_path / "002.key").exists()


def test_a_running_process_seals_with_the_key_that_another_made(tmp_path: Path) -> None:
    one, two = Keyring(tmp_path), Keyring(tmp_path)
    before = two.seal_bytes(b"text", b"about")
    one.rotate()
    after = two.seal_bytes(b"text", b"about")
    assert not one.is_current(before)
    assert one.is_current(after)
    assert one.open_bytes(after, b"about") == one.open_bytes(before, b"about") == b"text"


def test_what_is_sealed_for_one_thing_does_not_open_for_another(tmp_path: Path) -> None:
    keys = KeyFolder(tmp_path, b"one")
    sealed = keys.seal_bytes(b"text", b"this")
    for other, about in ((keys, b"that"), (KeyFolder(tmp_path, b"two"), b"this")):
        with pytest.raises(NotSealedHere):
            other.open_bytes(sealed, about)


def test_another_process_learns_of_a_new_key_by_its_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "monotonic", lambda: instant[0])
    instant = [100.0]
    one, two = Keyring(tmp_path), Keyring(tmp_path)
    one.rotate()
    token = one.seal(claims())
    with pytest.raises(Unauthenticated):
        two.open(token)  # it has looked just now
    instant[0] += 2
    two.open(token)


def test_another_process_learns_that_a_key_was_forgotten(tmp_path: Path) -> None:
    one, two = Keyring(tmp_path), Keyring(tmp_path)
    token = one.seal(claims())
    two.open(token)
    one.rotate(keep=2)
    two.open(token)
    one.rotate(keep=2)
    with pytest.raises(Unauthenticated):
        two.open(token)
