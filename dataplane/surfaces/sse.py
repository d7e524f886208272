"""Server-sent events, split out of a stream of bytes that may be cut anywhere.

Follows the WHATWG HTML standard, section 9.2.6: lines end in LF, CR or CRLF, a blank line ends an
event, `:` begins a comment, a byte order mark may open the stream. Each event keeps the bytes it came
in, so that one that needs no change is relayed as it was: all `raw` joined are the stream.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from dataplane.errors import Refused
from dataplane.ports import UpstreamFailed

MAX_EVENT_BYTES: Final = 1_048_576
"""Largest event held, in bytes: far above a chunk with 20 log-probabilities for each of 128 choices."""

_BOM: Final = b"\xef\xbb\xbf"
_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
# Atomic groups: a CRLF must not be read as two line ends.
_EVENT_END: Final = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_LOOK_BACK: Final = 3
"""Bytes of an event's end that may lie before a cut: `CR LF CR` of `CR LF CR LF`."""


class Event(NamedTuple):
    """`raw` is the event with its end; `data` its joined data lines, None where it has none."""

    raw: bytes
    data: bytes | None
    name: bytes | None = None


class EventSplitter:
    """One stream's splitter. Any way of cutting the stream gives the same data and the same bytes."""

    __slots__ = ("_held", "_opened", "_scanned", "_skip_lf")

    def __init__(self) -> None:
        self._held = bytearray()
        self._scanned = 0
        self._opened = False
        self._skip_lf = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes.

        Raises `UpstreamFailed` (`gateway.upstream_invalid`) for an event over `MAX_EVENT_BYTES`.
        """
        events: list[Event] = []
        if self._skip_lf and data:
            self._skip_lf = False
            if data.startswith(b"\n"):
                # The second half of a CRLF whose CR has already ended an event.
                events.append(Event(b"\n", None))
                data = data[1:]
        if self._held:
            self._held += data
            data = bytes(self._held) if self._ends_in(self._held) else b""
            if not data:
                self._scanned = len(self._held)
                self._bound(self._scanned)
                return events
            self._held.clear()
            self._scanned = 0
        start = 0
        plain = b"\r" not in data
        while start < len(data):
            end = _end_of_event(data, start, plain)
            if end < 0:
                self._held += memoryview(data)[start:]
                self._scanned = len(self._held)
                self._bound(self._scanned)
                return events
            self._bound(end - start)
            events.append(self._event(data[start:end]))
            start = end
        self._skip_lf = bool(events) and data.endswith(b"\r")
        return events

    def end(self) -> Event | None:
        """The event that the stream ended in without a blank line, completed by one; None if none."""
        if not self._held:
            return None
        raw = bytes(self._held)
        self._held.clear()
        return self._event(raw + b"\n\n")

    def _ends_in(self, held: bytearray) -> bool:
        return _EVENT_END.search(held, max(0, self._scanned - _LOOK_BACK)) is not None

    def _event(self, raw: bytes) -> Event:
        text = raw
        if not self._opened:
            self._opened = True
            text = raw.removeprefix(_BOM)
        if (
            text.startswith(b"data: ")
            and text.endswith(b"\n\n")
            and text.count(b"\n") == 2
            and b"\r" not in text
        ):
            return Event(raw, text[6:-2])
        lines: list[bytes] = []
        name = None
        for line in _LINE_END.split(text):
            key, _, value = line.partition(b":")
            if key == b"data":
                lines.append(value.removeprefix(b" "))
            elif key == b"event":
                name = value.removeprefix(b" ")
        return Event(raw, b"\n".join(lines) if lines else None, name)

    @staticmethod
    def _bound(size: int) -> None:
        if size > MAX_EVENT_BYTES:
            raise UpstreamFailed(
                Refused("gateway.upstream_invalid", "The provider sent an event too large to read.")
            )


def with_data(event: Event, data: bytes) -> bytes:
    """The event with other data of one line; its other fields stay."""
    rest = [
        line
        for line in _LINE_END.split(event.raw.removeprefix(_BOM))
        if line and line.partition(b":")[0] != b"data"
    ]
    return b"".join([line + b"\n" for line in rest]) + b"data: " + data + b"\n\n"


def _end_of_event(data: bytes, start: int, plain: bool) -> int:
    """Where the event that begins at `start` ends, or -1; `plain` data has no CR."""
    if plain:
        end = data.find(b"\n\n", start)
        return end if end < 0 else end + 2
    found = _EVENT_END.search(data, start)
    return -1 if found is None else found.end()
