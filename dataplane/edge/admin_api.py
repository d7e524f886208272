"""The admin API: keys and tokens over HTTP, on the admin address only.

1. The path and method are in `OPERATIONS`, else 404 or 405.
2. One bearer token that is valid, else 401; 429 without a record where a source fails too often.
3. Its role may do this, else 403.
4. The body is small strict JSON of the operation's model, else 400, 413 or 415; so is the query.
5. A break-glass token names a reason, and its use is recorded before anything is done.
6. Only then the operation. Answers are never cached; there are no cookies, and no other origin may read them.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson
import uuid_utils
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from dataplane.edge import admin_models as m
from dataplane.edge.admin_access import Actor, AdminProblem, Failures, bearer, permit
from dataplane.edge.admin_openapi import openapi
from dataplane.edge.admin_routes import MAX_LIMIT, OPERATIONS, ROOT, AdminOperation, Asked, Desk
from dataplane.errors import Refused

MAX_BODY_BYTES: Final = 16_384
"""The largest body that makes sense has 32 networks and a line of reason: about 3 kB."""

MAX_REASON_CHARS: Final = 200
REASON_HEADER: Final = "x-regogate-reason"
DOCUMENT: Final = "openapi.json"

LOOKUPS: Final = 4
"""Tokens looked up at once, so that guesses do not take the database from calls."""

_log = logging.getLogger("regogate.admin")

ParseJson = Callable[[bytes], dict[str, Any]]
"""The strict reader; raises `Refused` for what is not one strict JSON object."""


@cache
def _document() -> bytes:
    """Made when it is first asked for: few ever do, and it takes as long as starting the server."""
    return orjson.dumps(openapi())


class AdminApi:
    """An ASGI application for all of `ROOT`."""

    def __init__(self, desk: Desk, *, parse_json: ParseJson, failures: Failures | None = None) -> None:
        self._desk = desk
        self._parse_json = parse_json
        self._failures = failures or Failures()
        self._lookups = asyncio.Semaphore(LOOKUPS)

    def routes(self) -> list[Route]:
        """The route to mount on the admin listener; it takes every method."""
        return [Route(ROOT + "/{rest:path}", endpoint=self)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request whose path behind `ROOT` is the path parameter `rest`."""
        request, request_id = Request(scope, receive), str(uuid_utils.uuid7())
        try:
            status, body, headers = await self._answer(request, request_id)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001  the last line of defence of one request
            status, body, headers = _told(_problem(error), request_id)
        about = {"cache-control": "no-store", "x-request-id": request_id, "x-content-type-options": "nosniff"}
        response = Response(body, status, headers | about, "application/json")
        await response(scope, receive, send)

    async def _answer(self, request: Request, request_id: str) -> tuple[int, bytes, dict[str, str]]:
        rest = request.path_params["rest"]
        if rest == DOCUMENT:
            if request.method != "GET":
                raise _not_allowed(["GET"])
            return 200, _document(), {}
        operation, variables = _find(request.method, f"/{rest}")
        actor = await self._authenticate(request, request_id)
        permit(actor, operation.role)
        query = _query(request, operation)
        body = await self._body(request, operation)
        if actor.role == "break-glass":
            actor = replace(actor, reason=_reason(request, body))
            what = f"{operation.method} {operation.path}"
            _log.warning(
                "break-glass token used",
                extra={"token_id": actor.token_id, "token_name": actor.name, "what": what},
            )
            await self._desk.broke_glass(actor, request_id, what)
        answer = await operation.do(self._desk, Asked(actor=actor, path=variables, query=query, body=body))
        return operation.status, orjson.dumps(answer.model_dump(mode="json")), {}

    async def _authenticate(self, request: Request, request_id: str) -> Actor:
        token = bearer(request.scope["headers"])
        if token is not None:
            async with self._lookups:
                actor = await self._desk.find(token)
            if actor is not None:
                return actor
        source = request.client.host if request.client is not None else ""
        wait_s = self._failures.admit(source)
        if wait_s is not None:
            after = {"retry-after": str(int(wait_s) + 1)}
            raise AdminProblem(429, "too_many_failures", "Too many failed attempts; wait.", headers=after)
        _log.warning("admin authentication failed", extra={"source": source, "request_id": request_id})
        self._desk.failed(request_id)
        raise AdminProblem(
            401,
            "unauthenticated",
            "No valid token; send 'Authorization: Bearer TOKEN' with one of 'regogate admin create-token'.",
            headers={"www-authenticate": "Bearer"},
        )

    async def _body(self, request: Request, operation: AdminOperation) -> BaseModel | None:
        if operation.body is None:
            return None
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise AdminProblem(415, "unsupported_content_type", "Send the body as application/json.")
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > MAX_BODY_BYTES:
                raise AdminProblem(413, "body_too_large", f"A body has {MAX_BODY_BYTES} bytes at most.")
        try:
            return operation.body.model_validate(self._parse_json(bytes(body)))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            at = ".".join(map(str, first["loc"]))
            raise AdminProblem(400, "invalid_field", f"{at}: {first['msg']}", field=at) from None


