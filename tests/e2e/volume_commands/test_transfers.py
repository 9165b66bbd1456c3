"""Volumes offered to other projects."""


def names(rows):
    return [row["Name"] for row in rows]


def test_a_volume_goes_to_who_has_the_key(me, admin, name, volume, becomes):
    other, own, offer = admin.member(name("other")), volume(me), name("offer")
    id_ = me.json("volume show", own)["id"]
    me("volume snapshot create", "--volume", own, "moment")
    becomes(me, "volume snapshot show", "moment")
    made = me.json("volume transfer request create", own, "--name", offer, "--snapshots")
    assert (made["name"], made["volume_id"]) == (offer, id_)
    assert me.json("volume show", own)["status"] == "awaiting-transfer"
    assert me.json("volume transfer request list") == [{"ID": made["id"], "Name": offer, "Volume": id_}]
    assert me.json("volume transfer request show", offer)["id"] == made["id"]
    assert offer in other.refused("volume transfer request show", offer)
    assert "auth key" in other.refused("volume transfer request accept", made["id"], "--auth-key", "0" * 32)
    taken = other.json("volume transfer request accept", made["id"], "--auth-key", made["auth_key"])
    assert taken["volume_id"] == id_
    assert names(other.json("volume list")) == [own]
    assert names(other.json("volume snapshot list")) == ["moment"]
    assert (me.json("volume list"), me.json("volume transfer request list")) == ([], [])


def test_an_offer_is_withdrawn(me, name, volume):
    own = volume(me)
    made = me.json("volume transfer request create", own, "--no-snapshots")
    assert made["name"] is None
    assert "available" in me.refused("volume transfer request create", own)
    me("volume transfer request delete", made["id"])
    assert me.json("volume show", own)["status"] == "available"
    assert "1 of 1 volume transfer requests failed" in me.refused(
        "volume transfer request delete", made["id"]
    )


def test_snapshots_stay_where_they_are_if_so_offered(me, admin, name, volume, becomes):
    other, own = admin.member(name("other")), volume(me)
    me("volume snapshot create", "--volume", own, "moment")
    becomes(me, "volume snapshot show", "moment")
    made = me.json("volume transfer request create", own, "--no-snapshots")
    other("volume transfer request accept", made["id"], "--auth-key", made["auth_key"])
    assert names(other.json("volume list")) == [own]
    assert other.json("volume snapshot list") == []
    assert names(me.json("volume snapshot list")) == ["moment"]


def test_the_client_cannot_list_offers_of_other_projects(me, admin, volume):
    """Its SDK has no such parameter for transfers; this fails when a version of it is mended."""
    me("volume transfer request create", volume(me), "--name", "offer")
    assert admin.json("volume transfer request list", "--all-projects") == []
