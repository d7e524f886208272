"""Windows with the shipped detectors: every way of cutting a text, and what it costs."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataplane.findings import Finding, Origin, Text, selects
from dataplane.inspection.detector import TextDetector, make_detector
from dataplane.inspection_ports import Passed

KINDS = ("pii", "secret", "toxicity", "custom")
KEY = "\n".join(
    [
        "-----BEGIN PRIVATE KEY-----",
        *["MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7" * 1] * 6,
        "-----END PRIVATE KEY-----",
    ]
)
PARTS = [
    "Please write to ada.byron@example.org or to grace@navy.example.com today.",
    "Her card is 4111 1111 1111 1111, valid until 12/31.",
    "IBAN: DE89 3704 0044 0532 0130 00 is the account.",
    "Call me at +1 (415) 555-2671 tomorrow.",
    "My SSN is 536-22-1234.",
    "AKIAIOSFODNN7EXAMPLQ is the id of the key.",
    "token = ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    f"Here it is:\n{KEY}\nkeep it safe.",
    "You are a worthless piece of garbage, nobody likes you.",
    "PRJ-123456 is what we call it.",
    "The meeting is at 10:30 in room 4, and 25 people come.",
    "Die Br\u00fccke \u00fcber den Flu\u00df wurde 1895 gebaut \U0001f600.",
    "def area(width, height):\n    return width * height\n",
]


@pytest.fixture(scope="module")
def detector() -> TextDetector:
    return make_detector(
        "7-gabc1234-0123456789ab",
        {"custom": {"patterns": {"project": {"regex": "PRJ-[0-9]{6}", "level": "high"}}}},
        key=b"k" * 32,
    )


def read(detector: TextDetector, pieces: Sequence[str], kinds: Sequence[str] = KINDS) -> list[Passed]:
    stream = detector.stream(Origin.OUTPUT, kinds)
    return [*(stream.feed(piece) for piece in pieces), stream.end()]


def whole(detector: TextDetector, text: str) -> list[Finding]:
    return [
        each
        for each in detector._inspector.candidates(text, Origin.OUTPUT)
        if selects(KINDS, each.kind, each.origin)
    ]


def hidden(passed: Sequence[Passed]) -> str:
    """The text with what was found in it struck out. Of abuse the telling words are held, not the plain ones
    that lead to them (`You are a ...`), so it is not compared."""
    out = []
    for one in passed:
        struck = list(one.text)
        for found in one.findings:
            for span in found.spans if found.kind != "toxicity" else ():
                struck[span.start : span.end] = ["\0"] * (span.end - span.start)
        out.append("".join(struck))
    return "".join(out)


def kinds_of(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    return sorted((each.kind, each.level) for each in findings)


@settings(derandomize=True, database=None, deadline=None, max_examples=80)
@given(st.lists(st.sampled_from(PARTS), min_size=1, max_size=5), st.data())
def test_any_cut_gives_the_findings_of_the_whole_and_strikes_out_the_same(
    detector: TextDetector, parts: list[str], data: st.DataObject
) -> None:
    text = "\n\n".join(parts)
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=10))
    at = [0, *sorted(cuts), len(text)]
    passed = read(detector, [text[a:b] for a, b in pairwise(at)])
    found = whole(detector, text)
    assert kinds_of([each for one in passed for each in one.findings]) == kinds_of(found)
    assert hidden(passed) == hidden([Passed(text, tuple(found))])


@pytest.mark.parametrize("size", [1, 4, 20])
def test_small_pieces_give_the_findings_of_the_whole(detector: TextDetector, size: int) -> None:
    text = "\n\n".join(PARTS)
    passed = read(detector, [text[at : at + size] for at in range(0, len(text), size)])
    found = whole(detector, text)
    assert kinds_of([each for one in passed for each in one.findings]) == kinds_of(found)
    assert hidden(passed) == hidden([Passed(text, tuple(found))])
    abuse = [one.text for one in passed if any(each.kind == "toxicity" for each in one.findings)]
    assert any("worthless" in text for text in abuse)
    assert {"pii.email", "pii.card", "secret.private_key", "custom.project", "toxicity"} <= {
        each.kind for each in found
    }


@pytest.mark.parametrize(
    "disguised",
    ["ada.by\u200bron@exam\u200bple.org", "\uff41\uff44\uff41@example.org", "ada.byron&#64;example.org"],
)
def test_what_is_disguised_is_found_in_a_stream_too(detector: TextDetector, disguised: str) -> None:
    text = f"Write to {disguised} now."
    passed = read(detector, [text[at : at + 3] for at in range(0, len(text), 3)])
    assert [each.kind for one in passed for each in one.findings] == ["pii.email"]


def test_no_kinds_hold_nothing(detector: TextDetector) -> None:
    stream = detector.stream(Origin.OUTPUT, ())
    assert stream.feed("ada.byron@exam") == Passed("ada.byron@exam")
    assert not stream.holds


def test_a_whole_look_and_a_stream_agree_on_what_is_asked_for(detector: TextDetector) -> None:
    passed = read(detector, ["to ada.byron@example.org and 4111 1111 1111 1111 "], ("pii.card",))
    assert [each.kind for one in passed for each in one.findings] == ["pii.card"]
    assert Text(text="x", origin=Origin.OUTPUT).text == "x"


PLAIN = (
    "The committee met on Tuesday to discuss the new budget for the library, and most members agreed that "
    "opening hours should be extended during the summer. They also asked whether the old reading room could "
    "be used for music lessons, since it is rarely full on weekday afternoons. "
) * 8


SHARED = {"_reader", "_origin", "_until"}


def size(thing: object) -> int:
    """In bytes, with what it alone holds."""
    slots = [getattr(thing, name) for name in getattr(thing, "__slots__", ()) if name not in SHARED]
    return sys.getsizeof(thing) + sum(map(size, slots))


def test_a_piece_of_plain_text_costs_microseconds_and_state_stays_small(detector: TextDetector) -> None:
    """The bounds are far above what a quiet machine takes (5 us), for one that is busy with other tests."""
    stream: Any = detector.stream(Origin.OUTPUT, KINDS)
    took = []
    for at in range(0, len(PLAIN), 20):
        begun = time.perf_counter_ns()
        stream.feed(PLAIN[at : at + 20])
        took.append(time.perf_counter_ns() - begun)
    assert sorted(took)[len(took) // 4] < 100_000
    assert size(stream) <= 4096


REPEATED = (
    "a@b.co ",
    "a@b.co, 93.184.216.34; ",
    "Meet us at noon. ",
    "\U0001f600 ja ",
    "password: hx9!Qe2z ",
)


@pytest.mark.parametrize("text", REPEATED)
def test_a_stream_takes_four_kilobytes_at_most(detector: TextDetector, text: str) -> None:
    stream = detector.stream(Origin.OUTPUT, ("pii.*", "secret.*"))
    most = 0
    for _ in range(1200 // len(text)):
        stream.feed(text * 2)
        most = max(most, size(stream))
    assert 500 < most <= 4096
