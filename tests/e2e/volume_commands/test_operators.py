"""What operators look after: services, hosts, clusters, logs, messages."""

import pytest

from cumulo.testing.launched import until


def test_a_service_is_taken_out_of_service_and_back(newest, me, hosts):
    host = hosts[0].partition("#")[0]
    rows = newest.json("volume service list")
    assert {"cinder-volume", "cinder-scheduler", "cinder-backup"} == {row["Binary"] for row in rows}
    assert {row["State"] for row in rows} == {"up"}
    of = newest.json("volume service list", "--host", host)
    assert [(row["Binary"], row["Host"], row["Backend State"]) for row in of] == [
        ("cinder-volume", host, "up")
    ]
    assert len(newest.json("volume service list", "--service", "cinder-volume")) == len(hosts)
    newest("volume service set", host, "cinder-volume", "--disable", "--disable-reason", "broken fan")
    row = newest.json("volume service list", "--host", host, "--long")[0]
    assert (row["Status"], row["Disabled Reason"]) == ("disabled", "broken fan")
    newest("volume service set", host, "cinder-volume", "--enable")
    row = newest.json("volume service list", "--host", host, "--long")[0]
    assert (row["Status"], row["Disabled Reason"]) == ("enabled", None)
    assert "No Service found" in newest.refused(
        "volume service set", "vm@nowhere", "cinder-volume", "--enable"
    )
    assert "403" in me.refused("volume service list")


def test_a_frozen_backend_takes_no_volumes_until_it_thaws(newest, hosts, name, becomes):
    host, kind, own = hosts[0].partition("#")[0], name("type"), name("volume")
    newest("volume type create", kind, "--property", "volume_backend_name=first")
    newest("volume host set", host, "--disable")
    newest("volume create", "--type", kind, "--size", "1", own)
    becomes(newest, "volume show", own, "error")
    newest("volume host set", host, "--enable")
    other = name("volume")
    newest("volume create", "--type", kind, "--size", "1", other)
    becomes(newest, "volume show", other)
    assert "nowhere" in newest.refused("volume host set", "vm@nowhere", "--enable")


def test_no_backend_fails_over_as_none_replicates(newest, hosts):
    host = hosts[0].partition("#")[0]
    said = newest.refused("volume host failover", host, "--volume-backend", "west")
    assert f"Backend {host} has no replication target 'west'" in said


def test_there_are_no_clusters(newest, me):
    assert newest.json("block storage cluster list") == []
    assert newest.json("block storage cluster list", "--cluster", "west", "--binary", "cinder-volume", "--up",
                       "--enabled", "--num-hosts", "2", "--num-down-hosts", "0", "--long") == []  # fmt: skip
    assert newest.json("block storage cluster list", "--down", "--disabled") == []
    for said in (
        newest.refused("block storage cluster show", "west", "--binary", "cinder-volume"),
        newest.refused("block storage cluster set", "west", "--binary", "cinder-volume", "--enable"),
        newest.refused("block storage cluster set", "west", "--disable", "--disable-reason", "broken fan"),
    ):
        assert "Cluster west could not be found" in said
    assert "403" in me.refused("block storage cluster list")


def test_the_client_cannot_ask_for_cleaning_up(newest):
    """It wants three of its options and asks by PUT what is a POST; this fails when that is mended.

    Nothing waits for it here: each operation goes on by itself.
    """
    said = newest.refused("block storage cleanup", "--host", "vm@first", "--binary", "cinder-volume", "--up")
    assert "missing 1 required keyword-only argument: 'cluster_name'" in said
    some = ("--host", "vm@first", "--binary", "cinder-volume", "--cluster", "west")
    said = newest.refused("block storage cleanup", *some, "--up", "--enabled",
                          "--resource-type", "Volume",
                          "--resource-id", "34d82e59-0e4f-4f7a-9d6c-0d4c84fd1b1f",
                          "--service-id", "1")  # fmt: skip
    assert "The method is not allowed" in said
    newest.refused("block storage cleanup", "--host", "vm@first", "--binary", "cinder-volume",
                   "--cluster", "west", "--down", "--disabled")  # fmt: skip


def test_how_much_services_log_is_shown_and_set(newest, me, hosts):
    host = hosts[0].partition("#")[0]
    every = newest.json("block storage log level list")
    assert {row["Binary"] for row in every} >= {"cinder-api", "cinder-volume", "cinder-scheduler"}
    asked = ("--host", host, "--service", "cinder-volume")
    level = newest.json("block storage log level list", "--host", host, "--service", "cinder-volume",
                        "--log-prefix", "cumulo")  # fmt: skip
    assert level == [{"Binary": "cinder-volume", "Host": host, "Prefix": "cumulo", "Level": "INFO"}]
    newest("block storage log level set", "WARNING", "--host", host, "--service", "cinder-volume",
           "--log-prefix", "cumulo")  # fmt: skip
    assert newest.json("block storage log level list", *asked)[0]["Level"] == "WARNING"
    newest("block storage log level set", "INFO")
    assert newest.json("block storage log level list", *asked)[0]["Level"] == "INFO"
    said = newest.refused("block storage log level list", "--log-prefix", "sqlalchemy")
    assert "There is one logger, 'cumulo'" in said
    assert "403" in me.refused("block storage log level list")


def test_what_lists_can_be_filtered_by(me):
    rows = {row["Resource"]: row["Filters"] for row in me.json("block storage resource filter list")}
    assert {"volume", "snapshot", "backup", "attachment", "group"} <= set(rows)
    shown = me.json("block storage resource filter show", "snapshot")
    assert shown == {"Resource": "snapshot", "Filters": rows["snapshot"]}
    assert "volume_id" in shown["Filters"]
    assert "There are no lists of 'moons'" in me.refused("block storage resource filter show", "moons")


@pytest.fixture
def nowhere(admin, name):
    """A type whose volumes no pool takes."""
    made = name("type")
    admin("volume type create", made, "--property", "volume_backend_name=nowhere")
    return made


def test_messages_tell_why_something_failed(newest, me, name, nowhere, becomes):
    mine = me.but(volume_api_version="3.71")
    for each in ("one", "two"):
        me("volume create", "--size", "1", "--type", nowhere, each)
        becomes(me, "volume show", each, "error")
    rows = mine.json("volume message list")
    assert [row["Resource UUID"] for row in rows] == [
        me.json("volume show", each)["id"] for each in ("two", "one")
    ]
    assert rows[0]["User Message"].startswith("schedule allocate volume:No pool can take this volume:")
    assert (rows[0]["Message Level"], rows[0]["Resource Type"]) == ("ERROR", "VOLUME")
    shown = mine.json(
        "volume message show", rows[0]["ID"]
    )  # whose answer the SDK looks for under another key
    assert shown["ID"] == rows[0]["ID"]
    assert mine.json("volume message list", "--marker", rows[0]["ID"]) == rows[1:]
    assert mine.json("volume message list", "--limit", "1") == rows  # page by page
    project = me.environment["OS_PROJECT_NAME"]
    found = newest.json("volume message list", "--project", project, "--project-domain", "Default")
    assert found == rows
    other = newest.member(name("other")).environment["OS_PROJECT_NAME"]
    assert newest.json("volume message list", "--project", other) == []
    mine("volume message delete", rows[0]["ID"])
    until(lambda: mine.json("volume message list") == rows[1:], what="the message to be gone")
    assert rows[0]["ID"] in mine.refused("volume message show", rows[0]["ID"])
    assert "Failed to delete 1 of 1" in mine.refused("volume message delete", rows[0]["ID"])
