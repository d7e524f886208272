"""OPA's output lines, made into records of the logger `regogate.opa`.

Only named fields pass (an allow-list): bodies, parameters and headers of requests never do, whatever
a later OPA calls them. What a policy prints is withheld too, because it may be any part of the input.
"""

from __future__ import annotations

import json
import logging
from collections import deque
from typing import Any, Final

LOGGER: Final = logging.getLogger("regogate.opa")

MAX_LINE_BYTES: Final = 65536
"""A longer line is dropped; real ones are below 2 KB (a compile error names file and line)."""
MAX_VALUE_CHARS: Final = 2000
_KEPT_ERRORS: Final = 5

_FIELDS: Final = ("plugin", "name", "err", "addrs", "duration")
_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
    "panic": logging.CRITICAL,
}


class LogRelay:
    """Takes bytes as they come out of the pipe and logs each line; fields become `opa_<name>`.

    `secrets` are masked wherever they stand. `last_errors` has the newest lines at level error or
    without a level, for error messages.
    """

    def __init__(self, *, secrets: tuple[str, ...] = (), logger: logging.Logger = LOGGER) -> None:
        self._logger = logger
        self._secrets = secrets
        self._pending = bytearray()
        self._skipping = False
        self._errors: deque[str] = deque(maxlen=_KEPT_ERRORS)
        self.stopping = False
        """Set when its end was asked for: what it then says of cut connections is logged at debug."""

    @property
    def last_errors(self) -> list[str]:
        return list(self._errors)

    def feed(self, data: bytes) -> None:
        """Never raises; a line beyond `MAX_LINE_BYTES` is replaced by a note of its loss."""
        *lines, rest = data.split(b"\n")
        for line in lines:
            whole = bytes(self._pending) + line
            self._pending.clear()
            if self._skipping or len(whole) > MAX_LINE_BYTES:
                self._skipping = False
                self._logger.warning("a line of OPA's output was too long and was dropped")
            else:
                self._line(whole)
        if not self._skipping:
            self._pending += rest
            if len(self._pending) > MAX_LINE_BYTES:
                self._pending.clear()
                self._skipping = True

    def close(self) -> None:
        """Logs what came without a newline at the end; the relay can be fed again afterwards."""
        if self._pending or self._skipping:
            self.feed(b"\n")

    def _line(self, raw: bytes) -> None:
        text = raw.decode("utf-8", "replace").strip()
        if not text:
            return
        try:
            entry = json.loads(text)
        except (ValueError, RecursionError):
            entry = None
        if isinstance(entry, dict):
            self._entry(entry)
        else:
            self._errors.append(self._clean(text))
            self._logger.warning("%s", self._clean(text))

    def _entry(self, entry: dict[str, Any]) -> None:
        level = _LEVELS.get(str(entry.get("level")), logging.WARNING)
        # Only print() of a policy adds the place it was called from.
        withheld = "line" in entry
        message = "a policy printed something (withheld)" if withheld else self._clean(entry.get("msg", ""))
        fields = {f"opa_{name}": self._clean(entry[name]) for name in _FIELDS if name in entry}
        if level >= logging.ERROR:
            cause = fields.get("opa_err")
            self._errors.append(f"{message} {cause}" if cause else message)
        self._logger.log(logging.DEBUG if self.stopping else level, "%s", message, extra=fields)

    def _clean(self, value: object) -> str:
        text = value if isinstance(value, str) else json.dumps(value)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return "".join(c if c.isprintable() else " " for c in text[:MAX_VALUE_CHARS])
