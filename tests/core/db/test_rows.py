from datetime import UTC, datetime

import msgspec
import pytest
import sqlalchemy
from tests.core.db.things import Box, Membership, Part, Status, Thing

from cumulo.core import errors
from cumulo.core.db import Database, WrongState, become

WHEN = datetime(2026, 11, 21, 4, 5, 6, 789012, tzinfo=UTC)


def full_thing(id: str = "t1") -> Thing:
    return Thing(
        id=id,
        status=Status.ACTIVE,
        mood=Status.GONE,
        count=-3,
        size=2**40,
        ratio=0.25,
        is_big=True,
        note="ä\n☃ '%s' :x $1",
        blob=b"\x00\xff",
        tags=["a", "b"],
        parts=[Part("p", 7)],
        anything={"k": [1, None, {"x": 1.5}]},
        raw=msgspec.Raw(b'{"a": 1}'),
        created_at=WHEN,
        ended_at=WHEN,
    )


async def test_a_row_comes_back_as_it_went_in(db: Database) -> None:
    thing = full_thing()
    async with db.begin() as tx:
        await tx.insert(thing)
        await tx.insert(Thing(id="bare", created_at=WHEN))
    async with db.read() as reader:
        back = await reader.get(Thing, "t1")
        bare = await reader.get(Thing, "bare")
    assert back is not None
    assert bare == Thing(id="bare", created_at=WHEN)
    assert msgspec.json.decode(back.raw or b"") == {"a": 1}
    back.raw = thing.raw
    assert back == thing
    assert type(back.status) is Status


async def test_what_is_absent_is_none(db: Database) -> None:
    async with db.read() as reader:
        assert await reader.get(Thing, "no") is None
        assert await reader.one(Thing, Thing.c.id == "no") is None
        assert await reader.scalar(sqlalchemy.select(Thing.c.id)) is None
        assert await reader.all(Thing) == []
        assert not await reader.exists(Thing)


async def test_rows_are_found_among_values(db: Database) -> None:
    async with db.begin() as tx:
        for name, count in (("a", 2), ("b", 1), ("c", 3)):
            await tx.insert(Thing(id=name, count=count, status=Status.ACTIVE, created_at=WHEN))
    async with db.read() as reader:
        for wanted, found in ((["c", "a", "no"], ["a", "c"]), (["b"], ["b"]), ([], [])):
            assert [row.id for row in await reader.among(Thing, "id", wanted, "count")] == found
        active = await reader.among(Thing, "status", {Status.ACTIVE}, "count", "id")
        assert [row.id for row in active] == ["b", "a", "c"]
        assert active[0].created_at == WHEN


async def test_queries_filter_order_and_page(db: Database) -> None:
    async with db.begin() as tx:
        await tx.insert_all([Thing(id=f"t{n}", count=n, status=Status.ACTIVE) for n in range(10)])
        await tx.insert_all([])
    async with db.read() as reader:
        page = await reader.all(Thing, Thing.c.count >= 2, order_by=[Thing.c.count.desc()], limit=3, offset=1)
        assert [thing.count for thing in page] == [8, 7, 6]
        assert await reader.count(Thing, Thing.c.count < 4) == 4
        assert await reader.exists(Thing, Thing.c.status == Status.ACTIVE)
        assert not await reader.exists(Thing, Thing.c.status == "gone")
        tail = await reader.all(Thing, order_by=[Thing.c.count], offset=8)
        assert [thing.id for thing in tail] == ["t8", "t9"]


async def test_a_word_that_is_none_of_a_columns_choices_is_no_rows(db: Database) -> None:
    """Clients ask for whatever they like."""
    status = Thing.c.status
    async with db.begin() as tx:
        await tx.insert_all([Thing(id="t1", status=Status.ACTIVE), Thing(id="t2")])
    async with db.read() as reader:
        for condition, found in (
            (status == "unheard-of", 0),
            (status != "unheard-of", 2),
            (status.in_(["unheard-of", "new"]), 1),
            (status.in_([Status.ACTIVE, Status.NEW]), 2),
            (status.contains("ctiv", autoescape=True), 1),
            (status == "active", 1),
            (status == Status.ACTIVE, 1),
        ):
            assert await reader.count(Thing, condition) == found, condition
    with pytest.raises(ValueError, match="unheard-of"):
        async with db.begin() as tx:
            await tx.update(Thing, Thing.c.id == "t1", status="unheard-of")


async def test_lists_in_queries_take_any_length(db: Database) -> None:
    async with db.begin() as tx:
        await tx.insert_all([Thing(id=f"t{n}", count=n, created_at=WHEN) for n in range(5)])
    async with db.read() as reader:
        for wanted in (["t1"], ["t1", "t3"], [], [f"t{n}" for n in range(40_000)]):
            found = await reader.all(Thing, Thing.c.id.in_(wanted))
            assert {thing.id for thing in found} == set(wanted) & {f"t{n}" for n in range(5)}
            others = await reader.count(Thing, Thing.c.id.not_in(wanted), Thing.c.count < 9)
            assert others == 5 - len(found)
        assert await reader.count(Thing, Thing.c.created_at.in_([WHEN])) == 5
        assert await reader.count(Thing, Thing.c.count.in_([1, 2]), Thing.c.id.in_(["t2"])) == 1
        assert await reader.count(Thing, Thing.c.status.in_([Status.NEW, Status.GONE])) == 5


