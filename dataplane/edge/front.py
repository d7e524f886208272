"""The public application: pure ASGI around the pipeline, with its own liveness."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import uuid_utils
from starlette.responses import JSONResponse, PlainTextResponse, Response

from dataplane.domain import CallState
from dataplane.edge.client import AsgiClient, Receive, Send
from dataplane.edge.guard import judge, read_head
from dataplane.errors import Refused
from dataplane.pipeline import Pipeline

_HEALTH: Final = frozenset((b"/livez", b"/readyz"))
_REASON_BY_STATUS: Final = {413: "gateway.body_too_large", 431: "gateway.headers_too_large"}

Probe = Callable[[], list[str]]


def refusal_of(doubt: tuple[int, str], sentences: Mapping[str, str]) -> Refused:
    """The framing filter's doubt (status, code) as a refusal; `sentences` explains each code."""
    status, code = doubt
    reason = _REASON_BY_STATUS.get(status, "gateway.framing")
    return Refused(reason, sentences.get(code), code=None if status in _REASON_BY_STATUS else code)


class Front:
    """Everything that arrives on the public address."""

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        problems: Probe,
        max_body_bytes: int,
        body_timeout_s: float,
        doubt_sentences: Mapping[str, str],
        done: Sequence[Callable[[CallState], None]],
    ) -> None:
        self._pipeline = pipeline
        self._problems = problems
        self._max_body_bytes = max_body_bytes
        self._body_timeout_s = body_timeout_s
        self._doubt_sentences = doubt_sentences
        self._done = done

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                edge = scope["extensions"]["edge"]
                if (
                    edge["doubt"] is None
                    and scope["raw_path"] in _HEALTH
                    and scope["method"] in ("GET", "HEAD")
                ):
                    response = self._health(scope["raw_path"])
                    await response(scope, receive, send)  # type: ignore[arg-type]  # Starlette's own aliases
                else:
                    await self._call(scope, receive, send, edge)
            case "websocket":
                await send({"type": "websocket.close", "code": 1008})
            case _:
                pass

    def _health(self, path: bytes) -> Response:
        if path == b"/livez":
            return PlainTextResponse("ok\n")
        # Why it is not ready names the inside of the house: that is told on the admin address only.
        ready = not self._problems()
        return JSONResponse({"ready": ready}, status_code=200 if ready else 503)

    async def _call(self, scope: dict[str, Any], receive: Receive, send: Send, edge: dict[str, Any]) -> None:
        head = read_head(scope, str(uuid_utils.uuid7()))
        state = CallState(head=head)

        def doubt() -> Refused | None:
            found = edge["doubt"]
            return None if found is None else refusal_of(found, self._doubt_sentences)

        client = AsgiClient(
            receive,
            send,
            max_body_bytes=self._max_body_bytes,
            body_timeout_s=self._body_timeout_s,
            doubt=doubt,
        )
        try:
            await self._pipeline.handle(state, client, doubt() or judge(head))
        except asyncio.CancelledError:
            task = asyncio.current_task()
            # What our own watcher cancelled, the server need not hear of; but it may have cancelled, too.
            if task is None or not client.cancelled or task.uncancel() > 0:
                raise
        finally:
            client.done()
            for told in self._done:
                told(state)
