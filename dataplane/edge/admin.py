"""The admin application: health with reasons, OPA's status posts, metrics. Bound to a private address.

What changes the gateway's mind (OPA's status) needs a bearer token made at start; what only tells is
open to whoever can reach the address.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from typing import Any, Final

import orjson
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from dataplane.edge.front import Probe

MAX_STATUS_BYTES: Final = 4 << 20
"""OPA's posts measured 59 kB, nearly all of it metrics; many bundles or metrics stay far below."""


def admin_app(
    *,
    problems: Probe,
    details: Callable[[], dict[str, Any]],
    metrics: Callable[[], bytes],
    on_status: Callable[[Any], None],
    status_token: str,
    routes: Sequence[BaseRoute] = (),
) -> Starlette:
    """The application; `routes` are the channel server's. `on_status` gets each status document."""

    async def livez(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        reasons = problems()
        body = {"ready": not reasons, "reasons": reasons, **details()}
        return JSONResponse(body, status_code=503 if reasons else 200)

    async def show_metrics(_: Request) -> Response:
        return Response(metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def take_status(request: Request) -> Response:
        expected = f"Bearer {status_token}".encode()
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), expected):
            return JSONResponse(
                {"error": "this address takes OPA's status with its token only"}, status_code=401
            )
        body = bytearray()
        try:
            async for piece in request.stream():
                body += piece
                if len(body) > MAX_STATUS_BYTES:
                    return JSONResponse({"error": "status too large"}, status_code=413)
            on_status(orjson.loads(body))
        except ClientDisconnect:
            return Response(status_code=400)
        except orjson.JSONDecodeError:
            return JSONResponse({"error": "status is not JSON"}, status_code=400)
        return Response(status_code=204)

    return Starlette(
        routes=[
            Route("/livez", livez),
            Route("/readyz", readyz),
            Route("/metrics", show_metrics),
            Route("/status/{partition}", take_status, methods=["POST"]),
            Route("/status", take_status, methods=["POST"]),
            *routes,
        ]
    )
