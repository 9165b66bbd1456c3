"""Server groups by the official client."""


def test_a_group_keeps_its_servers_apart(admin, me, name):
    group, server = name("group"), name("server")
    made = me.json(
        "server group create", group, "--policy", "anti-affinity", "--rule", "max_server_per_host=1"
    )
    assert (made["name"], made["policy"], made["rules"]) == (
        group,
        "anti-affinity",
        {"max_server_per_host": 1},
    )
    for number in (1, 2):
        me("server create", f"{server}-{number}", "--flavor", "frugal", "--image", "picture", "--no-network",
           "--hint", f"group={made['id']}", "--wait")  # fmt: skip
    shown = [me.json("server show", f"{server}-{number}")["id"] for number in (1, 2)]
    hosts = {admin.json("server show", one)["OS-EXT-SRV-ATTR:host"] for one in shown}
    assert len(hosts) == 2
    assert sorted(me.json("server group show", group)["members"]) == sorted(shown)
    me("server create", f"{server}-3", "--flavor", "frugal", "--image", "picture", "--no-network",
       "--hint", f"group={made['id']}")  # fmt: skip
    me.said("server delete", f"{server}-1", f"{server}-2", f"{server}-3", "--wait")
    me("server group delete", group)
    assert "No ServerGroup found" in me.refused("server group show", group)


def test_groups_are_listed_in_pages(admin, me, name):
    groups = [name("group") for _ in range(3)]
    for group in groups:
        me("server group create", group, "--policy", "affinity")
    every = [row["Name"] for row in me.json("server group list")]
    assert set(groups) <= set(every)
    assert [row["Name"] for row in me.json("server group list", "--limit", "1", "--max-items", "1")] == every[
        :1
    ]
    row = next(one for one in me.json("server group list", "--long") if one["Name"] == groups[0])
    assert row["Members"] in ("", [])
    assert set(groups) <= {one["Name"] for one in admin.json("server group list", "--all-projects")}
    assert not set(groups) & {one["Name"] for one in admin.json("server group list")}
    me("server group delete", *groups)
