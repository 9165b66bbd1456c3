import subprocess

from cumulo.runtime.images.tree import Directory, Tree, newc


def sample() -> Tree:
    tree = Tree()
    tree.file("b/program", "#!/bin/sh\n", 0o755)
    tree.file("a", b"abc")
    tree.link("b/link", "program")
    tree.folder("tmp", 0o1777)
    return tree


def test_parents_come_before_what_is_in_them_and_order_is_fixed():
    assert [path for path, _ in sample()] == ["a", "b", "b/link", "b/program", "tmp"]


def test_a_parent_that_came_by_itself_can_be_given_a_mode():
    tree = sample()
    tree.folder("b", 0o700)
    assert dict(tree)["b"] == Directory(0o700)
    assert "b/program" in tree


def test_the_archive_is_read_by_cpio(tmp_path):
    listing = subprocess.run(["cpio", "-tv"], input=newc(sample()), capture_output=True, check=True)
    lines = listing.stdout.decode().splitlines()
    assert [line.split()[0] for line in lines] == [
        "-rw-r--r--",
        "drwxr-xr-x",
        "lrwxrwxrwx",
        "-rwxr-xr-x",
        "drwxrwxrwt",
    ]
    assert lines[2].endswith("b/link -> program")
    extracted = tmp_path / "out"
    extracted.mkdir()
    subprocess.run(
        ["cpio", "-id", "--quiet"], input=newc(sample()), cwd=extracted, check=True, capture_output=True
    )
    assert (extracted / "b/link").read_text() == "#!/bin/sh\n"


def test_equal_trees_give_equal_archives_whatever_the_order_of_adding():
    other = Tree()
    other.folder("tmp", 0o1777)
    other.link("b/link", "program")
    other.file("a", b"abc")
    other.file("b/program", "#!/bin/sh\n", 0o755)
    assert newc(other) == newc(sample())
