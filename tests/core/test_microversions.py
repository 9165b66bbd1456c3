"""Microversions: the header's forms, silence, `latest`, and what is refused."""

import pytest

from cumulo.core.microversions import BadVersion, Microversions, VersionOutOfRange, parse

COMPUTE = Microversions("compute", "2.1", "2.104", legacy="X-OpenStack-Nova-API-Version")
VOLUME = Microversions("volume", "3.0", "3.71", also=("volumev3",))


def asked(**headers):
    return {name.replace("_", "-").lower(): value for name, value in headers.items()}


class Lower(dict):
    def get(self, name, default=None):
        return super().get(name.lower(), default)


@pytest.mark.parametrize(
    ("headers", "version"),
    [
        ({}, (2, 1)),
        (asked(OpenStack_API_Version="compute 2.53"), (2, 53)),
        (asked(OpenStack_API_Version="volume 3.1, compute 2.10"), (2, 10)),
        (asked(OpenStack_API_Version="volume 3.1"), (2, 1)),
        (asked(OpenStack_API_Version="compute latest"), (2, 104)),
        (asked(X_OpenStack_Nova_API_Version="2.9"), (2, 9)),
        (asked(OpenStack_API_Version="compute 2.20", X_OpenStack_Nova_API_Version="2.9"), (2, 20)),
    ],
)
def test_a_version_is_read_from_either_header(headers, version):
    assert COMPUTE.negotiate(Lower(headers)) == version


@pytest.mark.parametrize("word", ["volume", "volumev3", "VolumeV3"])
def test_a_version_may_be_asked_for_by_another_word_and_is_answered_by_the_services_own(word):
    version = VOLUME.negotiate(Lower(asked(OpenStack_API_Version=f"compute 2.1, {word} 3.50")))
    assert version == (3, 50)
    assert VOLUME.headers(version)["OpenStack-API-Version"] == "volume 3.50"


def test_a_version_outside_the_range_says_the_range():
    with pytest.raises(VersionOutOfRange, match=r"2\.1 and maximum is 2\.104"):
        COMPUTE.negotiate(Lower(asked(OpenStack_API_Version="compute 2.105")))


@pytest.mark.parametrize(
    "text", ["2", "2.", "2." + "9" * 5000, "a.b", "2.01", "02.1", "2.1.1", "-1.2", "2.1 ", "\u0662.\u0661"]
)
def test_what_is_no_version_is_refused(text):
    with pytest.raises(BadVersion):
        parse(text)


def test_every_answer_names_the_version_and_varies_by_it():
    said = COMPUTE.headers((2, 53))
    assert said["OpenStack-API-Version"] == "compute 2.53"
    assert said["X-OpenStack-Nova-API-Version"] == "2.53"
    assert "OpenStack-API-Version" in said["Vary"]
