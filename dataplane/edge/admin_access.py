"""Who may use the admin API, and for what."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from dataplane.domain import AdminRole
from dataplane.errors import RegoGateError

RANKS: Final[dict[AdminRole, int]] = {"viewer": 0, "operator": 1, "admin": 2, "break-glass": 3}
"""A role may do what those below it may. What only break-glass may do, nothing needs: it is for when nobody
with another role is there."""

FAILURES: Final = 10
WINDOW_S: Final = 60.0
"""Failed authentications of one source in a minute; further ones get 429 and no record. A valid token is
taken all the same, so that nobody is locked out by somebody else's guesses."""

MAX_SOURCES: Final = 1024


class AdminProblem(RegoGateError):
    """What the caller of the admin API is told: `status`, `code` for programs, `message` for people."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        field: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.headers = headers or {}
        super().__init__(f"{status} {code}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """The token of a call. `expires` is RFC 3339; `reason` is why break glass is used, else None."""

    token_id: str
    name: str
    role: AdminRole
    expires: str
    reason: str | None = None


def permit(actor: Actor, least: AdminRole) -> None:
    """Raises `AdminProblem` (403) where the actor's role is below `least`."""
    if RANKS[actor.role] < RANKS[least]:
        raise AdminProblem(
            403, "insufficient_role", f"The role {actor.role} may not do this; it needs {least}."
        )


def bearer(headers: list[tuple[bytes, bytes]]) -> str | None:
    """The one bearer token of a request; None without, with two, or with another scheme."""
    found = [value for name, value in headers if name == b"authorization"]
    if len(found) != 1:
        return None
    scheme, _, token = found[0].decode("latin-1").partition(" ")
    return token.strip(" ") if scheme.lower() == "bearer" else None


class Failures:
    """Failed authentications by source, bounded in number and in memory."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sources: OrderedDict[str, deque[float]] = OrderedDict()

    def admit(self, source: str) -> float | None:
        """Count a failure. None while the source is within its rate, else seconds until it is again."""
        now = self._clock()
        times = self._sources.setdefault(source, deque(maxlen=FAILURES))
        self._sources.move_to_end(source)
        if len(self._sources) > MAX_SOURCES:
            self._sources.popitem(last=False)
        if len(times) == FAILURES and now - times[0] < WINDOW_S:
            return WINDOW_S - (now - times[0])
        times.append(now)
        return None
