"""The framing filter: bytes of one HTTP/1 connection in, bytes that h11 reads in one way only out.

Sans-IO. It stands in front of h11, which forgives what two parsers may read differently: bare LF, folded
lines, both lengths, trailers and more (RFC 9112 sections 2.2, 5.2, 6 and 11.2 on request smuggling).
The outcome depends on the bytes alone, never on how the network split them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import Final, Literal

from dataplane.server.doubts import DOUBTS, Doubt, Meaning
from dataplane.server.fields import (
    MAX_FIELDS,
    MAX_HEAD_BYTES,
    METHOD,
    TARGET,
    body_length,
    check_once,
    legible,
)

__all__ = ["DOUBTS", "MAX_CHUNK_EXTENSION", "Doubt", "Framing", "Meaning", "Piece"]

MAX_CHUNK_EXTENSION: Final = 64
"""Bytes of one chunk's extension, its ';' included; nobody we know of uses them."""

_MAX_SIZE_DIGITS: Final = 8
_SIZE_LINE_WINDOW: Final = _MAX_SIZE_DIGITS + MAX_CHUNK_EXTENSION + 2
_CRLF: Final = b"\r\n"

_BREACH = re.compile(rb"(?<!\r)\n|\r(?=[^\n])|\0")
_LEGIBLE = re.compile(rb"(%b) (%b) HTTP/[0-9]\.[0-9](?=[\r\n])" % (METHOD, TARGET))
_REQUEST_LINE = re.compile(rb"(%b) %b HTTP/([0-9]\.[0-9])" % (METHOD, TARGET))
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~\x80-\xff]*)")
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,8})((?:;[\t -~\x80-\xff]*)?)")
_LONG_EXTENSION = re.compile(rb"[0-9A-Fa-f]{1,8};")

# Ignored rather than refused: common clients offer h2c with every request.
_DROPPED: Final = frozenset({b"upgrade", b"http2-settings"})

Piece = tuple[Literal["head", "body"], bytes]


class _State(Enum):
    HEAD = auto()
    LENGTH = auto()  # a body of known length
    SIZE = auto()  # a chunk's size line
    DATA = auto()  # a chunk's bytes
    DATA_END = auto()  # the CRLF behind them
    LAST = auto()  # the CRLF behind the last chunk


