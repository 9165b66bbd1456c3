import json
import subprocess

from cumulo.runtime.images.disk import Partition, write_disk, write_qcow2


def test_the_partition_table_is_read_by_sfdisk(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(b"A" * (1 << 20))
    second.write_bytes(bytes(2 << 20))
    target = tmp_path / "disk"
    partitions = [Partition(first, 0x0C, bootable=True), Partition(second, 0x83)]
    write_disk(target, partitions, boot_code=b"\xfa", identity=0xDEADBEEF)
    shown = subprocess.run(["sfdisk", "--json", target], capture_output=True, check=True)
    table = json.loads(shown.stdout)["partitiontable"]
    assert table["id"] == "0xdeadbeef"
    assert [(p["start"], p["size"], p["type"]) for p in table["partitions"]] == [
        (2048, 2048, "c"),
        (4096, 4096, "83"),
    ]
    assert table["partitions"][0]["bootable"]
    assert target.read_bytes()[1 << 20 : 2 << 20] == b"A" * (1 << 20)
    assert target.stat().st_size == 4 << 20


def test_qcow2_of_equal_disks_are_equal(tmp_path):
    raw = tmp_path / "raw"
    raw.write_bytes(b"x" * 65536 + bytes(1 << 20))
    for name in ("one", "two"):
        write_qcow2(raw, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
