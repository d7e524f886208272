"""How far a replay is: a bar on a terminal, a line now and then elsewhere; on stderr either way."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Final, Self, TypeVar

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

T = TypeVar("T")

LINE_S: Final = 5.0
"""Between lines where stderr is no terminal."""

LOOK_ROWS: Final = 200
"""Rows between two looks at the clock."""


class Progress:
    """A context manager; `of` passes rows on and shows how far they are."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._bar: Bar | None = None
        if console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
            self._bar = Bar(*columns, TimeRemainingColumn(), console=console, transient=True)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def of(self, rows: Iterable[tuple[T, float]]) -> Iterator[T]:
        """The rows; each comes with the share of the way that it leads to."""
        task = self._bar.add_task("replaying", total=1.0) if self._bar is not None else None
        started = last = time.monotonic()
        for number, (row, share) in enumerate(rows, 1):
            yield row
            if number % LOOK_ROWS:
                continue
            now = time.monotonic()
            said = f"{number:,} rows, {number / max(now - started, 1e-3):,.0f} a second"
            if self._bar is not None and task is not None:
                self._bar.update(task, completed=share, description=said)
            elif now - last >= LINE_S:
                last = now
                print(f"{share:4.0%}  {said}", file=sys.stderr, flush=True)
