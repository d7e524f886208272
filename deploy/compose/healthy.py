"""Exit 0 where a server answers 200, for health checks in an image without other tools.

python healthy.py http://127.0.0.1:8081/readyz
python healthy.py unix:/run/opa/opa.sock:/health?bundles
"""

import http.client
import socket
import sys
from urllib.parse import urlsplit

TIMEOUT_S = 4


class _Unix(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(self._path)


def status(target: str) -> int:
    """The status that `target` answers to GET. Raises `OSError` or `http.client.HTTPException`."""
    if target.startswith("unix:"):
        _, path, query = target.split(":", 2)
        connection: http.client.HTTPConnection = _Unix(path)
    else:
        parts = urlsplit(target)
        query = parts.path or "/"
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", query)
        return connection.getresponse().status
    finally:
        connection.close()


if __name__ == "__main__":
    try:
        answered = status(sys.argv[1])
    except (OSError, http.client.HTTPException) as error:
        sys.exit(f"{sys.argv[1]}: {type(error).__name__}")
    sys.exit(0 if answered == 200 else f"{sys.argv[1]}: {answered}")
