"""What stands in for a detector that cannot be made: everything is a failed inspection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dataplane.findings import NOTHING_FOUND, SURE, Finding, Inspection, Origin, Text, failure, failures
from dataplane.inspection_ports import Passed, Redactor, TextStream


class FailedDetector:
    """Implements `ports.Detector` for a table that no detector can be made of."""

    def __init__(self, revision: str) -> None:
        self.revision = revision
        self.finds = True

    async def look(self, texts: Sequence[Text]) -> Inspection:
        """A failed inspection for each origin; nothing where there is no text."""
        if not texts:
            return NOTHING_FOUND
        unread = sum(len(text.text.encode("utf-8", "surrogatepass")) for text in texts)
        return Inspection(findings=tuple(failures(texts)), risk=SURE, unread_bytes=unread)

    def redactor(self) -> Redactor:
        """One that has nothing to redact: what failed has no place."""
        return _NoRedactor()

    def stream(self, origin: Origin, kinds: Sequence[str]) -> TextStream:
        """One that passes nothing."""
        return _NoStream(origin)


class _NoRedactor:
    def redact(
        self, texts: Sequence[Text], findings: Sequence[Finding], kinds: Sequence[str]
    ) -> Mapping[int, str]:
        return {}

    def restore(self, text: str) -> str:
        return text


class _NoStream:
    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._told = False
        self.holds = False

    def feed(self, text: str) -> Passed:
        found = () if self._told else (failure(self._origin),)
        self._told = True
        return Passed("", found)

    def relax(self) -> Passed:
        return Passed("")

    def end(self) -> Passed:
        return Passed("")
