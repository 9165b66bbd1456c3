from pathlib import Path

from cumulo.node.hypervisor.libvirt.console_log import LONGEST, tail


def test_a_guest_that_wrote_nothing_has_an_empty_log(tmp_path: Path):
    assert tail(tmp_path / "console.log", None) == ""


def test_the_last_lines_are_returned(tmp_path: Path):
    log = tmp_path / "console.log"
    log.write_text("one\ntwo\nthree\n")
    assert tail(log, 2) == "two\nthree\n"
    assert tail(log, 0) == ""
    assert tail(log, None) == "one\ntwo\nthree\n"


def test_rotated_files_go_before(tmp_path: Path):
    (tmp_path / "console.log").write_text("new\n")
    (tmp_path / "console.log.0").write_text("old\n")
    assert tail(tmp_path / "console.log", None) == "old\nnew\n"


def test_a_long_log_is_cut_at_its_beginning(tmp_path: Path):
    log = tmp_path / "console.log"
    log.write_bytes(b"x" * LONGEST + b"end")
    text = tail(log, None)
    assert len(text) == LONGEST
    assert text.endswith("end")


def test_bytes_that_are_no_text_are_shown_as_such(tmp_path: Path):
    (tmp_path / "console.log").write_bytes(b"\xff\xfelogin:")
    assert tail(tmp_path / "console.log", None).endswith("login:")
