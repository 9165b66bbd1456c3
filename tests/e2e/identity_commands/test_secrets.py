"""Credentials, EC2 keys and policies that others enforce, by the official client."""


def test_a_credential_is_made_shown_changed_and_deleted(admin, person):
    who = person().environment["OS_USERNAME"]
    owner, project = admin.json("user show", who)["id"], admin.json("project show", who)["id"]
    made = admin.json("credential create", who, "a blob", "--type", "cert", "--project", who)
    assert made == {
        "id": made["id"],
        "type": "cert",
        "blob": "a blob",
        "user_id": owner,
        "project_id": project,
    }
    assert admin.json("credential show", made["id"]) == made
    admin("credential set", made["id"], "--user", "admin", "--type", "totp", "--data", "JBSWY3DPEHPK3PXP",
          "--project", "admin")  # fmt: skip
    changed = admin.json("credential show", made["id"])
    assert changed == {**made, "type": "totp", "blob": "JBSWY3DPEHPK3PXP"}  # the client drops the owner
    admin("credential delete", made["id"], "no-credential")  # that one is not there is fine with the client
    assert admin.refused("credential show", made["id"])
    assert admin.refused("credential create", "nobody", "a blob")
    assert "400" in admin.refused("credential create", who, "no json", "--type", "ec2", "--project", who)


def test_credentials_are_listed_by_user_and_type(admin, person):
    me = person()
    who = me.environment["OS_USERNAME"]
    made = [admin.json("credential create", who, "x", "--type", kind)["id"] for kind in ("cert", "totp")]
    assert {each["ID"] for each in admin.json("credential list", "--user", who)} == set(made)
    # the client asks with the domain's whole description where its id belongs
    assert "No User found" in admin.refused("credential list", "--user", who, "--user-domain", "Default")
    found = admin.json("credential list", "--type", "totp", "--user", who)
    assert [(each["ID"], each["Type"], each["Data"]) for each in found] == [(made[1], "totp", "x")]
    assert {each["ID"] for each in me.json("credential list")} == set(made)  # one's own only
    own = admin.json("credential create", "admin", "x", "--type", "cert")["id"]
    assert "not authorized" in me.refused("credential show", own)
    admin("credential delete", own)


def test_one_makes_shows_and_deletes_ec2_keys_of_ones_own(admin, person):
    me = person()
    own = me.json("token issue")
    made = me.json("ec2 credentials create")
    assert (made["user_id"], made["project_id"]) == (own["user_id"], own["project_id"])
    assert made["secret"]
    assert me.json("ec2 credentials show", made["access"]) == made
    assert me.json("ec2 credentials list") == [
        {
            "Access": made["access"],
            "Secret": made["secret"],
            "Project ID": own["project_id"],
            "User ID": own["user_id"],
        }
    ]
    said = me.refused("ec2 credentials delete", made["access"], "no-key")
    assert "no-key" in said
    assert me.json("ec2 credentials list") == []
    assert me.refused("ec2 credentials show", made["access"])


def test_the_administrator_makes_shows_and_deletes_others_ec2_keys(admin, person):
    me = person()
    who = me.environment["OS_USERNAME"]
    made = admin.json("ec2 credentials create", "--user", who, "--user-domain", "Default",
                      "--project", who, "--project-domain", "Default")  # fmt: skip
    assert me.json("ec2 credentials list")[0]["Access"] == made["access"]
    theirs = ("--user", who, "--user-domain", "Default")
    shown = admin.json("ec2 credentials show", made["access"], "--user", who, "--user-domain", "Default")
    assert shown["secret"] == made["secret"]
    found = admin.json("ec2 credentials list", "--user", who, "--user-domain", "Default")
    assert [each["Access"] for each in found] == [made["access"]]
    admin("ec2 credentials delete", made["access"], "--user", who, "--user-domain", "Default")
    assert admin.json("ec2 credentials list", *theirs) == []
    own = admin.json("user show", "admin")["id"]
    assert "403" in me.refused("ec2 credentials list", "--user", own)
    assert admin.refused("ec2 credentials create", "--project", "nowhere")


def test_a_policy_is_kept_as_it_is(admin, person, tmp_path):
    rules, others = tmp_path / "rules.json", tmp_path / "others.json"
    rules.write_text('{"default": "role:member"}')
    others.write_text('{"default": "role:reader"}')
    made = admin.json("policy create", str(rules), "--type", "application/json")
    assert made == {"id": made["id"], "type": "application/json", "rules": rules.read_text()}
    assert admin.json("policy show", made["id"]) == made
    assert {"ID": made["id"], "Type": "application/json"} in admin.json("policy list")
    admin("policy set", made["id"], "--type", "text/plain", "--rules", str(others))
    row = {"ID": made["id"], "Type": "text/plain", "Rules": others.read_text()}
    assert row in admin.json("policy list", "--long")
    assert "403" in person().refused("policy list")
    said = admin.refused("policy delete", "no-policy")
    assert "no-policy" in said
    admin("policy delete", made["id"])
    assert admin.refused("policy show", made["id"])
