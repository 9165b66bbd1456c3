"""A web server on this machine with one picture, a small disk, for what imports images from the web."""

import contextlib
import functools
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PICTURE = "picture.qcow2"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def web_server() -> Iterator[str]:
    """Give the URL of the picture; the server ends with the context."""
    with tempfile.TemporaryDirectory(prefix="cumulo-web-") as folder:
        picture = Path(folder) / PICTURE
        maker = shutil.which("qemu-img") or "qemu-img"
        subprocess.run([maker, "create", "-q", "-f", "qcow2", str(picture), "8M"], check=True)
        handler = functools.partial(_Quiet, directory=folder)
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_address[1]}/{PICTURE}"
            finally:
                server.shutdown()
                thread.join()
