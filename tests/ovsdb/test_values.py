import pytest

from cumulo.ovsdb.values import Column, Named, Uuid, encode

U = "11111111-2222-3333-4444-555555555555"


@pytest.mark.parametrize(
    ("type_", "wire", "value"),
    [
        ("string", "x", "x"),
        ("uuid", ["uuid", U], Uuid(U)),
        ({"key": "integer", "min": 0}, ["set", []], None),
        ({"key": "integer", "min": 0}, 5, 5),
        ({"key": "boolean", "min": 0}, ["set", [True]], True),
        ({"key": "string", "min": 0, "max": "unlimited"}, "a", frozenset({"a"})),
        ({"key": "string", "min": 0, "max": "unlimited"}, ["set", ["a", "b"]], frozenset("ab")),
        ({"key": "uuid", "min": 0, "max": "unlimited"}, ["uuid", U], frozenset({Uuid(U)})),
        ({"key": "string", "value": "string", "max": 9}, ["map", [["a", "b"]]], {"a": "b"}),
    ],
)
def test_each_kind_of_column_decodes(type_, wire, value):
    decoded = Column.of(type_).decode(wire)
    assert decoded == value
    assert type(decoded) is type(value)


def test_a_difference_toggles_members_of_a_set():
    column = Column.of({"key": "string", "min": 0, "max": "unlimited"})
    assert column.patch(frozenset("ab"), frozenset("bc")) == frozenset("ac")


def test_a_difference_of_a_map_deletes_equal_pairs_and_sets_the_others():
    column = Column.of({"key": "string", "value": "string", "min": 0, "max": "unlimited"})
    old = {"gone": "1", "changed": "2", "kept": "3"}
    difference = {"gone": "1", "changed": "4", "new": "5"}
    assert column.patch(old, difference) == {"changed": "4", "kept": "3", "new": "5"}


def test_a_difference_replaces_an_optional_value():
    column = Column.of({"key": "integer", "min": 0})
    assert column.patch(1, 2) == 2
    assert column.patch(1, None) is None


def test_python_values_are_written_as_the_protocol_says():
    assert encode(Uuid(U)) == ["uuid", U]
    assert encode(Named("row")) == ["named-uuid", "row"]
    assert encode(None) == ["set", []]
    assert encode(["a", Uuid(U)]) == ["set", ["a", ["uuid", U]]]
    assert encode({"a": 1}) == ["map", [["a", 1]]]
    assert encode(True) is True
