"""Settings: defaults, and errors that name the file, section and key."""

from typing import ClassVar

import pytest

from cumulo.core.config import BadSetting, Section, load


class Http(Section):
    """Settings of the listener."""

    section: ClassVar[str] = "http"
    port: int = 8700
    listen: str = "127.0.0.1"


def test_every_setting_has_a_default(tmp_path):
    assert load(tmp_path / "absent.toml", [Http]) == {Http: Http()}
    assert load(None, [Http])[Http].port == 8700


def test_a_file_overrides_what_it_names(tmp_path):
    path = tmp_path / "cumulo.toml"
    path.write_text("[http]\nport = 9000\n")
    assert load(path, [Http])[Http] == Http(port=9000)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[htp]\n", "htp"),
        ("[http]\nprt = 1\n", "prt"),
        ('[http]\nport = "x"\n', "port"),
        ("[http\n", "cumulo.toml"),
    ],
)
def test_a_mistake_is_named(tmp_path, text, said):
    path = tmp_path / "cumulo.toml"
    path.write_text(text)
    with pytest.raises(BadSetting, match=said):
        load(path, [Http])
