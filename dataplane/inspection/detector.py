"""All of inspection as one detector: whole documents, texts that come in pieces, and what hides findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataplane.findings import Inspection, Origin, Text
from dataplane.inspection.inspector import Inspector, make_inspector
from dataplane.inspection.redact import CallRedactor
from dataplane.inspection.stream_readers import Readers
from dataplane.inspection.views import PATTERNS, hides
from dataplane.inspection_ports import Redactor, TextStream


class TextDetector:
    """Implements `ports.Detector`: what an inspector finds, by the patterns that it compiled."""

    def __init__(self, inspector: Inspector) -> None:
        """Compiles what streams need, which takes seconds: not on a loop that serves."""
        self.revision = inspector.revision
        self.finds = bool(inspector.families)
        self._inspector = inspector
        self._readers = Readers(
            inspector.families,
            PATTERNS,
            inspector.candidates,
            hides,
            hyperscan=inspector.engine.name == "hyperscan" if inspector.families else None,
        )

    async def look(self, texts: Sequence[Text]) -> Inspection:
        """See `ports.Detector.look`."""
        return await self._inspector.look(texts)

    def redactor(self) -> Redactor:
        """See `ports.Detector.redactor`."""
        return CallRedactor()

    def stream(self, origin: Origin, kinds: Sequence[str]) -> TextStream:
        """See `ports.Detector.stream`."""
        return self._readers.open(origin, kinds)


def make_detector(revision: str, table: Mapping[str, Any], *, key: bytes) -> TextDetector:
    """The detector of a `detectors` table; digests of findings are made with `key`. Takes seconds: to be
    called off the loop. Raises `ValueError` for a table that cannot be used."""
    return TextDetector(make_inspector(revision, table, key=key))
