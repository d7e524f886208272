"""The admin application: health with reasons, OPA's status posts, metrics. Bound to a private address.

What changes the gateway's mind (OPA's status) needs a bearer token made at start; what only tells is
open to whoever can reach the address.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import orjson
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from dataplane.edge.front import Probe

MAX_STATUS_BYTES: Final = 4 << 20
"""OPA's posts measured 59 kB, nearly all of it metrics; many bundles or metrics stay far below."""


class Candidates(Protocol):
    """The policies that run beside the active one, each with an OPA that asks here for its bundle."""

    def bundle(self, trial_id: str) -> bytes | None:
        """The signed bundle of a trial; None where none of that name runs."""
        ...

    def observe(self, trial_id: str, status: Any) -> None:
        """Its OPA's status document."""
        ...


class NoCandidates:
    """A gateway that runs none."""

    def bundle(self, trial_id: str) -> bytes | None:
        """See `Candidates.bundle`."""
        return None

    def observe(self, trial_id: str, status: Any) -> None:
        """See `Candidates.observe`."""


def admin_app(
    *,
    problems: Probe,
    details: Callable[[], dict[str, Any]],
    metrics: Callable[[], bytes],
    on_status: Callable[[Any], None],
    status_token: str,
    candidates: Candidates = NoCandidates(),  # noqa: B008  it has no state
    routes: Sequence[BaseRoute] = (),
) -> Starlette:
    """The application; `routes` are the channel server's. `on_status` gets each status document of the
    active OPA, `candidates` those of the others."""

    async def livez(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        reasons = problems()
        body = {"ready": not reasons, "reasons": reasons, **details()}
        return JSONResponse(body, status_code=503 if reasons else 200)

    async def show_metrics(_: Request) -> Response:
        return Response(metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")

    def is_opa(request: Request) -> bool:
        expected = f"Bearer {status_token}".encode()
        return hmac.compare_digest(request.headers.get("authorization", "").encode(), expected)

    async def give_bundle(request: Request) -> Response:
        if not is_opa(request):
            return JSONResponse({"error": "this address gives bundles to our OPA only"}, status_code=401)
        content = candidates.bundle(request.path_params["trial"])
        if content is None:
            return Response(status_code=404)
        etag = f'"{request.path_params["trial"]}"'  # the bundle of a trial never changes
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"etag": etag})
        return Response(content, media_type="application/gzip", headers={"etag": etag})

    async def take_status(request: Request) -> Response:
        if not is_opa(request):
            return JSONResponse(
                {"error": "this address takes OPA's status with its token only"}, status_code=401
            )
        body = bytearray()
        try:
            async for piece in request.stream():
                body += piece
                if len(body) > MAX_STATUS_BYTES:
                    return JSONResponse({"error": "status too large"}, status_code=413)
            document = orjson.loads(body)
            if (trial := request.path_params.get("trial")) is not None:
                candidates.observe(trial, document)
            else:
                on_status(document)
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
            Route("/candidates/{trial}/bundle", give_bundle),
            Route("/candidates/{trial}/status/{partition}", take_status, methods=["POST"]),
            *routes,
        ]
    )
