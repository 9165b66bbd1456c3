"""`cumulo audit`: events as lines, the oldest first, of a cloud that is asked as any client asks."""

import argparse
from itertools import islice
from typing import Any

import pytest

from cumulo.runtime.cli import audit


def event(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": str(number),
        "eventTime": f"2026-11-21T08:00:0{number}+00:00",
        "outcome": "success",
        "action": "create",
        "target": {"typeURI": "identity/users", "name": f"u{number}", "id": "x"},
        "initiator": {"name": "ann", "id": "a", "host": {"address": "192.0.2.1"}},
        "repetitions": 1,
        **changes,
    }


class Cloud:
    """As much of a session as the command needs; each page is what a look finds."""

    def __init__(self, *pages: list[dict[str, Any]]) -> None:
        self.pages = list(pages)
        self.asked: list[dict[str, str]] = []

    def get(self, path: str, **query: str) -> dict[str, Any]:
        assert path.endswith("/audit/events")
        self.asked.append(query)
        return {"events": self.pages.pop(0)}

    def id_of(self, kind: str, named: str, domain: str) -> str:
        return f"{kind}:{named}@{domain}"


def options(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    audit.arguments(parser)
    return parser.parse_args(words)


def test_an_event_is_a_line_that_says_who_did_what_to_what_and_why_not() -> None:
    assert audit.line(event(1)) == (
        "2026-11-21T08:00:01Z  success  create  identity/users  u1  by ann  from 192.0.2.1"
    )
    refused = event(2, outcome="failure", reason={"policyId": "the password is wrong"}, repetitions=7)
    assert audit.line(refused).endswith("(the password is wrong)  x7")


def test_names_cannot_move_the_terminals_cursor() -> None:
    target = {"typeURI": "identity/users", "name": "\x1b[2Jgone", "id": "x"}
    assert "\x1b" not in audit.line(event(1, target=target))


def test_filters_are_asked_of_the_cloud() -> None:
    cloud: Any = Cloud()
    asked = audit._query(cloud, options("--user", "ann", "--project", "web", "--outcome", "failure"))
    expected = {"initiator_id": "user:ann@Default", "project_id": "project:web@Default"}
    assert asked == {**expected, "outcome": "failure"}


def test_times_are_points_in_time_or_how_long_ago() -> None:
    assert audit.moment("2026-11-21T09:00:00+01:00") == "2026-11-21T08:00:00Z"
    assert audit.moment("1d") < audit.moment("1h") < audit.moment("0s")
    with pytest.raises(ValueError, match="soon"):
        audit.moment("soon")


def test_following_shows_each_event_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit.time, "sleep", lambda _seconds: None)
    cloud: Any = Cloud([event(2), event(1)], [event(2)], [event(3), event(2)])
    found = audit._events(cloud, {"action": "create"}, options("--follow", "-n", "2"))
    assert [each["id"] for each in islice(found, 3)] == ["1", "2", "3"]
    assert cloud.asked[0] == {"action": "create", "limit": "2"}
    assert cloud.asked[2]["since"] == "2026-11-21T08:00:02Z"
