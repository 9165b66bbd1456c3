import pytest

from cumulo.runtime.images import packages, tools


def test_a_line_of_apt_becomes_a_package_with_its_epoch(tmp_path):
    line = f"'http://example.org/x_1.35.deb' busybox-static_1%3a1.35.0-4_amd64.deb 928188 SHA256:{'a' * 64}"
    package = packages._parse(line, tmp_path)
    assert (package.name, package.version) == ("busybox-static", "1:1.35.0-4")
    assert package.path == tmp_path / "busybox-static_1%3a1.35.0-4_amd64.deb"


def test_what_apt_says_otherwise_is_an_error(tmp_path):
    with pytest.raises(packages.PackageUnavailable):
        packages._parse("E: nothing", tmp_path)


def test_a_truncated_package_is_not_whole(tmp_path):
    path = tmp_path / "a_1_all.deb"
    path.write_bytes(b"half")
    assert not packages._is_whole(packages.Package("a", "1", path, "0" * 64))


def test_missing_programs_are_named_by_their_packages(monkeypatch):
    monkeypatch.setitem(tools.ENVIRONMENT, "PATH", "/nowhere")
    with pytest.raises(tools.ToolMissing, match="apt-get install e2fsprogs mtools"):
        tools.require(["mcopy", "mformat", "debugfs"])


def test_a_failing_program_says_what_it_said():
    with pytest.raises(tools.ToolFailed, match="ended with 1"):
        tools.run(["sh", "-c", "exit 1"])


@pytest.mark.engines
def test_a_package_is_fetched_though_its_file_lies_where_we_are(tmp_path, monkeypatch):
    first = packages.fetch(["busybox-static"], tmp_path / "first")
    monkeypatch.chdir(tmp_path / "first")
    second = packages.fetch(["busybox-static"], tmp_path / "second")
    assert second["busybox-static"].path.read_bytes() == first["busybox-static"].path.read_bytes()
