"""Asks a running OPA for decisions, exactly as a gateway asks: the same entry points, strict built-ins.

Single questions go through opa-python-client. Many go in lists (`batches`) over a ring of plain connections:
measured ten times the rate of a general client, and the answers' bytes are kept as OPA wrote them, so that
they can be compared with the stored ones byte for byte.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from itertools import chain
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import urlsplit

import httptools
import orjson
from opa_client.opa import OpaClient

from dataplane.authoring.batches import (
    BATCH,
    NotSplit,
    batches,
    question,
    rule,
    rule_target,
    split,
    target,
)
from dataplane.errors import RegoGateError

T = TypeVar("T")

CONNECTIONS: Final = 8
"""Questions under way at once; more gave no more decisions a second on 2 cores."""
TIMEOUT_S: Final = 30.0
"""For one answer. A decision takes less than a millisecond, a trace of one some 20."""
MAX_ANSWER_BYTES: Final = 64 << 20
"""Far above any decision and any trace."""

_READ_BYTES: Final = 65536
_STRICT: Final = "strict-builtin-errors"
"""What the gateway asks with: without it a failing built-in makes a rule silent, and the decision another."""


class EvaluationFailed(RegoGateError):
    """OPA does not answer as OPA, or does not take the question; the message never holds the input."""


class Undecided(RegoGateError):
    """The policy gives no decision on the input: it is undefined, or fails. A gateway blocks then."""


class Evaluator:
    """Decisions of the OPA at `url` (`http://HOST:PORT`, as `TemporaryOpa` has it). A context manager.

    Proxies of the environment are not used: questions hold facts of calls.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._client = _Client(host=self._host, port=self._port, retries=0, timeout=TIMEOUT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection of single questions; it opens again when one is asked."""
        self._client.close_connection()

    def decide(self, stage: str, facts: Mapping[str, Any]) -> dict[str, Any]:
        """The decision document of a stage for the input `facts`.

        Raises `Undecided` where there is none, `EvaluationFailed` where OPA cannot be asked.
        """
        result = self.ask(f"regogate.{stage}", "decision", facts).get("result")
        if not isinstance(result, dict):
            raise Undecided(
                f"the policy gives no decision at the stage {stage}: it is undefined for this input"
            )
        return result

    def ask(self, package: str, rule: str | None, facts: Mapping[str, Any], **flags: str) -> dict[str, Any]:
        """OPA's whole answer on one rule, or on a package where `rule` is None; `flags` go into the query
        (`explain="full"`). Raises as `decide` does."""
        try:
            answer = self._client.query_rule(dict(facts), package, rule, {_STRICT: "true", **flags})
        except OSError as error:  # of which requests' own errors are
            said = _said(getattr(error, "response", None))
            if said is not None:
                raise Undecided(f"the policy fails on this input: {said}") from None
            raise EvaluationFailed(f"OPA cannot be asked: {type(error).__name__}") from None
        if not isinstance(answer, dict):
            raise EvaluationFailed("OPA's answer is not an object")
        return answer

    def decide_with(
        self, stage: str, facts: Mapping[str, Any], tables: Mapping[tuple[str, ...], Any]
    ) -> dict[str, Any] | None:
        """The decision as if the tables had these values at these places; None where there would be none.

        A place is a table's name and keys. OPA evaluates such questions with lenient built-ins only, so a
        value that makes one fail (a network that is none) would make its rule silent: put in no such.
        """
        # What was worked out from the tables as they are must not answer for others.
        mocks = " with data.regogate.prepared as false" + "".join(
            f" with data.regogate{''.join(f'[{_json(name)}]' for name in place)} as {_json(value)}"
            for place, value in tables.items()
        )
        try:
            answer = self._client.ad_hoc_query(f"x := data.regogate.{stage}.decision{mocks}", dict(facts))
        except OSError as error:
            if getattr(error, "response", None) is not None:
                return None
            raise EvaluationFailed(f"OPA cannot be asked: {type(error).__name__}") from None
        rows = answer.get("result") or [{}]
        found = rows[0].get("x")
        return found if isinstance(found, dict) else None

    def decide_many(
        self,
        stage: str,
        inputs: Iterable[bytes],
        *,
        connections: int = CONNECTIONS,
        batch: int = BATCH,
    ) -> Iterator[bytes | None]:
        """For each input (JSON text) the bytes of the decision, in order; None where there is none.

        None stands for undefined and for a policy that fails on the input alike: a gateway blocks both.
        Inputs are put in lists of `batch` (see batches.py; 1: one by one) and taken as they are needed, some
        `connections` lists ahead of what was given out. Raises `EvaluationFailed` for an input that is not
        one JSON value, or an OPA that went away.
        """
        with ExitStack() as stack:
            lines = _Lines(lambda: _Line(stack.enter_context(self._connect())))
            first, rest = _peek(batches(inputs, batch))
            if len(first) > 1 and self._takes_lists(stage, lines):
                ask = partial(_list_question, stage)
                for texts, answer in _ring(lines, rest, connections, ask):
                    yield from self._settled(stage, lines, texts, answer)
            else:
                one_by_one = (text for texts in rest for text in texts)
                ring = _ring(lines, one_by_one, connections, partial(_single_question, stage))
                yield from (_decision(answer) for _, answer in ring)

    def _takes_lists(self, stage: str, lines: _Lines) -> bool:
        """Have OPA take the rule that answers lists; a bundle that owns every root does not let it."""
        if not stage.isidentifier():
            return False
        status, _ = lines.ask(_request("PUT", rule_target(stage), "text/plain", rule(stage)))
        return status == 200

    def _settled(
        self, stage: str, lines: _Lines, texts: list[bytes], answer: tuple[int, bytes]
    ) -> Iterator[bytes | None]:
        """The decisions of a list; where one of its inputs fails, those of its halves."""
        status, body = answer
        if status == 200:
            try:
                yield from split(body, len(texts))
            except NotSplit as error:
                raise EvaluationFailed(f"{error}: is every input one JSON value?") from None
        elif len(texts) == 1:
            yield _decision(lines.ask(_single_question(stage, texts[0])))
        else:
            middle = len(texts) // 2
            for half in (texts[:middle], texts[middle:]):
                yield from self._settled(stage, lines, half, lines.ask(_list_question(stage, half)))

    def _connect(self) -> socket.socket:
        try:
            connection = socket.create_connection((self._host, self._port), TIMEOUT_S)
        except OSError as error:
            raise EvaluationFailed(f"OPA cannot be reached: {error.strerror or error}") from None
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


class _Client(OpaClient):  # type: ignore[misc]  # the package has no types
    def _init_session(self) -> Any:
        session = super()._init_session()
        session.trust_env = False
        return session


class _Line:
    """A kept-alive connection with at most one question under way."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._parser: Any = None
        self._parts: list[bytes] = []
        self._size = 0
        self._whole = False

    def send(self, request: bytes) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._parts, self._size, self._whole = [], 0, False
        try:
            self._socket.sendall(request)
        except OSError as error:
            raise EvaluationFailed(f"OPA went away: {error.strerror or error}") from None

    def receive(self) -> tuple[int, bytes]:
        while not self._whole:
            try:
                data = self._socket.recv(_READ_BYTES)
                self._parser.feed_data(data)
            except (OSError, httptools.HttpParserError) as error:
                raise EvaluationFailed(f"OPA went away: {error}") from None
            if not data or self._size > MAX_ANSWER_BYTES:
                raise EvaluationFailed("OPA went away, or its answer has no end")
        return self._parser.get_status_code(), b"".join(self._parts)

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        self._parts.append(body)

    def on_message_complete(self) -> None:
        self._whole = True


class _Lines:
    """Idle connections; opened when there is none."""

    def __init__(self, opened: Callable[[], _Line]) -> None:
        self._opened = opened
        self._idle: deque[_Line] = deque()

    def take(self) -> _Line:
        return self._idle.popleft() if self._idle else self._opened()

    def give(self, line: _Line) -> None:
        self._idle.append(line)

    def ask(self, request: bytes) -> tuple[int, bytes]:
        line = self.take()
        line.send(request)
        answer = line.receive()
        self.give(line)
        return answer


def _ring(
    lines: _Lines, asked: Iterable[T], connections: int, request: Callable[[T], bytes]
) -> Iterator[tuple[T, tuple[int, bytes]]]:
    """What was asked with OPA's answers, in order, up to `connections` questions under way at once."""
    busy: deque[tuple[T, _Line]] = deque()

    def oldest() -> tuple[T, tuple[int, bytes]]:
        one, line = busy.popleft()
        answer = line.receive()
        lines.give(line)
        return one, answer

    for one in asked:
        if len(busy) == connections:
            yield oldest()
        line = lines.take()
        line.send(request(one))
        busy.append((one, line))
    while busy:
        yield oldest()


def _peek(lists: Iterator[list[bytes]]) -> tuple[list[bytes], Iterator[list[bytes]]]:
    first = next(lists, [])
    return first, chain([first] if first else [], lists)


def _request(method: str, path: str, kind: str, body: bytes) -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: opa\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}"
    return b"%b\r\n\r\n%b" % (head.encode(), body)


def _single_question(stage: str, text: bytes) -> bytes:
    path = f"/v1/data/regogate/{stage}/decision?{_STRICT}=true"
    return _request("POST", path, "application/json", b'{"input":%b}' % text)


def _list_question(stage: str, texts: list[bytes]) -> bytes:
    return _request("POST", f"{target(stage)}?{_STRICT}=true", "application/json", question(texts))


_SEAM: Final = b'{"result":'


def _decision(answer: tuple[int, bytes]) -> bytes | None:
    status, body = answer
    if status == 500:
        return None
    if status != 200:
        raise EvaluationFailed(f"OPA does not take the input (status {status}): is it JSON?")
    body = body.rstrip()
    if body.startswith(_SEAM):  # nothing comes behind the result unless it was asked for
        return body[len(_SEAM) : -1]
    if body == b"{}":
        return None
    raise EvaluationFailed("OPA's answer is not one to a question with an input")


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _said(response: Any) -> str | None:
    """The messages of OPA's error document, None where the answer is none of OPA's."""
    try:
        found = orjson.loads(response.content)
        details = [str(one["message"]) for one in found.get("errors", ())]
        return "; ".join(details) or str(found["message"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
