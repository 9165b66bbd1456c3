"""Domains' own configuration: the options that Keystone lets a domain set. LDAP is not built; its are kept.

Values are kept as they were sent, but for a password, which is sealed and never shown.
"""

import base64
from typing import Any

import msgspec

from cumulo.core.db import Reader, Transaction
from cumulo.core.work import Work
from cumulo.services.identity.config import IdentitySettings
from cumulo.services.identity.domain.projects import require_domain
from cumulo.services.identity.domain.secrets import CredentialKeys
from cumulo.services.identity.errors import DomainConfigInvalid, DomainConfigNotFound
from cumulo.services.identity.model import DomainOption

Config = dict[str, dict[str, Any]]

_LDAP_KINDS = {
    "user": (
        "tree_dn filter objectclass id_attribute name_attribute description_attribute mail_attribute "
        "pass_attribute enabled_attribute enabled_mask enabled_default enabled_invert attribute_ignore "
        "default_project_id_attribute enabled_emulation enabled_emulation_dn "
        "enabled_emulation_use_group_config additional_attribute_mapping"
    ),
    "group": (
        "tree_dn filter objectclass id_attribute name_attribute member_attribute members_are_ids "
        "desc_attribute attribute_ignore additional_attribute_mapping ad_nesting"
    ),
}
_LDAP = (
    "url user suffix query_scope page_size alias_dereferencing debug_level chase_referrals tls_cacertfile "
    "tls_cacertdir use_tls tls_req_cert connection_timeout use_pool pool_size pool_retry_max "
    "pool_retry_delay pool_connection_timeout pool_connection_lifetime use_auth_pool auth_pool_size "
    "auth_pool_connection_lifetime"
)
DEFAULTS: Config = {
    "identity": {"driver": "sql", "list_limit": None},
    "ldap": dict.fromkeys(
        [
            *_LDAP.split(),
            *(f"{kind}_{name}" for kind, names in _LDAP_KINDS.items() for name in names.split()),
        ]
    ),
}
SECRET = {("ldap", "password")}
COMPLIANCE = "security_compliance"


def defaults(group: str | None = None, option: str | None = None) -> dict[str, Any]:
    """Return the defaults: all, of a group, or of an option; raise DomainConfigInvalid."""
    if group is None:
        return DEFAULTS
    _check(group, option)
    return {group: DEFAULTS[group]} if option is None else {option: DEFAULTS[group].get(option)}


def compliance(settings: IdentitySettings, option: str | None = None) -> dict[str, Any]:
    """Return what everybody may know of the rules on passwords; raise DomainConfigInvalid."""
    known = {
        "password_regex": settings.password_regex or None,
        "password_regex_description": settings.password_regex_description or None,
    }
    if option is None:
        return {COMPLIANCE: known}
    if option not in known:
        raise DomainConfigInvalid(reason=f"option {option} is not known")
    return {option: known[option]}


def _check(group: str, option: str | None = None) -> None:
    if group not in DEFAULTS:
        raise DomainConfigInvalid(reason=f"group {group} is not supported")
    if option is not None and option not in DEFAULTS[group] and (group, option) not in SECRET:
        raise DomainConfigInvalid(reason=f"option {option} in group {group} is not supported")


def _given(config: Config) -> Config:
    """Return a configuration that was sent, checked."""
    if not config:
        raise DomainConfigInvalid(reason="no options specified")
    for group, options in config.items():
        _check(group)
        if not isinstance(options, dict) or not options:
            raise DomainConfigInvalid(reason=f"group {group} has no options")
        for option in options:
            _check(group, option)
    return config


async def show(
    db: Reader, domain_id: str, group: str | None = None, option: str | None = None
) -> dict[str, Any]:
    """Return what a domain has set: all, of a group, or of an option; raise DomainConfigNotFound."""
    await require_domain(db, domain_id)
    if group is not None:
        _check(group, option)
    rows = await db.all(DomainOption, *_where(domain_id, group, option))
    found: Config = {}
    for row in rows:
        if (row.group, row.option) not in SECRET:
            found.setdefault(row.group, {})[row.option] = row.value
    if not found:
        raise DomainConfigNotFound(what=_named(group, option), domain_id=domain_id)
    return found if option is None or group is None else found[group]


