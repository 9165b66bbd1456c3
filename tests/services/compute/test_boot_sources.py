"""Servers that boot from a volume, of requests that name an image, too."""

import pytest
from tests.services.compute.fakes import IMAGE, ComputeCloud, image, show
from tests.services.compute.test_volumes import booted, mapping
from tests.services.compute.volumes import SNAPSHOT


@pytest.mark.parametrize("source", ["volume", "snapshot"])
async def test_an_image_that_is_named_beside_what_to_boot_from_speaks_for_it(
    cloud: ComputeCloud, source: str
):
    cloud.images.images[IMAGE] = image(IMAGE, properties={"hw_disk_bus": "sata"})
    uuid = cloud.volumes.add(bootable=False) if source == "volume" else SNAPSHOT
    server_id = await booted(
        cloud, cloud.member("p1"), imageRef=IMAGE, block_device_mapping_v2=[mapping(source, uuid)]
    )
    spec = cloud.hosts["h1"].guests_by_id[server_id].spec
    assert (spec.root, [disk.bus for disk in spec.volumes]) == (None, ["sata"])
    assert (await show(cloud.member("p1"), server_id))["image"] == ""
