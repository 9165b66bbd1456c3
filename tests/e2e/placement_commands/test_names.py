"""Resource classes and traits: names that all share, and names of one's own."""


def names(rows):
    return [row["name"] for row in rows]


def test_a_class_of_ones_own_is_created_once_shown_and_deleted(admin, name):
    own = name("CUSTOM_LICENCE")
    admin("resource class create", own)
    assert "409" in admin.refused("resource class create", own)
    assert admin.json("resource class show", own) == {"name": own}
    listed = names(admin.json("resource class list"))
    assert own in listed
    assert "VCPU" in listed
    admin("resource class delete", own)
    assert own not in names(admin.json("resource class list"))
    assert own in admin.refused("resource class show", own)
    assert own in admin.refused("resource class delete", own)


def test_setting_a_class_makes_sure_that_it_exists(admin, name):
    own = name("CUSTOM_SEAT")
    for _ in range(2):
        admin("resource class set", own)
    assert names(admin.json("resource class list")).count(own) == 1


def test_classes_of_all_clouds_cannot_be_deleted_nor_names_of_others_made(admin):
    assert "VCPU" in admin.refused("resource class delete", "VCPU")
    assert "CUSTOM_" in admin.refused("resource class create", "LICENCE")
    assert "CUSTOM_" in admin.refused("resource class set", "licence")
    assert "VCPU" in names(admin.json("resource class list"))


def test_a_class_that_a_provider_has_cannot_be_deleted(admin, name, provider):
    own = name("CUSTOM_LICENCE")
    admin("resource class create", own)
    rack = provider(f"{own}=3")
    assert "409" in admin.refused("resource class delete", own)
    admin("resource provider inventory delete", rack, "--resource-class", own)
    admin("resource class delete", own)


def test_a_trait_of_ones_own_is_created_shown_and_deleted(admin, name):
    own = name("CUSTOM_RED")
    for _ in range(2):  # which makes sure that it exists
        admin("trait create", own)
    assert admin.json("trait show", own) == {"name": own}
    assert names(admin.json("trait list")).count(own) == 1
    admin("trait delete", own)
    assert own in admin.refused("trait show", own)
    assert own in admin.refused("trait delete", own)
    assert "CUSTOM_" in admin.refused("trait create", "RED")
    assert "HW_CPU_X86_AVX" in admin.refused("trait delete", "HW_CPU_X86_AVX")


def test_traits_are_listed_by_name_and_by_whether_a_provider_has_them(admin, name, provider):
    red, blue = name("CUSTOM_COLOUR_RED"), name("CUSTOM_COLOUR_BLUE")
    for each in (red, blue):
        admin("trait create", each)
    assert names(admin.json("trait list", "--name", "startswith:CUSTOM_COLOUR_")) == sorted([red, blue])
    assert names(admin.json("trait list", "--name", f"in:{red},HW_CPU_X86_AVX")) == sorted(
        [red, "HW_CPU_X86_AVX"]
    )
    assert "name" in admin.refused("trait list", "--name", red)
    rack = provider()
    admin("resource provider trait set", rack, "--trait", red)
    associated = names(admin.json("trait list", "--associated"))
    assert red in associated
    assert blue not in associated
    both = names(admin.json("trait list", "--associated", "--name", "startswith:CUSTOM_COLOUR_"))
    assert both == [red]


def test_a_providers_traits_are_set_as_a_whole_listed_and_taken(admin, name, provider):
    red, blue = name("CUSTOM_RED"), name("CUSTOM_BLUE")
    for each in (red, blue):
        admin("trait create", each)
    rack = provider()
    assert admin.json("resource provider trait list", rack) == []
    admin("resource provider trait set", rack, "--trait", red, "--trait", "STORAGE_DISK_SSD")
    shown = admin.json("resource provider trait set", rack, "--trait", red, "--trait", blue)
    assert sorted(names(shown)) == sorted([red, blue])
    assert sorted(names(admin.json("resource provider trait list", rack))) == sorted([red, blue])
    assert "409" in admin.refused("trait delete", red)
    said = admin.refused("resource provider trait set", rack, "--trait", "CUSTOM_NEVER_MADE")
    assert "CUSTOM_NEVER_MADE" in said
    assert sorted(names(admin.json("resource provider trait list", rack))) == sorted([red, blue])
    admin("resource provider trait delete", rack)
    assert admin.json("resource provider trait list", rack) == []
    admin("trait delete", red)
    admin.refused("resource provider trait list", "00000000-0000-0000-0000-000000000000")


def test_commands_of_later_versions_are_refused_at_the_first(oldest):
    assert "1.2" in oldest.refused("resource class list")
    assert "1.6" in oldest.refused("trait list")
    oldest("resource provider list")
