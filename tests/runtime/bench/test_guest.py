import subprocess

from cumulo.runtime.bench.guest import DISKS, KINDS, compared, script

VOLUME = "0b9cd3e8-5a4f-4f6e-9df1-1f7f6f3a0a11"


def test_what_the_guest_runs_is_shell_and_knows_its_disks():
    text = script(VOLUME)
    subprocess.run(["sh", "-n"], input=text.encode(), check=True, capture_output=True)
    assert f"$(disk {VOLUME[:18]})" in text
    assert not {"ROUNDS", "WORK", "VOLUME"} & set(text.split())


def test_each_disk_does_each_kind_of_work_in_turn():
    given = 'volume=/dev/v chain=/dev/c file=/dev/f order="volume chain file"'
    line = next(line for line in script(VOLUME).splitlines() if "JOBS=" in line)
    done = subprocess.run(
        ["sh"], input=f"{given}\n{line}\necho $JOBS\n", capture_output=True, text=True, check=True
    )
    words = done.stdout.split()
    named = [word.removeprefix("--name=") for word in words if word.startswith("--name=")]
    assert named == [f"{disk}-{number}" for number in range(len(KINDS)) for disk in DISKS]
    assert words.count("--filename=/dev/v") == words.count("--filename=/dev/c") == len(KINDS)


def test_the_best_rounds_of_each_count():
    lines = ["measured;volume-9;1;1", "fio: something else"]
    for number in range(len(KINDS)):
        lines += [f"measured;volume-{number};{rate};0" for rate in (100, 600, 1000, 400, 1, 2, 3, 4)]
        lines += [f"measured;chain-{number};0;{rate}" for rate in (1000, 10, 20)]
        lines += [f"measured;file-{number};1600;0"]
    figures = list(compared("\r\n".join(lines)))
    assert [figure.value for figure in figures] == [1.25, 2.0] * len(KINDS)
    assert [figure.is_met for figure in figures] == [False, None] * len(KINDS)