async def replace(work: Work, domain_id: str, config: Config) -> bool:
    """Set a domain's whole configuration; say whether it had none before."""
    await require_domain(work.db, domain_id)
    _given(config)
    await _hold(work.db, domain_id)
    had = await work.db.delete(DomainOption, *_where(domain_id))
    await _insert(work, domain_id, config)
    return not had


async def update(work: Work, domain_id: str, group: str | None, option: str | None, sent: Any) -> None:
    """Set what is sent of a configuration, of one of its groups or of one option; it must be there."""
    await show(work.db, domain_id, group) if group is None else await _check_there(
        work, domain_id, group, option
    )
    config = sent if option is None or group is None else {group: sent}
    _given(config)
    if group is not None and set(config) != {group}:
        raise DomainConfigInvalid(reason=f"the request is about group {group} only")
    if group is not None and option is not None and set(config[group]) != {option}:
        raise DomainConfigInvalid(reason=f"the request is about option {option} only")
    await _hold(work.db, domain_id)
    for name, options in config.items():
        for each in options:
            await work.db.delete(DomainOption, *_where(domain_id, name, each))
    await _insert(work, domain_id, config)


async def _check_there(work: Work, domain_id: str, group: str, option: str | None) -> None:
    await require_domain(work.db, domain_id)
    _check(group, option)
    if not await work.db.exists(DomainOption, *_where(domain_id, group, option)):
        raise DomainConfigNotFound(what=_named(group, option), domain_id=domain_id)


async def remove(work: Work, domain_id: str, group: str | None = None, option: str | None = None) -> None:
    """Delete a configuration, one of its groups or one option; raise DomainConfigNotFound."""
    await require_domain(work.db, domain_id)
    if group is not None:
        _check(group, option)
    if not await work.db.delete(DomainOption, *_where(domain_id, group, option)):
        raise DomainConfigNotFound(what=_named(group, option), domain_id=domain_id)


def _named(group: str | None, option: str | None) -> str:
    if group is None:
        return "any options"
    return f"group {group}" if option is None else f"option {option} in group {group}"


def _where(domain_id: str, group: str | None = None, option: str | None = None) -> list[Any]:
    c = DomainOption.c
    asked = {"domain_id": domain_id, "group": group, "option": option}
    return [c[name] == value for name, value in asked.items() if value is not None]


async def _hold(db: Transaction, domain_id: str) -> None:
    """Have whoever else sets the domain's options wait until the transaction ends."""
    await db.lock(f"identity.configuration:{domain_id}")


async def _insert(work: Work, domain_id: str, config: Config) -> None:
    for group, options in config.items():
        for option, value in options.items():
            kept = (
                _sealed(work, domain_id, msgspec.json.encode(value)) if (group, option) in SECRET else value
            )
            await work.db.insert(DomainOption(domain_id=domain_id, group=group, option=option, value=kept))


async def reseal(work: Work) -> int:
    """Seal every password anew by the newest key; return how many."""
    count = 0
    for group, option in SECRET:
        of_option = (DomainOption.c.group == group, DomainOption.c.option == option)
        for domain_id in {row.domain_id for row in await work.db.all(DomainOption, *of_option)}:
            await _hold(work.db, domain_id)
            row = await work.db.one(DomainOption, *_where(domain_id, group, option))
            if row is not None:
                text = work.use(CredentialKeys).open_bytes(base64.b64decode(row.value), domain_id.encode())
                row.value = _sealed(work, domain_id, text)
                await work.db.save(row, "value")
                count += 1
    return count


def _sealed(work: Work, domain_id: str, text: bytes) -> str:
    return base64.b64encode(work.use(CredentialKeys).seal_bytes(text, domain_id.encode())).decode()