def _find(method: str, path: str) -> tuple[AdminOperation, Mapping[str, str]]:
    fitting = [(one, found) for one in OPERATIONS if (found := one.match(path)) is not None]
    if not fitting:
        raise AdminProblem(404, "not_found", f"There is no such path; see {ROOT}/{DOCUMENT}.")
    for one, found in fitting:
        if one.method == method:
            return one, found
    raise _not_allowed(sorted({one.method for one, _ in fitting}))


def _not_allowed(methods: list[str]) -> AdminProblem:
    allow = {"allow": ", ".join(methods)}
    return AdminProblem(405, "method_not_allowed", f"This path takes {allow['allow']} only.", headers=allow)


def _query(request: Request, operation: AdminOperation) -> dict[str, str]:
    """The query, where each name is known and stands once. Values of a closed set are checked here."""
    known = {one.name: one.schema for one in operation.query}
    try:
        pairs = (
            parse_qsl(
                request.scope["query_string"].decode("ascii"), keep_blank_values=True, strict_parsing=True
            )
            if request.scope["query_string"]
            else []
        )
    except ValueError:
        raise AdminProblem(400, "invalid_query", "The query is not well-formed.") from None
    found: dict[str, str] = {}
    for name, value in pairs:
        if name not in known or name in found:
            allowed = ", ".join(known) or "none"
            raise AdminProblem(
                400, "invalid_query", f"A query parameter is unknown or repeated (known: {allowed})."
            )
        if "enum" in known[name] and value not in known[name]["enum"]:
            raise AdminProblem(400, "invalid_query", f"{name}: not one of {', '.join(known[name]['enum'])}.")
        if known[name]["type"] == "integer" and not (
            value.isascii() and value.isdigit() and len(value) < 6 and 1 <= int(value) <= MAX_LIMIT
        ):
            raise AdminProblem(400, "invalid_query", f"{name}: not a number from 1 to {MAX_LIMIT}.")
        found[name] = value
    return found


def _reason(request: Request, body: BaseModel | None) -> str:
    """Why glass is broken: the header, else the body's own reason."""
    reason = request.headers.get(REASON_HEADER) or getattr(body, "reason", None)
    if not reason or len(reason) > MAX_REASON_CHARS or not reason.isprintable():
        raise AdminProblem(
            400,
            "reason_required",
            f"A break-glass token gives its reason with each call: header {REASON_HEADER}, "
            f"1 to {MAX_REASON_CHARS} printable characters.",
        )
    return str(reason)


def _problem(error: Exception) -> AdminProblem:
    match error:
        case AdminProblem():
            return error
        case Refused():
            return AdminProblem(error.status, error.code, error.message)
        case _:
            # The text of an unexpected error may quote a secret: its type and place only.
            frames = traceback.format_tb(error.__traceback__)
            _log.error("unexpected error", extra={"error_type": type(error).__name__, "frames": frames})
            return AdminProblem(500, "internal_error", "The gateway failed on this; report the request id.")


def _told(problem: AdminProblem, request_id: str) -> tuple[int, bytes, dict[str, str]]:
    detail = m.ErrorDetail(
        code=problem.code, message=problem.message, request_id=request_id, field=problem.field
    )
    body = m.Error(error=detail).model_dump(mode="json", exclude_none=True)
    return problem.status, orjson.dumps(body), problem.headers
