from pathlib import Path

import pytest

from cumulo.core.config import BadSetting, load
from cumulo.services.image.config import ImageSettings


def read(folder: Path, text: str) -> ImageSettings:
    path = folder / "config.toml"
    path.write_text(f"[image]\n{text}")
    found = load(path, [ImageSettings])[ImageSettings]
    assert isinstance(found, ImageSettings)
    return found


def test_stores_and_rules_are_read(tmp_path: Path):
    text = """default_store = "second"
        download_networks = ["10.0.0.0/8"]
        [image.stores.second]
        path = "elsewhere"
        weight = 3
        [[image.protected_properties]]
        pattern = "x_.*"
        read = ["@"]"""
    found = read(tmp_path, text)
    assert (found.stores["second"].path, found.stores["second"].weight) == ("elsewhere", 3)
    assert found.protected_properties[0].read == ("@",)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('default_store = "nowhere"', "nowhere"),
        ('download_networks = ["ten"]', "ten"),
        ('convert_to = "vmdk"', "vmdk"),
        ('[image.stores.file]\npath = "x"', "always there"),
        ('[image.stores.x]\ncolour = "x"', "colour"),
        ('[[image.protected_properties]]\npattern = "("', "regular expression"),
    ],
)
def test_a_bad_setting_is_named(tmp_path: Path, text: str, word: str):
    with pytest.raises(BadSetting, match=word):
        read(tmp_path, text)
