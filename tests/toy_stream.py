"""A window of inspection over toy findings, for tests of what goes through windows."""

from __future__ import annotations

from collections.abc import Callable

from dataplane.findings import Finding, Origin
from dataplane.inspection_ports import Passed

Finds = Callable[[str, Origin], tuple[Finding, ...]]


class ToyStream:
    """Holds the last word. `finds` tells what is in words, `begins` whether half a word may become that."""

    def __init__(self, origin: Origin, *, finds: Finds, begins: Callable[[str], bool]) -> None:
        self._origin = origin
        self._finds = finds
        self._begins = begins
        self._held = ""

    @property
    def holds(self) -> bool:
        return bool(self._held)

    def feed(self, text: str) -> Passed:
        text = self._held + text
        at = max(text.rfind(" "), text.rfind("\n")) + 1
        self._held = text[at:]
        return self._passed(text[:at])

    def relax(self) -> Passed:
        return Passed("") if self._begins(self._held) else self.end()

    def end(self) -> Passed:
        text, self._held = self._held, ""
        return self._passed(text)

    def _passed(self, text: str) -> Passed:
        return Passed(text, self._finds(text, self._origin))
