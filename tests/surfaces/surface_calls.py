"""What every test of this room starts from: heads, bodies, states, and a call read from them."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from dataplane.domain import CallState, Decision, Forward, Head, Verdict
from dataplane.ports import Call, Unit
from dataplane.surfaces.openai_surface import OpenAISurface

SURFACE = OpenAISurface()
JSON_TYPE = ((b"content-type", b"application/json"),)
REQUEST_ID = "01900000-0000-7000-8000-000000000001"


def head(
    method: str = "POST",
    path: str = "/v1/chat/completions",
    *,
    query: str = "",
    headers: tuple[tuple[bytes, bytes], ...] = JSON_TYPE,
) -> Head:
    return Head(
        request_id=REQUEST_ID,
        method=method,
        path=path,
        query=query,
        headers=headers,
        http_version="1.1",
        peer_ip="127.0.0.1",
    )


def chat(**fields: Any) -> dict[str, Any]:
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}], **fields}


def function(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for piece in data:
        yield piece


async def _read(request: Head, data: tuple[bytes, ...]) -> tuple[Call, list[Unit]]:
    operation = SURFACE.match(request.method, request.path)
    assert operation is not None
    call = await SURFACE.read(request, operation, pieces(*data))
    return call, [unit async for unit in call.units()]


def read_call(request: Head, *data: bytes) -> tuple[Call, Unit]:
    call, units = asyncio.run(_read(request, data))
    (unit,) = units
    return call, unit


def read_chat(body: dict[str, Any] | bytes, request: Head | None = None) -> Unit:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_call(request or head(), data)[1]


def forward(unit: Unit) -> Forward:
    sent = unit.forward()
    assert sent is not None
    return sent


def sent_body(unit: Unit) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(forward(unit).body)
    return body


def decision(**fields: Any) -> Decision:
    given: dict[str, Any] = {
        "verdict": Verdict.ALLOW,
        "reasons": ("request.grant.tier",),
        "revision": "7-gabc1234-0123456789ab",
        "opa_version": "1.22.0",
        "input": b"{}",
        "result": b"{}",
        "latency_us": 1,
        **fields,
    }
    return Decision(**given)


def state(*, decided: bool = False) -> CallState:
    call = CallState(head=head())
    if decided:
        call.decision = decision()
    return call
