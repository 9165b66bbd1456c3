"""`cumulo keys` and `cumulo policy` from the outside, where there is no cloud or nothing to ask."""

import pytest
import yaml

from cumulo.runtime.cli import main

EXPLAIN = ("policy", "explain", "identity:create_user", "--user", "ann")


@pytest.mark.parametrize("command", [("keys", "rotate"), EXPLAIN])
def test_without_a_cloud_they_say_so_and_make_nothing(command, tmp_path, capsys):
    nowhere = tmp_path / "none"
    assert main(["--state", str(nowhere), *command]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("cumulo: ")
    assert "Traceback" not in said.err
    assert not nowhere.exists()


@pytest.mark.parametrize("command", [("keys", "rotate"), EXPLAIN])
def test_a_cloud_that_does_not_answer_is_told_in_a_line(command, tmp_path, capsys, unused_tcp_port):
    auth = {
        "auth_url": f"http://127.0.0.1:{unused_tcp_port}/identity/v3",
        "username": "admin",
        "password": "a planted password",
        "project_name": "admin",
        "user_domain_name": "Default",
        "project_domain_name": "Default",
    }
    (tmp_path / "clouds.yaml").write_text(yaml.safe_dump({"clouds": {"cumulo-admin": {"auth": auth}}}))
    assert main(["--state", str(tmp_path), *command]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "refused" in said.err.lower()
    assert len(said.err.splitlines()) == 1
    assert "planted" not in said.err


@pytest.mark.parametrize(
    ("command", "word"),
    [
        (("keys",), "verb"),
        (("keys", "burn"), "burn"),
        (("policy", "explain"), "rule"),
        (("policy", "explain", "identity:create_user"), "--user"),
        ((*EXPLAIN, "--project", "p", "--system"), "--system"),
        ((*EXPLAIN, "--target", "project_id"), "NAME=VALUE"),
        ((*EXPLAIN, "--target", "=x"), "NAME=VALUE"),
    ],
)
def test_what_cannot_be_asked_is_a_usage_error(command, word, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--state", str(tmp_path), *command])
    assert ended.value.code == 2
    assert word in capsys.readouterr().err
