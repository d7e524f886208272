"""What an answer's head becomes on its way out, whoever wrote it and however."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dataplane.server.exchange import Exchange

Fields = list[tuple[bytes, bytes]]


class FakeLink:
    """A connection that is there, and ends with this answer or does not."""

    left = False
    tls = None
    send_timeout_s = None

    def __init__(self, *, closing: bool) -> None:
        self.closing = closing

    def cork(self) -> None:
        pass

    async def uncork(self) -> None:
        pass

    async def give_up(self, exchange: Exchange) -> None:
        raise AssertionError("nobody waits")

    def abort(self) -> None:
        raise AssertionError("nothing fails")


def answered(headers: Fields, *, closing: bool = False, body: bytes = b"ok") -> tuple[Fields, bool]:
    """The head passed on, and whether the answer counted as whole after `body` and before its end."""
    passed: list[dict[str, Any]] = []
    whole: list[bool] = []

    async def pass_on(message: dict[str, Any] | None) -> None:
        if message is not None:
            passed.append(message)

    exchange = Exchange(FakeLink(closing=closing), None, legible=True)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": True})
        whole.append(exchange.answered)

    asyncio.run(exchange.run(app, {"method": "GET", "extensions": {}}, pass_on))
    return passed[0]["headers"], whole[0]


@pytest.mark.parametrize("name", [b"content-length", b"Content-Length", b"CONTENT-LENGTH"])
@pytest.mark.parametrize(("length", "whole"), [(b"2", True), (b"3", False)])
def test_an_answer_is_whole_by_its_length_however_that_is_written(
    name: bytes, length: bytes, whole: bool
) -> None:
    given = [(b"x-a", b"b"), (name, length)]
    assert answered(given) == (given, whole)


def test_a_name_as_long_as_the_ones_looked_for_is_not_one_of_them() -> None:
    given = [(b"x" * len(b"content-length"), b"2"), (b"x" * len(b"connection"), b"close")]
    assert answered(given) == (given, False)
    assert answered(given, closing=True) == ([*given, (b"connection", b"close")], False)


@pytest.mark.parametrize("name", [b"connection", b"Connection"])
def test_a_closing_connection_says_so_once_and_leaves_the_applications_own_list_alone(name: bytes) -> None:
    plain = [(b"x-a", b"b")]
    assert answered(plain, closing=True)[0] == [(b"x-a", b"b"), (b"connection", b"close")]
    assert plain == [(b"x-a", b"b")]
    assert answered([(name, b"close")], closing=True)[0] == [(name, b"close")]
