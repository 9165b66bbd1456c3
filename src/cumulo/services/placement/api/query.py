"""Placement's own little languages in query strings."""

from cumulo.services.placement import errors


def amounts_of(name: str, value: str) -> dict[str, int]:
    """Read `VCPU:1,MEMORY_MB:512`. BadQuery when it is not of that form."""
    found: dict[str, int] = {}
    for part in value.split(","):
        resource, _, amount = part.strip().partition(":")
        if not resource or not amount.isdigit() or int(amount) < 1:
            reason = f"{part!r} is not of the form CLASS:AMOUNT"
            raise errors.BadQuery(name=name, reason=reason)
        found[resource] = int(amount)
    return found


def traits_of(value: str) -> tuple[frozenset[str], frozenset[str]]:
    """Read `A,!B` into what is required and what is forbidden."""
    names = [part.strip() for part in value.split(",") if part.strip()]
    if any(name.startswith("in:") for name in names):
        raise errors.BadQuery(name="required", reason="alternatives (in:) are not built")
    forbidden = frozenset(name[1:] for name in names if name.startswith("!"))
    return frozenset(names) - frozenset(f"!{name}" for name in forbidden), forbidden
