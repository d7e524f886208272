"""One application on its sockets until told to stop. No signals, no lifespan: those are the process's."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from dataplane.server.connection import Connection
from dataplane.server.exchange import ClientLeft
from dataplane.server.listen import Listen, ListenError, open_sockets
from dataplane.server.stock import App, hypercorn_config
from dataplane.server.tls import Tls, TlsError, TlsFiles

__all__ = ["App", "ClientLeft", "Listen", "ListenError", "Tls", "TlsError", "TlsFiles", "serve"]

logger = logging.getLogger("regogate.server")

CANCEL_S: Final = 0.9
"""What cancelled requests get to end; with `graceful_s` it makes the promise of `serve`."""

Started = Callable[[list[tuple[str, int]]], None]


async def serve(app: App, listen: Listen, *, stop: asyncio.Event, started: Started | None = None) -> None:
    """Serve `app` until `stop` is set, then drain; returns within `graceful_s` + 1 seconds of it.

    1. Sockets are bound before the first await. Raises ListenError (address) or TlsError (files).
    2. `started` is called once with the addresses, in the order of `binds`, when connections are accepted.
    3. TLS files are looked at meanwhile, and loaded when they changed.
    4. On stop: no new connections or requests, idle connections closed, busy ones finished, then cancelled.

    Cancelling it drops everything at once. The application is called with the extensions
    `edge: {"doubt": None | (status, reason), "legible": bool}` and
    `tls: None | {"tls_version": str, "client_cert": bytes | None}`; `http.disconnect` with a doubt means
    that the caller is still owed an answer.
    """
    sockets = open_sockets(listen)
    try:
        listener = _Listener(app, listen)
        await listener.open(sockets)
        if started is not None:
            started([sock.getsockname()[:2] for sock in sockets])
        async with listener.keeping_tls_current():
            await stop.wait()
        await listener.drain()
    finally:
        listener.cut()
        for sock in sockets:
            sock.close()


class _Listener:
    def __init__(self, app: App, listen: Listen) -> None:
        self._app = app
        self._listen = listen
        self._config = hypercorn_config()
        self._servers: list[asyncio.Server] = []
        self._connections: dict[asyncio.Task[None], Connection] = {}
        self._draining = False

    async def open(self, sockets: list[socket.socket]) -> None:
        tls = self._listen.tls
        context = tls and tls.context(h2=self._listen.h2)
        handshake = None if context is None else self._listen.head_timeout_s
        for sock in sockets:
            self._servers.append(
                await asyncio.start_server(
                    self._accept, sock=sock, ssl=context, ssl_handshake_timeout=handshake
                )
            )

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Not a coroutine: asyncio would make the task, and report its cancelling as an error.
        if self._draining:  # its handshake was under way when we stopped
            writer.transport.abort()
            return
        connection = Connection(self._app, self._listen, self._config, reader, writer)
        task = asyncio.get_running_loop().create_task(connection.run())
        self._connections[task] = connection
        task.add_done_callback(self._connections.pop)

    @asynccontextmanager
    async def keeping_tls_current(self) -> AsyncIterator[None]:
        tls = self._listen.tls
        if tls is None:
            yield
            return
        tls.on_trust_changed(self._close_outdated)
        watching = asyncio.create_task(tls.keep_current(), name=f"{self._listen.name} TLS files")
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.wait({watching})

    def _close_outdated(self) -> None:
        for connection in list(self._connections.values()):
            if connection.outdated:
                connection.drain()

    async def drain(self) -> None:
        self._draining = True
        for server in self._servers:
            server.close()
        for connection in list(self._connections.values()):
            connection.drain()
        if self._connections:
            await asyncio.wait(list(self._connections), timeout=self._listen.graceful_s)
        if late := self.cut():
            logger.warning("%s: %d connections cut after the grace period", self._listen.name, len(late))
            _, stuck = await asyncio.wait(late, timeout=CANCEL_S)
            if stuck:
                logger.error("%s: %d requests ignore their cancelling", self._listen.name, len(stuck))

    def cut(self) -> list[asyncio.Task[None]]:
        """Accept nothing more and cancel what is left; returns its tasks, which then end by themselves."""
        self._draining = True
        for server in self._servers:
            server.close()
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        return tasks
