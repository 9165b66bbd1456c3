"""What a server is connected to, by the official client: networks, addresses, security groups, volumes."""

from cumulo.testing.launched import until


def addresses(me, server):
    return me.json("server show", server)["addresses"]


def test_ports_and_networks_are_added_and_taken_away(me, server, name):
    network, port = name("network"), name("port")
    me("network create", network)
    me("subnet create", network, "--network", network, "--subnet-range", "10.9.0.0/24")
    me("port create", port, "--network", network)
    me("server add port", server, port, "--tag", "second")
    assert len(addresses(me, server)[network]) == 1
    me("server remove port", server, port)
    until(lambda: network not in addresses(me, server), what="the port to be gone")
    me("server add network", server, network, "--tag", "third")
    assert len(addresses(me, server)[network]) == 1
    me("server remove network", server, network)
    until(lambda: network not in addresses(me, server), what="the network to be gone")
    me("server add fixed ip", server, network, "--fixed-ip-address", "10.9.0.99", "--tag", "fourth")
    assert addresses(me, server)[network] == ["10.9.0.99"]
    me.but(compute_api_version="2.43")("server remove fixed ip", server, "10.9.0.99")
    until(lambda: network not in addresses(me, server), what="the address to be gone")
    assert "No Network found" in me.refused("server add network", server, "nowhere")
    me("server remove network", server, network)
    me("port delete", port)
    me("network delete", network)


def test_a_floating_address_comes_and_goes(me, server):
    (fixed,) = addresses(me, server)["home"]
    floating = me.json("floating ip create", "outside")["floating_ip_address"]
    me("server add floating ip", server, floating, "--fixed-ip-address", fixed)
    assert addresses(me, server)["home"] == [fixed, floating]
    me("server remove floating ip", server, floating)
    until(lambda: addresses(me, server)["home"] == [fixed], what="the floating address to be gone")
    me("floating ip delete", floating)


def test_security_groups_come_and_go(me, server, name):
    group = name("group")
    me("security group create", group)
    me("server add security group", server, group)
    assert {"name": group} in me.json("server show", server)["security_groups"]
    assert "in use" in me.refused("security group delete", group).lower()
    me("server remove security group", server, group)
    assert {"name": group} not in me.json("server show", server)["security_groups"]
    assert me.refused("server add security group", server, "no-such-group")
    me("security group delete", group)


def test_volumes_come_and_go(admin, me, server, name):
    volume, second = name("volume"), name("volume")
    for one in (volume, second):
        me("volume create", one, "--size", "1")
    until(lambda: all(me.json("volume show", one)["status"] == "available" for one in (volume, second)),
          what="volumes to be there")  # fmt: skip
    added = me.json("server add volume", server, volume, "--device", "/dev/vdz", "--tag", "data",
                    "--enable-delete-on-termination")  # fmt: skip
    assert (added["Tag"], added["Delete On Termination"]) == ("data", True)
    until(lambda: me.json("volume show", volume)["status"] == "in-use", what="the volume to be in use")
    (row,) = me.json("server volume list", server)
    assert row["Volume ID"] == me.json("volume show", volume)["id"]
    assert row["Tag"] == "data"
    me("server volume set", server, volume, "--preserve-on-termination")
    assert me.json("server volume list", server)[0]["Delete On Termination?"] is False
    me("server volume set", server, volume, "--delete-on-termination")
    assert me.json("server volume list", server)[0]["Delete On Termination?"] is True
    me("server volume update", server, volume, "--preserve-on-termination")
    assert me.json("server volume list", server)[0]["Delete On Termination?"] is False
    me("server volume update", server, volume, "--delete-on-termination")
    me("server add volume", server, second, "--disable-delete-on-termination")
    until(lambda: me.json("volume show", second)["status"] == "in-use", what="the second to be in use")
    me("server remove volume", server, volume)
    until(lambda: me.json("volume show", volume)["status"] == "available", what="the volume to be free")
    me("server remove volume", server, second)
    until(lambda: me.json("volume show", second)["status"] == "available", what="the second to be free")
    me("volume delete", volume, second)


def test_shares_are_refused(me, server):
    """There is no service of shared file systems."""
    newest = me.but(compute_api_version="2.97")
    assert newest.refused("server add share", server, "a-share", "--tag", "shared")
    assert newest.refused("server remove share", server, "a-share")
    assert newest.refused("server share show", server, "a-share")
    assert newest.json("server share list", server) == []
