"""Refuses an overlong HTTP/2 frame at its header. Sans-IO.

h2 4.4 checks a frame's length only when the whole frame has arrived: a peer may make it hold 16 MiB, and
copy them with every piece that comes (RFC 9113 section 4.2: a FRAME_SIZE_ERROR).
"""

from __future__ import annotations

from typing import Final

MAX_FRAME_BYTES: Final = 1 << 14
"""What we advertise, and the smallest value allowed (SETTINGS_MAX_FRAME_SIZE)."""

_PREFACE: Final = 24
_HEADER: Final = 9


class FrameLengths:
    """Follows the frames of one connection from its preface on."""

    def __init__(self) -> None:
        self._skip = _PREFACE
        self._header = b""

    def overlong(self, data: bytes) -> bool:
        """Take the next bytes received; True where one of the frames in them announces too much."""
        at = 0
        while at < len(data):
            if self._skip:
                step = min(self._skip, len(data) - at)
                self._skip -= step
                at += step
                continue
            piece = data[at : at + _HEADER - len(self._header)]
            self._header += piece
            at += len(piece)
            if len(self._header) == _HEADER:
                length = int.from_bytes(self._header[:3])
                if length > MAX_FRAME_BYTES:
                    return True
                self._skip, self._header = length, b""
        return False
