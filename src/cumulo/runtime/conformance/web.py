"""A web server on this machine with one picture, a small disk, for what imports images from the web."""

import contextlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

PICTURE = "picture.qcow2"


class NoWeb(Exception):
    """The web server did not start."""


@contextlib.contextmanager
def web_server() -> Iterator[str]:
    """Give the URL of the picture; the server ends with the context."""
    with tempfile.TemporaryDirectory(prefix="cumulo-web-") as folder:
        picture = Path(folder) / PICTURE
        maker = shutil.which("qemu-img") or "qemu-img"
        subprocess.run([maker, "create", "-q", "-f", "qcow2", str(picture), "8M"], check=True)
        command = [
            sys.executable,
            "-u",
            "-m",
            "http.server",
            "--bind",
            "127.0.0.1",
            "--directory",
            folder,
            "0",
        ]
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as server:
            try:
                said = server.stdout.readline() if server.stdout else ""
                port = re.search(r"port (\d+)", said)
                if port is None:
                    raise NoWeb(said)
                yield f"http://127.0.0.1:{port[1]}/{PICTURE}"
            finally:
                server.terminate()
