"""With the real detectors: a secret planted anywhere leaves in no request and reaches no caller; where it
cannot be replaced the call is refused."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from surface_calls import chat, forward, read_chat
from test_text_coverage import ANSWER, REQUEST, planted, spots

from dataplane.errors import Refused
from dataplane.findings import Text
from dataplane.inspection.inspector import Inspector, make_inspector
from dataplane.inspection.redact import CallRedactor

SECRET = "AKIA" + "QZ7W3X5R2T6YV4BN"
CARD = 4111111111111111
OFF = ("injection", "jailbreak", "exfiltration", "toxicity", "code", "financial")
FORMS: list[tuple[Any, str]] = [
    (f"the key is {SECRET}.", SECRET),
    (SECRET, SECRET),
    ({"text": json.dumps({"key": SECRET})}, SECRET),
    (CARD, str(CARD)),
    ({SECRET: 1}, SECRET),
]


@pytest.fixture(scope="module")
def inspector() -> Inspector:
    return make_inspector("1-g0000000", {name: {"enabled": False} for name in OFF}, key=b"k" * 32)


def hidden(inspector: Inspector, texts: Sequence[Text]) -> dict[int, str]:
    seen = asyncio.run(inspector.look(texts))
    return dict(CallRedactor().redact(texts, seen.findings, ("secret", "pii")))


def left_of_request(inspector: Inspector, body: bytes) -> str | None:
    """What goes upstream; None where the call is refused."""
    try:
        unit = read_chat(body)
        unit.rewrite(hidden(inspector, unit.texts()))
    except Refused:
        return None
    return forward(unit).body.decode()


def left_of_answer(inspector: Inspector, body: bytes) -> str | None:
    exchange = read_chat(chat()).exchange()
    exchange.whole(body)
    try:
        return exchange.rewrite(hidden(inspector, exchange.texts())).decode()
    except Refused:
        return None


@pytest.mark.parametrize(("form", "secret"), FORMS, ids=["words", "alone", "json", "number", "name"])
@pytest.mark.parametrize(
    ("document", "left_of"), [(REQUEST, left_of_request), (ANSWER, left_of_answer)], ids=["request", "answer"]
)
def test_it_does_not_pass(inspector: Inspector, document: Any, left_of: Any, form: Any, secret: str) -> None:
    left = [left_of(inspector, planted(document, spot, "vendor", form)) for spot in spots(document)]
    passed = [body for body in left if body is not None]
    assert all(secret not in body for body in passed)
    assert len(passed) > 50 or form == {SECRET: 1}
