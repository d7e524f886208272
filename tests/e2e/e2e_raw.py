"""Requests as raw bytes, and the answer as it stands on the wire."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` is 0 where the connection was closed without an answer. `closed` tells whether it was."""

    status: int
    headers: dict[str, str]
    body: bytes
    closed: bool
    took_s: float

    @property
    def error(self) -> dict[str, Any]:
        found = json.loads(self.body)["error"]
        assert isinstance(found, dict)
        return found


def send(port: int, data: bytes, *, within_s: float = 5.0, end: bool = False) -> Answer:
    """Send `data` and read one answer; `end` closes our side behind it. Raises `TimeoutError` on a hang."""
    with socket.create_connection(("127.0.0.1", port), within_s) as connection:
        begun = time.monotonic()
        try:
            connection.sendall(data)
            if end:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # refused before all of it was read: the answer is there all the same
        return read(connection, begun=begun, within_s=within_s)


def read(connection: socket.socket, *, begun: float | None = None, within_s: float = 5.0) -> Answer:
    """One answer: its head, and as much body as it announces, or all until it is closed."""
    begun = time.monotonic() if begun is None else begun
    got, closed = b"", False

    def more() -> bool:
        nonlocal got, closed
        left = begun + within_s - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no whole answer within {within_s} s")
        connection.settimeout(left)
        try:
            piece = connection.recv(65536)
        except ConnectionError:
            piece = b""
        got, closed = got + piece, not piece
        return bool(piece)

    while b"\r\n\r\n" not in got and more():
        pass
    if not got:
        return Answer(0, {}, b"", closed, time.monotonic() - begun)
    head, _, body = got.partition(b"\r\n\r\n")
    line, *fields = head.decode("latin-1").split("\r\n")
    pairs = (field.partition(":") for field in fields)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    length = int(headers["content-length"]) if "content-length" in headers else None
    while (length is None or len(got) < len(head) + 4 + length) and more():
        pass
    body = got[len(head) + 4 :]
    if headers.get("connection") == "close":
        while not closed and more():
            pass
    return Answer(int(line.split()[1]), headers, body[:length], closed, time.monotonic() - begun)


def chat(key: str, body: bytes, *headers: str, path: str = "/v1/chat/completions") -> bytes:
    """A well-formed chat call of `body`."""
    fields = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {key}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join([*fields, "", ""]).encode("latin-1") + body
