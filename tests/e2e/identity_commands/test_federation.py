"""Federation is not there yet, and the official client says so rather than something else."""

IDP = ("--identity-provider", "idp")
ABSENT = "The resource could not be found."


def test_identity_providers_are_not_there(admin):
    assert ABSENT in admin.refused(
        "identity provider create", "idp", "--remote-id", "https://idp.example.org"
    )
    assert ABSENT in admin.refused("identity provider list")
    assert ABSENT in admin.refused("identity provider show", "idp")
    assert ABSENT in admin.refused("identity provider set", "idp", "--disable")
    assert admin("identity provider delete", "idp") == ""  # that there is none is fine with the client


def test_mappings_are_not_there(admin, tmp_path):
    rules = tmp_path / "rules.json"
    rules.write_text('[{"local": [{"user": {"name": "{0}"}}], "remote": [{"type": "UserName"}]}]')
    assert ABSENT in admin.refused("mapping create", "map", "--rules", str(rules))
    assert ABSENT in admin.refused("mapping list")
    assert ABSENT in admin.refused("mapping show", "map")
    assert ABSENT in admin.refused("mapping set", "map", "--rules", str(rules))
    assert ABSENT in admin.refused("mapping delete", "map")


def test_protocols_are_not_there(admin):
    assert ABSENT in admin.refused("federation protocol create", "saml2", *IDP, "--mapping", "map")
    assert ABSENT in admin.refused("federation protocol list", *IDP)
    assert ABSENT in admin.refused("federation protocol show", "saml2", *IDP)
    assert ABSENT in admin.refused("federation protocol set", "saml2", *IDP, "--mapping", "map")
    assert ABSENT in admin.refused("federation protocol delete", "saml2", *IDP)


def test_service_providers_are_not_there(admin):
    there = ("--auth-url", "https://sp.example.org/auth", "--service-provider-url", "https://sp.example.org")
    assert ABSENT in admin.refused("service provider create", "sp", *there)
    assert ABSENT in admin.refused("service provider list")
    assert ABSENT in admin.refused("service provider show", "sp")
    assert ABSENT in admin.refused("service provider set", "sp", "--disable")
    assert admin("service provider delete", "sp") == ""  # that there is none is fine with the client


def test_what_one_may_log_in_to_is_listed_all_the_same(admin, person):
    me = person()
    own = me.environment["OS_PROJECT_NAME"]
    assert [each["Name"] for each in me.json("federation project list")] == [own]
    assert me.json("federation domain list") == []
    admin("role add", "reader", "--user", own, "--domain", "Default")
    found = me.json("federation domain list")
    assert [(each["ID"], each["Name"], each["Enabled"]) for each in found] == [("default", "Default", True)]
