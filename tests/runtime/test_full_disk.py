"""A cloud on a disk that fills up, which only the test sees: clear refusals, nothing spoilt."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.engines, pytest.mark.xdist_group("server")]
STORY = Path(__file__).with_name("full_disk.py")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What the story says of itself."""
    folder = tmp_path_factory.mktemp("full")
    command = ["unshare", "--mount", sys.executable, str(STORY), str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_reading_goes_on_and_writing_is_refused_as_unavailable(told):
    assert told["read while full"] == 200
    assert told["first written while full"] == 503
    assert told["written while full"] == [503] * 5


def test_the_log_says_that_the_disk_is_full(told):
    assert "disk is full" in told["log"]


def test_no_process_ended_though_not_even_its_log_could_be_written(told):
    assert told["restarts"] == 0


def test_the_doctor_says_it_with_the_mend(told):
    assert "full: 0 MiB free" in told["doctor"]
    assert "du -xh" in told["doctor"]
    assert "damaged" not in told["doctor of the stopped"]


def test_a_backup_is_refused_and_leaves_nothing(told):
    assert "no room for it" in told["backup"]
    assert told["left of the backup"] == []


def test_all_goes_on_by_itself_when_there_is_room_again(told):
    assert told["written afterwards"] == [201] * 3
    assert told["projects"] == ["after-0", "after-1", "after-2", "before"]
    assert told["integrity"] == "ok"


def test_a_start_on_a_full_disk_says_why(told):
    assert "no space left on the disk" in told["up while full"]