class Framing:
    """Judges the bytes of one connection, request after request.

    `feed` yields at most the rest of one request; bytes of the next one stay unjudged until it is called
    again. Once it raised `Doubt`, the object must not be fed any more.
    """

    def __init__(self, max_body_bytes: int) -> None:
        self._max_body = max_body_bytes
        self._state = _State.HEAD
        self._buffer = bytearray()
        self._scanned = 0  # bytes of the head already searched
        self._left = 0  # bytes missing in this body or chunk
        self._total = 0  # bytes of this chunked body announced so far

    @property
    def between(self) -> bool:
        """True from the end of one request until the next one's head is complete."""
        return self._state is _State.HEAD

    @property
    def pending(self) -> bool:
        """Whether bytes wait that belong to a head not yet complete."""
        return self.between and bool(self._buffer)

    @property
    def request_line(self) -> tuple[bytes, bytes] | None:
        """Method and target of the head being read, where they can be shown as they are. For refusals."""
        line = _LEGIBLE.match(bytes(self._buffer[:MAX_HEAD_BYTES]))
        return (line[1], line[2]) if line and legible(line[1], line[2]) else None

    def feed(self, data: bytes) -> Iterator[Piece]:
        """Yield what h11 may see: ("head", one whole head) once, then ("body", bytes) until the request ends.

        A body comes as h11 needs it: plain for Content-Length, else in chunks of our own making. Iterate
        to the end before feeding again. Raises `Doubt`; pieces before it are good.
        """
        self._buffer += data
        if self._state is _State.HEAD:
            if (head := self._take_head()) is None:
                return
            yield "head", head
            if self._state is _State.HEAD:
                return
        if self._state is _State.LENGTH:
            if self._buffer:
                piece = self._take()
                if self._left == 0:
                    self._state = _State.HEAD
                yield "body", piece
            return
        yield from self._chunks()

    def _take(self) -> bytes:
        piece = bytes(self._buffer[: self._left])
        del self._buffer[: self._left]
        self._left -= len(piece)
        return piece

    def _take_head(self) -> bytes | None:
        buffer = self._buffer
        end = buffer.find(b"\r\n\r\n", max(0, self._scanned - 3), MAX_HEAD_BYTES)
        window = min(len(buffer), MAX_HEAD_BYTES) if end < 0 else end + 4
        whole = end >= 0 and self._scanned == 0
        # The look-behind needs a byte before the first new one, the look-ahead may wait for the one after.
        if not (whole and _lines_end(buffer, window)) and (
            breach := _BREACH.search(buffer, max(0, self._scanned - 1), window)
        ):
            raise Doubt.of({b"\n": "bare_lf", b"\r": "bare_cr"}.get(breach[0], "nul"))
        self._scanned = window
        if end < 0:
            if len(buffer) > MAX_HEAD_BYTES:
                raise Doubt.of("head_too_large")
            return None
        head = self._judge_head(bytes(buffer[:end]))
        del buffer[: end + 4]
        self._scanned = 0
        return head

    def _judge_head(self, head: bytes) -> bytes:
        first, *lines = head.split(_CRLF)
        request = _REQUEST_LINE.fullmatch(first)
        if request is None:
            raise Doubt.of("bad_request_line")
        if request[1] == b"CONNECT":
            raise Doubt.of("unsupported_method")
        if (version := request[2]) not in (b"1.0", b"1.1"):
            raise Doubt.of("unsupported_http_version")
        if len(lines) > MAX_FIELDS:
            raise Doubt.of("too_many_headers")
        kept, fields = [first], []
        for line in lines:
            field = _FIELD.fullmatch(line)
            if field is None:
                raise Doubt.of("obs_fold" if line[:1] in (b" ", b"\t") else "bad_header")
            name = field[1].lower()
            fields.append((name, field[2].strip(b" \t")))
            if name not in _DROPPED:
                kept.append(line)
        self._begin_body(fields, version)
        return _CRLF.join([*kept, b"", b""])

    def _begin_body(self, fields: list[tuple[bytes, bytes]], version: bytes) -> None:
        check_once(name for name, _ in fields)
        only = dict(fields)
        if version == b"1.1" and b"host" not in only:
            raise Doubt.of("missing_host")
        length, encoding = only.get(b"content-length"), only.get(b"transfer-encoding")
        if encoding is not None:
            if length is not None:
                raise Doubt.of("content_length_and_transfer_encoding")
            if encoding.lower() != b"chunked" or version == b"1.0":
                raise Doubt.of("bad_transfer_encoding")
            self._state, self._total = _State.SIZE, 0
        elif length is not None and (left := body_length(length, self._max_body)):
            self._state, self._left = _State.LENGTH, left

    def _chunks(self) -> Iterator[Piece]:
        # Chunks are joined and framed anew: h11 never sees an extension, and many tiny ones cost it little.
        body, doubt = bytearray(), None
        try:
            while self._step(body):
                pass
        except Doubt as raised:
            doubt = raised
        if body:
            yield "body", b"%x\r\n%b\r\n" % (len(body), bytes(body))
        if doubt is not None:
            raise doubt
        if self._state is _State.HEAD:
            yield "body", b"0\r\n\r\n"

    def _step(self, body: bytearray) -> bool:
        """Read one element of a chunked body; False where more bytes are needed or the body is at its end."""
        buffer = self._buffer
        match self._state:
            case _State.SIZE:
                if (size := self._size()) is None:
                    return False
                self._left = size
                self._state = _State.DATA if size else _State.LAST
            case _State.DATA:
                if not buffer:
                    return False
                body += self._take()
                if self._left == 0:
                    self._state = _State.DATA_END
            case _State.DATA_END | _State.LAST:
                if buffer[:1] == b"\n":
                    raise Doubt.of("bare_lf")
                if not _CRLF.startswith(bytes(buffer[:2])):
                    raise Doubt.of("trailers" if self._state is _State.LAST else "bad_chunk")
                if len(buffer) < len(_CRLF):
                    return False
                del buffer[:2]
                self._state = _State.SIZE if self._state is _State.DATA_END else _State.HEAD
            case _State.HEAD | _State.LENGTH:
                return False
        return True

    def _size(self) -> int | None:
        buffer = self._buffer
        end = buffer.find(b"\n", 0, _SIZE_LINE_WINDOW)
        if end < 0:
            if len(buffer) < _SIZE_LINE_WINDOW:
                return None
            raise Doubt.of("chunk_extension_too_large" if _LONG_EXTENSION.match(buffer) else "bad_chunk")
        if buffer[end - 1 : end] != b"\r":
            raise Doubt.of("bare_lf")
        line = _SIZE_LINE.fullmatch(buffer, 0, end - 1)
        if line is None:
            raise Doubt.of("bad_chunk")
        if len(line[2]) > MAX_CHUNK_EXTENSION:
            raise Doubt.of("chunk_extension_too_large")
        size = int(line[1], 16)
        self._total += size
        if self._total > self._max_body:
            raise Doubt.of("body_too_large")
        del buffer[: end + 1]
        return size


def _lines_end(buffer: bytearray, window: int) -> bool:
    """Whether `_BREACH` finds nothing in a head that is here whole; it takes ten times as long to say so."""
    pairs = buffer.count(_CRLF, 0, window)
    return (
        pairs == buffer.count(b"\n", 0, window) == buffer.count(b"\r", 0, window)
        and buffer.find(b"\0", 0, window) < 0
    )
