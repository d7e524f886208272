"""Where to listen and within which limits; and the sockets for it."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from typing import Final

from dataplane.errors import ConfigError
from dataplane.server.tls import Tls

BACKLOG: Final = 1024
"""Connections the kernel may hold for us; it caps this at net.core.somaxconn."""


class ListenError(ConfigError):
    """An address cannot be listened on; the message names it and says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """One listener: its addresses ("HOST:PORT", "[::1]:PORT"; port 0 takes a free one) and its limits.

    `head_timeout_s`: from a head's first byte (or from connecting) to its last, also the TLS handshake.
    `write_timeout_s`: how long a peer may take nothing at all. `keep_alive_s`: idle between requests.
    `graceful_s`: what requests being answered get when told to stop. `h2`: offer HTTP/2, over TLS only.
    `shared`: other processes of this user may listen on the same addresses; each has a queue of its own, and
    Linux spreads new connections over those that listen (SO_REUSEPORT, socket(7)).
    """

    name: str
    binds: tuple[str, ...]
    max_body_bytes: int
    shared: bool = False
    tls: Tls | None = None
    h2: bool = True
    head_timeout_s: float = 30
    write_timeout_s: float = 60
    keep_alive_s: float = 75
    graceful_s: float = 10


def open_sockets(listen: Listen) -> list[socket.socket]:
    """Bind and listen on every address, or none. A name takes its first address, IPv4 before IPv6.

    Raises ListenError. Blocks, for resolving names.
    """
    sockets: list[socket.socket] = []
    try:
        for bind in listen.binds:
            sockets.append(_open(listen.name, bind, shared=listen.shared))
    except BaseException:
        for opened in sockets:
            opened.close()
        raise
    return sockets


class Reserved:
    """One address held for processes that will listen on it as `shared`, and for nobody else's user.

    It accepts no connection itself. `bind` is the address with the port that was taken where 0 was asked for.
    Raises ListenError where anyone listens there already, which sharing alone would not tell.
    """

    def __init__(self, name: str, bind: str) -> None:
        _open(name, bind, shared=False).close()
        self._socket = _open(name, bind, shared=True, listening=False)
        host, _, _ = bind.rpartition(":")
        self.bind = f"{host}:{self._socket.getsockname()[1]}"

    def close(self) -> None:
        """Let go of the address."""
        self._socket.close()


def _open(name: str, bind: str, *, shared: bool, listening: bool = True) -> socket.socket:
    host, colon, port = bind.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdigit() and int(port) < 1 << 16):
        raise ListenError(f"{name}: {bind!r} is not an address; write HOST:PORT, such as 127.0.0.1:8080.")
    try:
        found = socket.getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except socket.gaierror as error:
        raise ListenError(f"{name}: the host of {bind} does not resolve; check its spelling.") from error
    family, kind, protocol, _, address = min(found, key=lambda info: info[0] != socket.AF_INET)
    opened = socket.socket(family, kind, protocol)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if family == socket.AF_INET6:
            # An IPv4 caller must not appear as ::ffff:a.b.c.d, which no network table would match.
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if shared:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        opened.bind(address)
        if listening:
            # Listening now: two sockets may bind the same address as long as neither listens.
            opened.listen(BACKLOG)
        opened.setblocking(False)
    except OSError as error:
        opened.close()
        raise ListenError(f"{name}: {_advice(bind, error)}") from error
    return opened


def _advice(bind: str, error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"{bind} is already in use; stop the process that has it, or choose another port."
        case errno.EACCES:
            return f"{bind} may not be bound by this user; choose a port above 1023, or grant the right to."
        case errno.EADDRNOTAVAIL:
            return f"{bind} is not an address of this machine; bind 127.0.0.1, 0.0.0.0 or one it has."
        case _:
            return f"{bind} cannot be listened on: {error.strerror}."
