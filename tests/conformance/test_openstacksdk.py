"""The unmodified openstacksdk against a real port: what scripts and Ansible do, with a fake hypervisor."""

from collections.abc import Iterator

import openstack
import pytest
from openstack import exceptions
from openstack.connection import Connection

from cumulo.runtime.scratch import scratch_cloud

pytestmark = [pytest.mark.e2e, pytest.mark.filterwarnings("ignore")]  # the SDK warns of itself
SETTINGS = '[engines]\nstart = false\n[node]\nhypervisor = "fake"\n'


@pytest.fixture(scope="module")
def clouds_file() -> Iterator[str]:
    with scratch_cloud("sdk", SETTINGS) as state:
        yield str(state.path / "clouds.yaml")


@pytest.fixture(scope="module")
def admin(clouds_file: str) -> Iterator[Connection]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OS_CLIENT_CONFIG_FILE", clouds_file)
        connection = openstack.connect(cloud="cumulo-admin", load_envvars=True)
        yield connection
        connection.close()


@pytest.fixture(scope="module")
def member(clouds_file: str) -> Iterator[Connection]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OS_CLIENT_CONFIG_FILE", clouds_file)
        connection = openstack.connect(cloud="cumulo", load_envvars=True)
        yield connection
        connection.close()


def test_every_service_is_found_through_the_catalog(member: Connection):
    for kind in ("identity", "image", "network", "compute", "placement"):
        assert member.endpoint_for(kind), kind
    assert member.compute.get_endpoint_data().max_microversion > (2, 90)


def test_an_image_comes_back_as_it_was_uploaded(member: Connection):
    data = bytes(range(256)) * 4096
    image = member.image.create_image("bytes", data=data, disk_format="raw", container_format="bare")
    assert member.image.get_image(image.id).status == "active"
    assert member.image.download_image(image.id).content == data
    member.image.delete_image(image.id)
    with pytest.raises(exceptions.NotFoundException):
        member.image.get_image(image.id)


def test_a_server_lives_and_dies(admin: Connection, member: Connection):
    image = member.image.create_image("disk", data=bytes(1 << 20), disk_format="raw", container_format="bare")
    flavor = admin.compute.create_flavor(name="sdk", ram=64, vcpus=1, disk=1)
    network = member.network.create_network(name="sdk")
    member.network.create_subnet(network_id=network.id, ip_version=4, cidr="10.20.0.0/24")
    server = member.compute.create_server(
        name="sdk", image_id=image.id, flavor_id=flavor.id, networks=[{"uuid": network.id}]
    )
    server = member.compute.wait_for_server(server, wait=30, interval=1)
    assert server.addresses["sdk"][0]["addr"].startswith("10.20.0.")
    assert [each.id for each in member.compute.servers(name="sdk")] == [server.id]
    member.compute.stop_server(server)
    member.compute.wait_for_server(server, status="SHUTOFF", wait=30, interval=1)
    member.compute.delete_server(server)
    member.compute.wait_for_delete(server, wait=30, interval=1)
    assert list(member.network.ports(network_id=network.id, device_owner="compute:nova")) == []
    member.network.delete_network(network)


def test_an_ordinary_user_administers_nothing(member: Connection):
    with pytest.raises(exceptions.ForbiddenException):
        member.identity.create_user(name="mallory", password="mallory")
    with pytest.raises(exceptions.ForbiddenException):
        member.compute.create_flavor(name="mine", ram=64, vcpus=1, disk=1)


def test_a_list_is_paged_through_to_its_end(member: Connection):
    for number in range(5):
        member.network.create_network(name=f"page-{number}")
    names = [
        each.name for each in member.network.networks(limit=2, name=None) if each.name.startswith("page-")
    ]
    assert sorted(names) == [f"page-{number}" for number in range(5)]
    for each in member.network.networks():
        if each.name.startswith("page-"):
            member.network.delete_network(each)
