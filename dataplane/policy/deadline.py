"""A deadline for somebody else's answer, which our own being busy does not count against.

While this process does other work, an answer may wait unread in a socket. A plain timer fires before
the loop looks at its sockets and would throw that answer away: under load one slow turn of the loop
would then refuse every call that is asking. So a deadline that is due lets the loop turn first.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final, Self

TURNS: Final = 4
"""Of the loop, once due: to the next look at the sockets, past it, past the tasks it woke, and past those
that these woke."""


class PatientTimeout:
    """Raise `TimeoutError` like `asyncio.timeout`, unless what is awaited is there already; a plain `with`.

    As there, a cancellation by anybody else passes as it is. Not built on `asyncio.timeout`, because every
    call has a deadline, and that costs three times as much.
    """

    __slots__ = ("_cancelling", "_due", "_over", "_seconds", "_task", "_timer")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._over = self._due = False

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("a deadline is for what a task awaits")
        self._task = task
        self._cancelling = task.cancelling()
        self._timer = loop.call_later(self._seconds, self._expire, TURNS)
        return self

    def _expire(self, turns: int) -> None:
        if self._over:
            return
        if turns:
            asyncio.get_running_loop().call_soon(self._expire, turns - 1)
        else:
            self._due = True
            self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over = True
        self._timer.cancel()
        if self._due and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error
