"""What the guide says of placeholders is what the redactor writes."""

import re
from pathlib import Path

from dataplane.findings import Finding, Level, Origin, Span, Text
from dataplane.inspection.redact import CallRedactor

GUIDE = Path(__file__).parents[2] / "docs" / "guide-coverage.md"
PATTERNS = (("pii.email", r"\w+@example\.com"), ("pii.card", r"\d{16}"))
ROW = re.compile(r"^\| `(?P<before>.+)` \| `(?P<after>.+\[EMAIL_1\].+)` \|$", re.MULTILINE)


def test_the_examples_of_placeholders_are_true() -> None:
    rows = list(ROW.finditer(GUIDE.read_text()))
    assert len(rows) == 2
    for row in rows:
        text = Text(text=row["before"], origin=Origin.TOOL_RESULT)
        findings = [
            Finding(
                kind=kind, level=Level.HIGH, score=90, origin=text.origin, spans=(Span(0, *found.span()),)
            )
            for kind, pattern in PATTERNS
            for found in re.finditer(pattern, text.text)
        ]
        assert CallRedactor().redact([text], findings, ("pii",)) == {0: row["after"]}
