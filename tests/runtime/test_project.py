"""How `cumulo project purge` words what there is to remove; what it does is shown on a real cloud in e2e."""

from cumulo.runtime.cli.project import listed, summary

OWNED = [
    {"service": "compute", "kind": "server", "id": "1", "name": "web"},
    {"service": "compute", "kind": "server", "id": "2", "name": "db"},
    {"service": "network", "kind": "security group", "id": "3", "name": ""},
]


def test_what_goes_is_listed_by_service_and_kind():
    first, _, last = listed(OWNED)
    assert first.split() == ["compute", "server", "1", "web"]
    assert last.split() == ["network", "security", "group", "3"]


def test_how_much_goes_is_counted_by_kind():
    assert summary(OWNED) == "2 servers, 1 security group"
    assert summary([]) == "nothing"
