"""The embedded model as a provider: offline, deterministic, and able to fail on demand."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncGenerator, Iterable
from typing import Final

from dataplane.demo import wire
from dataplane.demo.answer import answer
from dataplane.demo.ask import Ask, BadRequest, read
from dataplane.domain import Forward, UpstreamReply
from dataplane.errors import Refused
from dataplane.ports import UpstreamFailed

_ERROR_MODEL: Final = re.compile(r"demo-error-([45][0-9]{2})")
_MODEL: Final = re.compile(r"demo(?:-(?!error(?:-|$)).+)?")

_SLOW_PIECE_S: Final = 0.1
"""Between two pieces of `demo-slow`: ten tokens a second can be watched."""

_JSON: Final = ("content-type", "application/json")
_EVENT_STREAM: Final = ("content-type", "text/event-stream; charset=utf-8")
_RETRY_AFTER: Final = ("retry-after", "1")


class DemoModel:
    """A `ports.Upstream` without network, with the `name`, `models` and life of a provider.

    | model | does |
    |---|---|
    | `demo` and every other `demo-*` | answers; the same request gives the same bytes |
    | `demo-slow` | the same, a tenth of a second before each piece of a stream (twice in a whole answer) |
    | `demo-broken` | breaks off halfway |
    | `demo-error-STATUS` | an error with that status, 400 to 599; 429 and 503 say to retry in 1 s |

    Any other model is 404 `model_not_found`, any path but `/chat/completions` 404 `unknown_url`.
    """

    def __init__(self, name: str = "demo", models: tuple[str, ...] = ("*",)) -> None:
        self.name = name
        self.models = models

    async def start(self) -> None:
        """Nothing to make ready."""

    async def close(self) -> None:
        """Nothing to drop."""

    def problems(self) -> list[str]:
        """Always empty."""
        return []

    async def send(self, forward: Forward) -> UpstreamReply:
        """As the port promises; a status of 401 or 403 is `gateway.upstream_auth_failed`."""
        if (forward.method, forward.path) != ("POST", "/chat/completions"):
            return self._error(404, "The demo model has no such endpoint.", "unknown_url")
        try:
            ask = read(forward.body)
        except BadRequest as bad:
            return self._error(400, bad.message, None, bad.param)
        if (error := _ERROR_MODEL.fullmatch(ask.model)) is not None:
            return self._asked_for(int(error[1]))
        if _MODEL.fullmatch(ask.model) is None:
            return self._error(404, "The demo model serves demo and demo-* only.", "model_not_found", "model")
        said, digest = answer(ask), wire.digest(forward.body)
        if ask.stream:
            return self._reply(200, (_EVENT_STREAM,), self._pieces(ask, wire.chunks(ask, said, digest)))
        whole = wire.completion(ask, said, digest)
        half = len(whole) // 2
        return self._reply(200, (_JSON,), self._pieces(ask, (whole[:half], whole[half:])))

    async def _pieces(self, ask: Ask, pieces: Iterable[bytes]) -> AsyncGenerator[bytes, None]:
        if ask.model == "demo-broken":
            pieces = list(pieces)
            pieces = pieces[: len(pieces) // 2]
        for piece in pieces:
            # Even without a delay others run in between, as they would with a provider on a wire.
            await asyncio.sleep(_SLOW_PIECE_S if ask.model == "demo-slow" else 0)
            yield piece
        if ask.model == "demo-broken":
            raise UpstreamFailed(Refused("gateway.upstream_invalid"), provider=self.name, status=200)

    def _asked_for(self, status: int) -> UpstreamReply:
        if status in (401, 403):
            raise UpstreamFailed(Refused("gateway.upstream_auth_failed"), provider=self.name, status=status)
        code = "rate_limit_exceeded" if status == 429 else "demo_error"
        message = f"The demo model answers {status} because its name says so."
        extra = (_RETRY_AFTER,) if status in (429, 503) else ()
        return self._error(status, message, code, extra=extra)

    def _error(
        self,
        status: int,
        message: str,
        code: str | None,
        param: str | None = None,
        extra: tuple[tuple[str, str], ...] = (),
    ) -> UpstreamReply:
        body = wire.error(status, message, code, param)
        return self._reply(status, (_JSON, *extra), _once(body))

    def _reply(
        self,
        status: int,
        headers: tuple[tuple[str, str], ...],
        body: AsyncGenerator[bytes, None],
    ) -> UpstreamReply:
        # Records keep this id, so unlike the others it is not made from the body: a plain digest of a
        # short prompt could be guessed back.
        request_id = f"req_demo{uuid.uuid4().hex}"
        return UpstreamReply(
            provider=self.name, status=status, headers=headers, body=body, request_id=request_id
        )


async def _once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body
