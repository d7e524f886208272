"""What remains without a gateway: the same server room, the same HTTP client, and nothing between.

Run as `python -m bench.passthrough URL`: prints its port, ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from multidict import CIMultiDict

from bench.processes import until_parent_ends
from dataplane.server.listen import Listen
from dataplane.server.serve import serve
from dataplane.upstream.transport import Transport, UpstreamSpec

_MAX_BODY_BYTES = 10_000_000


async def main(upstream: str) -> None:
    """Serve on a free port of loopback, passing every call on to `upstream`."""
    transport = Transport(UpstreamSpec(name="mock", base_url=upstream))
    await transport.start()
    headers = CIMultiDict({"content-type": "application/json"})

    async def app(
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        pieces = []
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            pieces.append(message["body"])
            more = message["more_body"]
        path = scope["raw_path"].decode().removeprefix("/v1")
        response = await transport.send(scope["method"], path, headers, b"".join(pieces))
        body = await response.read()
        answer = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": response.status, "headers": answer})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    stop = asyncio.Event()
    listen = Listen(name="bench", binds=("127.0.0.1:0",), max_body_bytes=_MAX_BODY_BYTES, graceful_s=1)
    serving = asyncio.create_task(
        serve(app, listen, stop=stop, started=lambda bound: print(bound[0][1], flush=True))
    )
    await until_parent_ends()
    stop.set()
    await serving
    await transport.close()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(sys.argv[1]))
