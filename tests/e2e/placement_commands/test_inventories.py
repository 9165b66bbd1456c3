"""What providers have: inventories, by class and as a whole."""


def by_class(rows):
    return {row["resource_class"]: row for row in rows}


def test_an_inventory_is_set_as_a_whole_or_amended(admin, provider):
    rack = provider()
    shown = admin.json("resource provider inventory set", rack, "--resource", "VCPU=16",
                       "--resource", "VCPU:max_unit=4", "--resource", "DISK_GB:total=100")  # fmt: skip
    assert by_class(shown)["VCPU"] == {
        "resource_class": "VCPU",
        "allocation_ratio": 1.0,
        "min_unit": 1,
        "max_unit": 4,
        "reserved": 0,
        "step_size": 1,
        "total": 16,
    }
    amended = admin.json("resource provider inventory set", rack, "--amend", "--resource",
                         "VCPU:allocation_ratio=2.5", "--resource", "DISK_GB:reserved=10")  # fmt: skip
    assert by_class(amended)["VCPU"] | {"allocation_ratio": 1.0} == by_class(shown)["VCPU"]
    rows = by_class(admin.json("resource provider inventory list", rack))
    assert (rows["VCPU"]["allocation_ratio"], rows["VCPU"]["used"]) == (2.5, 0)
    assert (rows["DISK_GB"]["reserved"], rows["DISK_GB"]["total"]) == (10, 100)
    admin("resource provider inventory set", rack, "--resource", "MEMORY_MB=512")
    assert set(by_class(admin.json("resource provider inventory list", rack))) == {"MEMORY_MB"}


def test_a_dry_run_sets_nothing(admin, provider):
    rack = provider("VCPU=4")
    shown = admin.json("resource provider inventory set", rack, "--resource", "VCPU=9", "--dry-run")
    assert by_class(shown)["VCPU"]["total"] == 9
    assert admin.json("resource provider inventory show", rack, "VCPU")["total"] == 4


def test_all_providers_of_an_aggregate_are_set_at_once(admin, new_id, provider):
    group, one, two, other = new_id(), provider("VCPU=1"), provider("DISK_GB=5"), provider("VCPU=1")
    for each in (one, two):
        admin("resource provider aggregate set", each, "--aggregate", group, "--generation", "1")
    rows = admin.json("resource provider inventory set", group, "--aggregate", "--amend",
                      "--resource", "VCPU=8")  # fmt: skip
    found = {(row["resource_provider"], row["resource_class"]): row["total"] for row in rows}
    assert found == {(one, "VCPU"): 8, (two, "VCPU"): 8, (two, "DISK_GB"): 5}
    assert admin.json("resource provider inventory show", other, "VCPU")["total"] == 1
    said = admin.refused("resource provider inventory set", new_id(), "--aggregate", "--resource", "VCPU=8")
    assert "No resource providers found in aggregate" in said


def test_one_class_is_replaced_and_shown(admin, provider):
    rack = provider("VCPU=4", "DISK_GB=7")
    shown = admin.json("resource provider inventory class set", rack, "VCPU", "--total", "32",
                       "--allocation_ratio", "1.5", "--min_unit", "2", "--max_unit", "8",
                       "--reserved", "4", "--step_size", "2")  # fmt: skip
    wanted = {
        "allocation_ratio": 1.5,
        "min_unit": 2,
        "max_unit": 8,
        "reserved": 4,
        "step_size": 2,
        "total": 32,
    }
    assert shown == wanted
    assert admin.json("resource provider inventory show", rack, "VCPU") == wanted | {"used": 0}
    admin("resource provider inventory class set", rack, "VCPU", "--total", "5")
    assert admin.json("resource provider inventory show", rack, "VCPU")["reserved"] == 0
    assert admin.json("resource provider inventory show", rack, "DISK_GB")["total"] == 7


def test_what_is_no_inventory_is_refused_and_changes_nothing(admin, provider):
    rack = provider("VCPU=4")
    said = admin.refused("resource provider inventory class set", rack, "VCPU", "--total", "0")
    assert "total" in said
    said = admin.refused(
        "resource provider inventory class set", rack, "VCPU", "--total", "2", "--reserved", "3"
    )
    assert "VCPU" in said
    said = admin.refused("resource provider inventory set", rack, "--resource", "CUSTOM_NEVER_MADE=1")
    assert "CUSTOM_NEVER_MADE" in said
    assert "colour" in admin.refused("resource provider inventory set", rack, "--resource", "VCPU:colour=1")
    assert admin.json("resource provider inventory show", rack, "VCPU")["total"] == 4


def test_inventories_are_deleted_by_class_or_all_but_not_while_in_use(admin, new_id, provider):
    rack, consumer = provider("VCPU=4", "DISK_GB=7", "MEMORY_MB=64"), new_id()
    admin("resource provider inventory delete", rack, "--resource-class", "DISK_GB")
    assert set(by_class(admin.json("resource provider inventory list", rack))) == {"VCPU", "MEMORY_MB"}
    assert "DISK_GB" in admin.refused("resource provider inventory show", rack, "DISK_GB")
    assert "DISK_GB" in admin.refused(
        "resource provider inventory delete", rack, "--resource-class", "DISK_GB"
    )
    admin("resource provider allocation set", consumer, "--allocation", f"rp={rack},VCPU=1",
          "--project-id", new_id(), "--user-id", new_id(), "--consumer-type", "INSTANCE")  # fmt: skip
    assert admin.json("resource provider inventory show", rack, "VCPU")["used"] == 1
    assert "409" in admin.refused("resource provider inventory delete", rack)
    assert "409" in admin.refused("resource provider inventory delete", rack, "--resource-class", "VCPU")
    admin("resource provider allocation delete", consumer)
    admin("resource provider inventory delete", rack)
    assert admin.json("resource provider inventory list", rack) == []
