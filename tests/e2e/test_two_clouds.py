"""Two clouds on one machine: each with a state folder and a port of its own, neither in the other's way."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cumulo.testing import leftovers
from cumulo.testing.launched import CommandRefused, LaunchedCloud
from cumulo.testing.residence import Residence


@pytest.fixture(scope="module")
def clouds(make_cloud: Callable[..., LaunchedCloud]) -> tuple[LaunchedCloud, LaunchedCloud]:
    first, second = make_cloud(), make_cloud()
    first.up()
    second.up()
    return first, second


def test_two_clouds_run_side_by_side(clouds: tuple[LaunchedCloud, LaunchedCloud], tmp_path: Path):
    homes = []
    for number, cloud in enumerate(clouds):
        folder = tmp_path / str(number)
        folder.mkdir()
        home = Residence(cloud, cloud.user("erin"), folder)
        home.network("home", "10.14.0.0/24", router="door")
        home.boot("guest", "home")
        homes.append(home)
    first, second = homes
    assert first.servers["guest"].address != second.servers["guest"].address
    assert first.servers["guest"].boot_id != second.servers["guest"].boot_id
    with pytest.raises(CommandRefused):
        type(first.user)(clouds[1], "erin", first.user.environment["OS_PASSWORD"], "erin")("token", "issue")

    clouds[0].kill()
    clouds[0].reset()
    assert not any(name.startswith(f"cu{clouds[0].state.instance}") for name in leftovers.links())
    assert second.servers["guest"].answers()
    assert [server["Name"] for server in second.user.json("server", "list")] == ["guest"]
