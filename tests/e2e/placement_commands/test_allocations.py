"""Who has how much of what: allocations and usages."""

import pytest


@pytest.fixture
def allocate(admin, new_id):
    """Give a new consumer of a project and a user what is asked; return the consumer's id."""

    def give(*shares, project, user, kind="INSTANCE"):
        consumer = new_id()
        wanted = [word for share in shares for word in ("--allocation", share)]
        admin("resource provider allocation set", consumer, *wanted,
              "--project-id", project, "--user-id", user, "--consumer-type", kind)  # fmt: skip
        return consumer

    return give


def amounts(rows):
    return {row["resource_provider"]: row["resources"] for row in rows}


def test_allocations_are_set_as_a_whole_shown_and_deleted(admin, new_id, provider):
    rack, disks, consumer, project, user = (
        provider("VCPU=8"),
        provider("DISK_GB=50"),
        *(new_id() for _ in "123"),
    )
    assert admin.json("resource provider allocation show", consumer) == []
    shown = admin.json("resource provider allocation set", consumer, "--allocation", f"rp={rack},VCPU=2",
                       "--allocation", f"rp={disks},DISK_GB=10", "--project-id", project,
                       "--user-id", user, "--consumer-type", "INSTANCE")  # fmt: skip
    assert amounts(shown) == {rack: {"VCPU": 2}, disks: {"DISK_GB": 10}}
    assert {(row["project_id"], row["user_id"], row["consumer_type"]) for row in shown} == {
        (project, user, "INSTANCE")
    }
    assert admin.json("resource provider allocation show", consumer) == shown
    admin("resource provider allocation set", consumer, "--allocation", f"rp={rack},VCPU=5",
          "--project-id", project, "--user-id", user, "--consumer-type", "MIGRATION")  # fmt: skip
    again = admin.json("resource provider allocation show", consumer)
    assert amounts(again) == {rack: {"VCPU": 5}}
    assert again[0]["consumer_type"] == "MIGRATION"
    with_them = admin.json("resource provider show", rack, "--allocations")
    assert with_them["allocations"][consumer]["resources"] == {"VCPU": 5}
    assert "409" in admin.refused("resource provider delete", rack)
    admin("resource provider allocation delete", consumer)
    assert admin.json("resource provider allocation show", consumer) == []
    assert consumer in admin.refused("resource provider allocation delete", consumer)
    admin("resource provider delete", rack)


def test_the_oldest_version_knows_no_owners(oldest, admin, new_id, provider):
    rack, consumer = provider("VCPU=8"), new_id()
    shown = oldest.json("resource provider allocation set", consumer, "--allocation", f"rp={rack},VCPU=2")
    assert shown == oldest.json("resource provider allocation show", consumer)
    assert [set(row) for row in shown] == [{"resource_provider", "generation", "resources"}]
    assert admin.json("resource provider allocation show", consumer)[0]["consumer_type"] == "unknown"


def test_more_than_there_is_is_refused_and_changes_nothing(admin, new_id, provider, allocate):
    rack, project, user = provider("VCPU=8"), new_id(), new_id()
    allocate(f"rp={rack},VCPU=6", project=project, user=user)
    late = new_id()
    said = admin.refused("resource provider allocation set", late, "--allocation", f"rp={rack},VCPU=3",
                         "--project-id", project, "--user-id", user,
                         "--consumer-type", "INSTANCE")  # fmt: skip
    assert "lacks 3 vCPUs (2 of 8 free). (HTTP 409)" in said
    assert admin.json("resource provider allocation show", late) == []
    nowhere = new_id()
    said = admin.refused("resource provider allocation set", late, "--allocation", f"rp={nowhere},VCPU=3",
                         "--project-id", project, "--user-id", user,
                         "--consumer-type", "INSTANCE")  # fmt: skip
    assert nowhere in said
    usage = admin.json("resource provider usage show", rack)
    assert usage == [{"resource_class": "VCPU", "usage": 6}]


def test_shares_are_taken_by_provider_and_by_class(admin, new_id, provider, allocate):
    rack, disks = provider("VCPU=8", "MEMORY_MB=512"), provider("DISK_GB=50", "MEMORY_MB=64")
    consumer = allocate(
        f"rp={rack},VCPU=2,MEMORY_MB=100",
        f"rp={disks},DISK_GB=5,MEMORY_MB=10",
        project=new_id(),
        user=new_id(),
    )
    left = admin.json("resource provider allocation unset", consumer, "--provider", rack,
                      "--resource-class", "MEMORY_MB")  # fmt: skip
    assert amounts(left) == {rack: {"VCPU": 2}, disks: {"DISK_GB": 5, "MEMORY_MB": 10}}
    left = admin.json("resource provider allocation unset", consumer, "--resource-class", "MEMORY_MB")
    assert amounts(left) == {rack: {"VCPU": 2}, disks: {"DISK_GB": 5}}
    left = admin.json("resource provider allocation unset", consumer, "--provider", disks)
    assert amounts(left) == {rack: {"VCPU": 2}}
    assert admin.json("resource provider allocation unset", consumer) == []
    assert admin.json("resource provider usage show", disks) == [
        {"resource_class": "DISK_GB", "usage": 0},
        {"resource_class": "MEMORY_MB", "usage": 0},
    ]


def test_a_projects_usage_is_shown_by_sort_of_consumer_and_of_one_user(
    cloud, admin, new_id, provider, allocate
):
    rack, project, one, two = provider("VCPU=20", "DISK_GB=50"), *(new_id() for _ in "123")
    allocate(f"rp={rack},VCPU=2,DISK_GB=5", project=project, user=one)
    allocate(f"rp={rack},VCPU=3", project=project, user=two)
    allocate(f"rp={rack},VCPU=4", project=project, user=two, kind="MIGRATION")
    allocate(f"rp={rack},VCPU=7", project=new_id(), user=one)

    def by_kind(*options):
        rows = admin.json("resource usage show", project, *options)
        return {row["resource_class"]: row["usage"] for row in rows}

    assert by_kind() == {
        "INSTANCE": {"consumer_count": 2, "VCPU": 5, "DISK_GB": 5},
        "MIGRATION": {"consumer_count": 1, "VCPU": 4},
    }
    mine = {row["resource_class"]: row["usage"]
            for row in admin.json("resource usage show", project, "--user-id", one)}  # fmt: skip
    assert mine == {"INSTANCE": {"consumer_count": 1, "VCPU": 2, "DISK_GB": 5}}
    older = cloud.admin.but(placement_api_version="1.9")
    rows = older.json("resource usage show", project)
    assert {row["resource_class"]: row["usage"] for row in rows} == {"VCPU": 9, "DISK_GB": 5}
    rows = older.json("resource usage show", project, "--user-id", two)
    assert rows == [{"resource_class": "VCPU", "usage": 7}]
    assert {
        row["resource_class"]: row["usage"] for row in admin.json("resource provider usage show", rack)
    } == {
        "VCPU": 16,
        "DISK_GB": 5,
    }
