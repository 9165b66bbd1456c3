"""The rules on passwords: lock-out, expiry, history, minimum age, form. The settings turn them on."""

import re
from datetime import timedelta
from typing import Any

from cumulo.core import clock
from cumulo.core.db import Reader, Transaction
from cumulo.core.errors import Forbidden, Invalid
from cumulo.services.identity.config import IdentitySettings
from cumulo.services.identity.hashing import Passwords
from cumulo.services.identity.model import LoginRecord, PastPassword, User

FLAGS = frozenset(
    {
        "ignore_change_password_upon_first_use",
        "ignore_password_expiry",
        "ignore_lockout_failure_attempts",
        "ignore_user_inactivity",
        "lock_password",
        "multi_factor_auth_enabled",
    }
)
RULES = "multi_factor_auth_rules"


class PasswordUnfit(Invalid):
    """The password does not match the requirements: {description}."""


class PasswordUsedBefore(Invalid):
    """The new password cannot be identical to a previous password. The last {count} must be unique."""


class PasswordTooYoung(Invalid):
    """Cannot change password before the minimum age of {days} days is met."""


class PasswordLocked(Forbidden):
    """The password of this user may only be changed by an administrator."""


def merged_options(before: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
    """Return a user's options with changes; None takes one away. Raises Invalid for what is none."""
    after = dict(before)
    for name, value in sent.items():
        if name not in FLAGS and name != RULES:
            raise Invalid(f"There is no option {name}.", field="options")
        if value is None:
            after.pop(name, None)
            continue
        fitting = _are_rules(value) if name == RULES else isinstance(value, bool)
        if not fitting:
            raise Invalid(f"The option {name} cannot have that value.", field="options")
        after[name] = value
    return after


def _are_rules(value: Any) -> bool:
    """Say whether these are lists of method names, none of them empty or with a name twice."""
    return isinstance(value, list) and all(
        isinstance(rule, list)
        and rule
        and all(isinstance(name, str) and name for name in rule)
        and len(set(rule)) == len(rule)
        for rule in value
    )


def missing_methods(user: User, methods: tuple[str, ...]) -> list[list[str]]:
    """Return the rules of multi-factor authentication that a user must fit one of; none when it does."""
    rules: list[list[str]] = user.options.get(RULES) or []
    if not user.options.get("multi_factor_auth_enabled") or not rules:
        return []
    return [] if any(set(rule) <= set(methods) for rule in rules) else rules


def check_form(settings: IdentitySettings, password: str) -> None:
    """Raise PasswordUnfit unless a new password has the form that is asked for."""
    if settings.password_regex and re.match(settings.password_regex, password) is None:
        raise PasswordUnfit(description=settings.password_regex_description or settings.password_regex)


def expiry(settings: IdentitySettings, options: dict[str, Any], *, chosen: bool) -> Any:
    """Return when a password that is set now ends; None: never. `chosen`: its user chose it itself."""
    first_use = settings.change_password_at_first_use and not options.get(
        "ignore_change_password_upon_first_use"
    )
    if first_use and not chosen:
        return clock.now()
    if settings.password_expires_days and not options.get("ignore_password_expiry"):
        return clock.now() + timedelta(days=settings.password_expires_days)
    return None


async def check_change(db: Reader, settings: IdentitySettings, user: User, password: str) -> list[str]:
    """Raise unless the user may change its password now; return the hashes that the new one must not fit."""
    if user.options.get("lock_password"):
        raise PasswordLocked
    check_form(settings, password)
    c = PastPassword.c
    past = await db.all(PastPassword, c.user_id == user.id, order_by=[c.created_at.desc()])
    days = settings.minimum_password_age_days
    if days and past and past[0].chosen and past[0].created_at + timedelta(days=days) > clock.now():
        raise PasswordTooYoung(days=days)
    hashes = [user.password_hash, *(row.hash for row in past)]
    return list(dict.fromkeys(each for each in hashes if each))[: settings.unique_last_passwords]


async def check_history(
    passwords: Passwords, settings: IdentitySettings, past: list[str], password: str
) -> None:
    """Raise PasswordUsedBefore when a password fits one of these hashes."""
    for known in past:
        if await passwords.verify(password, known):
            raise PasswordUsedBefore(count=settings.unique_last_passwords)


async def remember(
    db: Transaction, settings: IdentitySettings, user_id: str, hashed: str, *, chosen: bool
) -> None:
    """Keep what the rules need to know of a new password, and no more than they need."""
    keep = max(settings.unique_last_passwords, 1 if settings.minimum_password_age_days else 0)
    if not keep:
        return
    await db.insert(PastPassword(user_id=user_id, hash=hashed, chosen=chosen))
    c = PastPassword.c
    known = await db.all(PastPassword, c.user_id == user_id, order_by=[c.created_at.desc()])
    for old in known[keep:]:
        await db.delete(PastPassword, c.id == old.id)


async def is_locked_out(db: Reader, settings: IdentitySettings, user: User) -> bool:
    """Say whether a user has been wrong too often of late."""
    if not settings.lockout_failures or user.options.get("ignore_lockout_failure_attempts"):
        return False
    record = await db.get(LoginRecord, user.id)
    if record is None or record.failed_at is None or record.failures < settings.lockout_failures:
        return False
    seconds = settings.lockout_seconds
    return not seconds or record.failed_at + timedelta(seconds=seconds) > clock.now()


async def failed(db: Transaction, settings: IdentitySettings, user: User) -> None:
    """Count a wrong password; a lock-out that has passed begins the count anew."""
    if not settings.lockout_failures:
        return
    record = await record_of(db, user.id)
    long_ago = record.failed_at is not None and settings.lockout_seconds
    if long_ago and record.failed_at + timedelta(seconds=settings.lockout_seconds) <= clock.now():  # type: ignore[operator]  # `long_ago` says that it is a time
        record.failures = 0
    record.failures, record.failed_at = record.failures + 1, clock.now()
    await db.save(record, "failures", "failed_at")


async def succeeded(db: Transaction, user_id: str) -> None:
    """Forget wrong passwords: the right one was given, or an administrator says so."""
    await db.update(LoginRecord, LoginRecord.c.user_id == user_id, failures=0, failed_at=None)


async def record_of(db: Transaction, user_id: str) -> LoginRecord:
    """Return the record of a user's logins, made when there is none."""
    await db.lock(f"identity.login:{user_id}")
    record = await db.get(LoginRecord, user_id)
    if record is None:
        record = LoginRecord(user_id=user_id)
        await db.insert(record)
    return record
