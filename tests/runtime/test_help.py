"""Every command explains itself with a line and examples that can be typed, and errors say the mend."""

import argparse
import importlib
import subprocess
from pathlib import Path

import pytest

from cumulo.runtime.cli import COMMANDS, EXAMPLES, main, parser_of
from cumulo.runtime.client import refusal
from cumulo.runtime.state import StateFolder

ROOT = Path(__file__).resolve().parents[2]
OURS = sorted(set(COMMANDS) - {"openstack"})


def parser(command: str) -> argparse.ArgumentParser:
    made = parser_of(command, Path("/none"))
    importlib.import_module(f"cumulo.runtime.cli.{command}").arguments(made)
    return made


def verbs(made: argparse.ArgumentParser) -> list[str]:
    """Return the words of which a command wants one first."""
    for action in made._actions:
        if isinstance(action, argparse._SubParsersAction) or action.dest == "verb":
            return list(action.choices or ())
    return []


def test_every_command_has_a_line_and_an_example():
    assert set(EXAMPLES) == set(COMMANDS)
    for command, text in COMMANDS.items():
        assert 10 < len(text) < 100, command
        assert text[0].islower() or text.startswith("OpenStack"), command
        assert not text.endswith("."), command
        assert all(words.split()[0] == command for words in EXAMPLES[command])


@pytest.mark.parametrize("command", OURS)
def test_help_shows_how_it_is_called_the_line_and_the_examples(command, capsys, monkeypatch):
    monkeypatch.setenv("CUMULO_COMMAND", "/opt/cumulo/cumulo")
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert shown.startswith(f"usage: /opt/cumulo/cumulo {command} ")
    assert COMMANDS[command].split("`")[0].strip() in shown
    for words in EXAMPLES[command]:
        assert f"/opt/cumulo/cumulo {words}" in shown


@pytest.mark.parametrize("command", OURS)
def test_every_example_can_be_typed_and_every_verb_has_one(command):
    firsts = set()
    for words in EXAMPLES[command]:
        options = parser(command).parse_args(words.split()[1:])
        firsts.add(getattr(options, "verb", None))
    assert set(verbs(parser(command))) <= firsts


@pytest.mark.parametrize("command", OURS)
def test_every_option_says_what_it_is_for(command):
    for action in parser(command)._actions:
        if action.dest == "verb" or isinstance(action, argparse._HelpAction):
            continue
        assert action.help, f"{command}: {action.dest}"


def test_the_list_comes_with_help_and_without_a_word(capsys):
    assert [main(words) for words in ([], ["help"], ["--help"], ["-h"])] == [2, 0, 0, 0]
    shown = capsys.readouterr().out
    assert shown.count("usage: ./cumulo [--state DIR] COMMAND") == 4
    assert all(shown.count(f"\n  {name} ") == 4 for name in COMMANDS)


def test_the_launcher_lists_the_same_before_anything_is_installed(tmp_path):
    """A checkout without an environment: help installs nothing and needs no Python."""
    there = tmp_path / "src/cumulo/runtime/cli"
    there.mkdir(parents=True)
    (there / "__init__.py").write_bytes((ROOT / "src/cumulo/runtime/cli/__init__.py").read_bytes())
    launcher = tmp_path / "cumulo"
    launcher.write_bytes((ROOT / "cumulo").read_bytes())
    launcher.chmod(0o755)
    done = subprocess.run([launcher, "--help"], check=True, capture_output=True, text=True)
    assert f"usage: {launcher} " in done.stdout
    listed = {line.split(maxsplit=1)[0]: line.split(maxsplit=1)[1] for line in done.stdout.splitlines()[2:-2]}
    assert listed == COMMANDS
    assert subprocess.run([launcher], check=False, capture_output=True).returncode == 2
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["stauts"], "did you mean `./cumulo status`?"),
        (["frobnicate"], "`./cumulo help` lists all"),
        (["--state=/none", "openstack"], "run by the launcher"),
        (["operations"], "`./cumulo --state {none} up`"),
        (["audit", "--since", "yesterday"], "`./cumulo --state {none} up`"),
        (["host", "list"], "`./cumulo --state {none} up`"),
        (["logs"], "no log of server"),
        (["restore", "/none/x.backup"], "/none/x.backup: No such file or directory"),
        (["backup"], "name its folder with --state"),
    ],
)
def test_errors_are_a_line_with_the_mend(words, said, tmp_path, capsys):
    none = tmp_path / "none"
    state = ["--state", str(none)] if words[0][0] != "-" else []
    assert main([*state, *words]) in (1, 2)
    told = capsys.readouterr()
    assert said.format(none=none) in told.err
    assert len(told.err.splitlines()) == 1
    assert "Traceback" not in told.err
    assert not none.exists()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.write_text("x"), "is a file: name a folder"),
        (lambda path: (path.mkdir(), (path / "thesis").touch()), "holds other things"),
    ],
)
def test_a_wrong_state_folder_is_told(make, said, tmp_path, capsys):
    folder = tmp_path / "folder"
    make(folder)
    assert main(["up", "--state", str(folder)]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["logs", "--lines", "many"], ["up", "--fast"], ["host", "burn"], ["restore"], ["bench", "luck"]]
)
def test_unknown_options_and_bad_values_are_usage_errors_that_name_them(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith(f"usage: ./cumulo {words[0]}")
    assert words[-1] in told.splitlines()[-1] or "FILE" in told.splitlines()[-1]


def test_what_nobody_expected_is_a_line_and_its_traceback_is_in_a_log(tmp_path, capsys, monkeypatch):
    state = StateFolder(tmp_path)
    state.logs.mkdir()

    def fail(_options):
        raise ZeroDivisionError("by design")

    monkeypatch.setattr("cumulo.runtime.cli.status.run", fail)
    assert main(["status", "--state", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert told.startswith("cumulo: ZeroDivisionError: by design (unexpected: ")
    log = state.logs / "commands.log"
    assert str(log) in told
    assert "Traceback" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "content",
    [
        b'{"error": {"code": 404, "message": "No such thing."}}',
        b'{"errors": [{"message": "No such thing."}]}',
    ],
)
def test_a_refusal_is_told_in_its_own_words(content):
    assert str(refusal("GET", "/x?y=1", 404, content)) == "No such thing. (404 of GET /x)"
    assert str(refusal("GET", "/x", 502, b"<html>")) == "<html> (502 of GET /x)"
