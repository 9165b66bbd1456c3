"""Where volumes lie: retyping, migrating, taking over, and the pools themselves."""

from cumulo.testing.launched import until


def lies(admin, id_):
    return admin.json("volume show", id_)["os-vol-host-attr:host"]


def typed(admin, name, backend):
    """Make a volume type whose volumes lie in one pool."""
    made = name("type")
    admin("volume type create", made, "--property", f"volume_backend_name={backend}")
    return made


def test_a_volume_moves_with_its_new_type_if_the_policy_allows(me, admin, name, hosts, volume):
    one, two = typed(admin, name, "first"), typed(admin, name, "second")
    own = volume(me, "--type", one)
    id_ = me.json("volume show", own)["id"]
    assert lies(admin, id_) == hosts[0]
    me("volume set", own, "--type", two, "--migration-policy", "never")
    until(lambda: me.json("volume show", own)["status"] == "available", what="the retyping to end")
    assert (me.json("volume show", own)["type"], lies(admin, id_)) == (one, hosts[0])
    me("volume set", own, "--type", two, "--migration-policy", "on-demand")
    until(lambda: me.json("volume show", own)["type"] == two, what="the volume to be retyped")
    until(lambda: me.json("volume show", own)["status"] == "available", what="the retyping to end")
    assert lies(admin, id_) == hosts[1]
    assert "--type" in me.said("volume set", own, "--migration-policy", "never")


def test_the_administrator_migrates_a_volume(me, admin, hosts, volume):
    own = volume(me)
    id_ = me.json("volume show", own)["id"]
    here = lies(admin, id_)
    there = next(host for host in hosts if host != here)
    admin("volume migrate", id_, "--host", there)
    until(lambda: lies(admin, id_) == there, what="the volume to be moved")
    until(lambda: me.json("volume show", own)["status"] == "available", what="the move to end")
    assert admin.json("volume show", id_)["os-vol-mig-status-attr:migstat"] == "success"
    admin("volume migrate", id_, "--host", here, "--force-host-copy", "--lock-volume")
    until(lambda: lies(admin, id_) == here, what="the volume to be moved back")
    until(lambda: me.json("volume show", own)["status"] == "available", what="the move to end")
    assert "403" in me.refused("volume migrate", own, "--host", there)
    assert "There are no clusters" in admin.refused("volume migrate", id_, "--cluster", "west")
    assert "nowhere" in admin.refused("volume migrate", id_, "--host", "vm@nowhere#volumes")
    assert lies(admin, id_) == here


def rows(newest, pool, *options):
    return newest.json("block storage volume manageable list", pool, *options)


def test_a_volume_is_left_and_taken_over_again(newest, name, hosts, volume):
    pool, own = hosts[0], volume(newest, "--type", typed(newest, name, "first"))
    id_ = newest.json("volume show", own)["id"]
    found = {row["reference"]["source-name"]: row for row in rows(newest, pool, "--long")}
    assert (found[id_]["safe_to_manage"], found[id_]["cinder_id"]) == (False, id_)
    assert found[id_]["reason_not_safe"] == "already managed"
    assert "not supported with the --remote" in newest.refused("volume delete", own, "--remote", "--force")
    newest("volume delete", own, "--remote")
    found = {row["reference"]["source-name"]: row for row in rows(newest, pool)}
    assert found[id_] == {"reference": {"source-name": id_}, "size": 1, "safe_to_manage": True}
    taken = name("taken")
    made = newest.json("volume create", taken, "--remote-source", f"source-name={id_}", "--host", pool,
                       "--description", "again here", "--property", "colour=red", "--bootable")  # fmt: skip
    until(lambda: newest.json("volume show", taken)["status"] == "available", what="it to be taken over")
    shown = newest.json("volume show", taken)
    assert (shown["id"], shown["size"], shown["bootable"]) == (made["id"], 1, True)
    assert (shown["description"], shown["properties"]) == ("again here", {"colour": "red"})
    assert lies(newest, made["id"]) == pool
    said = newest.refused(
        "volume create", "--remote-source", "source-name=none", "--host", pool, name("lost")
    )
    assert "none" in said
    said = newest.refused("volume create", "--remote-source", "source-name=x", "--cluster", "west", name("x"))
    assert "cluster" in said


