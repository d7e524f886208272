"""Serving in the background of a task that does other things: start now, learn the address, stop later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from dataplane.server.listen import Listen
from dataplane.server.serve import App, serve


@asynccontextmanager
async def listening(
    app: App, listen: Listen, *, failed: Callable[[BaseException], None]
) -> AsyncIterator[str]:
    """Serve `app` while the block runs; gives the URL of the first address, then drains.

    Raises what `serve` raises before it accepts connections; `failed` is called once if it ends with
    an error later.
    """
    stop = asyncio.Event()
    bound: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    scheme = "http" if listen.tls is None else "https"

    def started(addresses: list[tuple[str, int]]) -> None:
        host, port = addresses[0]
        if not bound.done():  # cancelled: whoever was to serve has gone meanwhile
            bound.set_result(f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}")

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            failed(error)

    task = asyncio.create_task(serve(app, listen, stop=stop, started=started), name=f"{listen.name} listener")
    try:
        both: set[asyncio.Future[Any]] = {task, bound}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not bound.done():
            task.result()
        task.add_done_callback(ended)
        yield bound.result()
    finally:
        bound.cancel()
        stop.set()
        await asyncio.wait({task})
