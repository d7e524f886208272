"""A provider that costs next to nothing: every request gets the same chat completion.

Run as `python -m bench.mock`: prints its port, ends when its standard input does.
"""

from __future__ import annotations

import asyncio
from typing import cast

import httptools

from bench.exchange import ANSWER
from bench.processes import until_parent_ends


class _Provider(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._transport.write(ANSWER)


async def main() -> None:
    """Serve on a free port of loopback."""
    server = await asyncio.get_running_loop().create_server(_Provider, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await until_parent_ends()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