def test_what_a_pool_holds_is_listed_in_parts(newest, name, hosts, volume):
    pool, kind = hosts[1], typed(newest, name, "second")
    for size in ("3", "1", "2"):
        volume(newest, "--type", kind, "--size", size)

    def sizes(*options):
        return [row["size"] for row in rows(newest, pool, *options)]

    every = sizes("--sort", "size:asc")
    assert every == sorted(every)
    assert sizes("--sort", "size:desc") == every[::-1]
    assert sizes("--sort", "size:asc", "--offset", "1") == every[1:]
    # The client takes the id of the last for the next page's marker, and these have none: it gives up.
    said = newest.refused("block storage volume manageable list", pool, "--limit", "1")
    assert "Endless pagination loop" in said
    references = [row["reference"]["source-name"] for row in rows(newest, pool)]
    listed = newest.json("block storage volume manageable list", pool, "--marker", references[0])
    assert [row["reference"]["source-name"] for row in listed] == references[1:]
    long = newest.json("block storage volume manageable list", pool, "--sort", "size:asc",
                       "--offset", "1", "--long")  # fmt: skip
    assert [row["size"] for row in long] == every[1:]
    said = newest.refused("block storage volume manageable list", "--cluster", "west")
    assert "cluster" in said


def test_a_snapshot_is_left_and_taken_over_again(newest, name, hosts, volume, becomes):
    pool, own = hosts[0], volume(newest, "--type", typed(newest, name, "first"))
    moment, again = name("moment"), name("again")
    newest("volume snapshot create", "--volume", own, moment)
    id_ = becomes(newest, "volume snapshot show", moment)["id"]
    rows_ = newest.json("block storage snapshot manageable list", pool, "--long")
    found = {row["reference"]["source-name"]: row for row in rows_}
    assert (found[id_]["reason_not_safe"], found[id_]["cinder_id"]) == ("already managed", id_)
    assert "not supported with the --remote" in newest.refused(
        "volume snapshot delete", moment, "--remote", "--force"
    )
    newest("volume snapshot delete", moment, "--remote")
    rows_ = newest.json("block storage snapshot manageable list", pool, "--sort", "size:asc", "--offset", "0")
    found = {row["reference"]["source-name"]: row for row in rows_}
    assert (found[id_]["safe_to_manage"], found[id_]["size"]) == (True, 1)
    newest("volume snapshot create", "--volume", own, "--remote-source", f"source-name={id_}", again)
    assert becomes(newest, "volume snapshot show", again)["size"] == 1
    now = newest.json("volume snapshot show", again)["id"]
    after = newest.json("block storage snapshot manageable list", pool, "--marker", now)
    assert now not in [row["reference"]["source-name"] for row in after]
    said = newest.refused("block storage snapshot manageable list", pool, "--limit", "1")
    assert "Endless pagination loop" in said  # as above
    assert "cluster" in newest.refused("block storage snapshot manageable list", "--cluster", "west")


def test_pools_tell_what_they_have_and_can(admin, me, hosts):
    pools = {row["Name"]: row["Capabilities"] for row in admin.json("volume backend pool list", "--long")}
    assert sorted(pools) == list(hosts)
    assert pools[hosts[0]]["volume_backend_name"] == "first"
    assert pools[hosts[0]]["total_capacity_gb"] == 1000.0
    host = hosts[0].partition("#")[0]
    keys = {row["Key"]: row["Type"] for row in admin.json("volume backend capability show", host)}
    assert keys["thin_provisioning"] == "boolean"
    assert "nowhere" in admin.refused("volume backend capability show", "vm@nowhere")
    assert "403" in me.refused("volume backend pool list")
