import socket

import pytest

from cumulo.core.config import BadSetting
from cumulo.runtime import settings
from cumulo.runtime.settings import HttpSettings, first_file, runtime_settings
from cumulo.runtime.state import StateFolder


def test_everything_has_a_default(tmp_path):
    found = runtime_settings(StateFolder(tmp_path))
    assert found.http.url == "http://127.0.0.1:8700"
    assert found.engines.start
    assert not found.database.url


def test_the_first_file_names_a_free_port(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(settings, "_PORTS", range(port, port + 200, 7))
        first_file(StateFolder(tmp_path))
        assert runtime_settings(StateFolder(tmp_path)).http.port > port


def test_the_file_is_written_once(tmp_path):
    (tmp_path / "config.toml").write_text("[http]\nport = 9000\n")
    first_file(StateFolder(tmp_path))
    assert runtime_settings(StateFolder(tmp_path)).http.port == 9000


def test_a_bad_value_names_the_file_the_section_and_the_key(tmp_path):
    (tmp_path / "config.toml").write_text('[http]\nport = "no"\n')
    with pytest.raises(BadSetting, match=r"config.toml.*\[http\].*port"):
        runtime_settings(StateFolder(tmp_path))


def test_services_sections_are_not_the_runtimes_business(tmp_path):
    (tmp_path / "config.toml").write_text("[compute]\nanything = 1\n")
    assert runtime_settings(StateFolder(tmp_path)).http.port == 8700


def test_listening_everywhere_is_still_told_as_an_address():
    assert HttpSettings(listen="::").url == "http://[::1]:8700"
    assert HttpSettings(public_url="https://cloud.example").url == "https://cloud.example"