async def test_equal_statements_with_other_values_share_a_plan_but_no_value(db: Database) -> None:
    async with db.begin() as tx:
        await tx.insert_all([Thing(id="a", count=1), Thing(id="b", count=2)])
        for name, count in (("a", 1), ("b", 2), ("a", 1)):
            found = await tx.one(Thing, Thing.c.id == name, Thing.c.count == count)
            assert found is not None
            assert found.id == name
        assert await tx.update(Thing, Thing.c.id == "a", count=5, note="x") == 1
        assert await tx.update(Thing, Thing.c.id == "b", count=6, note=None) == 1
        assert await tx.rows(sqlalchemy.select(Thing.c.count, Thing.c.note).order_by(Thing.c.id)) == [
            (5, "x"),
            (6, None),
        ]


async def test_selects_give_python_values(db: Database) -> None:
    async with db.begin() as tx:
        await tx.insert(full_thing())
        rows = await tx.rows(
            sqlalchemy.select(Thing.c.created_at, Thing.c.status, Thing.c.parts, Thing.c.is_big)
        )
        assert rows == [(WHEN, Status.ACTIVE, [Part("p", 7)], True)]
        assert await tx.scalar(sqlalchemy.select(sqlalchemy.func.max(Thing.c.created_at))) == WHEN
        joined = sqlalchemy.select(Thing.table).join(Box.table, Thing.c.box_id == Box.c.id, isouter=True)
        assert len(await tx.models(Thing, joined)) == 1
        with pytest.raises(TypeError, match="not the columns of Thing"):
            await tx.models(Thing, sqlalchemy.select(Thing.c.id))


async def test_update_takes_sql_expressions(db: Database) -> None:
    async with db.begin() as tx:
        await tx.insert_all([Thing(id="a", count=1), Thing(id="b", count=2)])
        assert await tx.update(Thing, count=Thing.c.count + 10) == 2
        assert [t.count for t in await tx.all(Thing, order_by=[Thing.c.id])] == [11, 12]
        assert await tx.update(Thing, Thing.c.id == "no", count=1) == 0
        assert await tx.delete(Thing, Thing.c.count == 12) == 1
        assert await tx.count(Thing) == 1


async def test_save_writes_the_named_attributes_only(db: Database) -> None:
    async with db.begin() as tx:
        await tx.insert(full_thing())
        thing = await tx.get(Thing, "t1")
        assert thing is not None
        thing.note, thing.count, thing.tags = "new", 99, ["z"]
        await tx.save(thing, "tags", "note")
        saved = await tx.get(Thing, "t1")
        assert saved is not None
        assert (saved.note, saved.count, saved.tags) == ("new", -3, ["z"])
        await tx.save(thing)
        saved = await tx.get(Thing, "t1")
        assert saved is not None
        assert saved.count == 99
    with pytest.raises(errors.Conflict):
        async with db.begin() as tx:
            await tx.save(Thing(id="absent"))


async def test_a_key_may_have_several_columns(db: Database) -> None:
    async with db.begin() as tx:
        await tx.insert(Membership(group="g", user="u"))
        found = await tx.get(Membership, ("g", "u"))
        assert found is not None
        found.role = "admin"
        await tx.save(found)
        assert await tx.get(Membership, ("g", "u")) == found


async def test_a_duplicate_names_the_constraint(db: Database) -> None:
    async def refused(*rows: Box) -> str:
        with pytest.raises(errors.Duplicate) as caught:
            async with db.begin() as tx:
                await tx.insert_all(rows)
        return str(caught.value.fields["constraint"])

    assert await refused(Box(id="1", name="a"), Box(id="1", name="b")) == "pk_test_boxes"
    assert await refused(Box(id="1", name="a"), Box(id="2", name="a")) == "uq_test_boxes_zone_name"
    inactive = [Box(id=str(n), name=str(n), active=False) for n in range(2)]
    assert await refused(*inactive) == "uq_test_boxes_one_inactive"


async def test_what_is_referenced_stays(db: Database) -> None:
    async with db.begin() as tx:
        await tx.insert(Box(id="1", name="a"))
        await tx.insert(Thing(id="t", box_id="1"))
    with pytest.raises(errors.StillReferenced):
        async with db.begin() as tx:
            await tx.delete(Box, Box.c.id == "1")
    with pytest.raises(errors.StillReferenced):
        async with db.begin() as tx:
            await tx.insert(Thing(id="u", box_id="absent"))


async def test_a_status_changes_along_its_transitions_only(db: Database) -> None:
    async with db.begin() as tx:
        await tx.insert(Thing(id="t"))
        await become(tx, Thing, "t", Status.ACTIVE, note="why")
    async with db.begin() as tx:
        with pytest.raises(WrongState):
            await become(tx, Thing, "t", Status.ACTIVE)
        with pytest.raises(WrongState):
            await become(tx, Thing, "absent", Status.GONE)
        thing = await tx.get(Thing, "t")
        assert thing is not None
        assert (thing.status, thing.note) == (Status.ACTIVE, "why")


async def test_for_update_finds_the_row(db: Database) -> None:
    async with db.begin() as tx:
        await tx.insert(Thing(id="t"))
        assert await tx.one(Thing, Thing.c.id == "t", for_update=True) is not None
        await tx.lock("anything")


@pytest.mark.parametrize("value", [2**80, 2**31], ids=["huge", "large"])
async def test_a_number_that_does_not_fit_is_invalid(db: Database, value: int) -> None:
    if db.dialect == "sqlite" and value == 2**31:
        return  # SQLite's integers are all of 64 bits
    with pytest.raises(errors.Invalid):
        async with db.begin() as tx:
            await tx.insert(Thing(id="t", count=value))


async def test_text_that_is_no_unicode_is_invalid(db: Database) -> None:
    with pytest.raises(errors.Invalid):
        async with db.begin() as tx:
            await tx.insert(Thing(id="t", note="\ud800"))
