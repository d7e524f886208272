"""Windows over a text that comes in pieces, with recognizers of a test's own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataplane.findings import FAILED, Finding, Level, Origin, Span
from dataplane.inspection.engine import Engine
from dataplane.inspection.recognizer import Pattern
from dataplane.inspection.stream import CONTEXT, Window
from dataplane.inspection.stream_hold import MAX_BEGUN, MAX_PLAIN_BYTES, Openings
from dataplane.inspection.stream_reader import FOLLOW, LOOK, Reader
from dataplane.inspection_ports import Passed

KINDS = {
    "pii.email": r"[a-z0-9._%+-]+@[a-z0-9-]+(?:\.[a-z]{2,})+",
    "pii.card": r"\b[0-9]{4}(?:[ -]?[0-9]{4}){3}\b",
    "secret.private_key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*-----END [A-Z ]*PRIVATE KEY-----",
    "secret.token": r"\btok_[A-Za-z0-9]{12,}",
    "toxicity": r"\b(?:jump in a lake|you are a toad)\b",
}
PATTERNS = [Pattern(id=kind, regex=regex) for kind, regex in KINDS.items()]
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow+/IBAAK\nCAQEA7b==\n-----END RSA PRIVATE KEY-----"
TEXTS = [
    "Write to ada.byron@example.org, or call.",
    "ada@example.org",
    "Card 4111 1111 1111 1111 and 4111111111111111.",
    f"The key:\n{KEY}\nKeep it.",
    "Now jump in a lake, you are a toad, you are a to-do list.",
    "tok_abcdefghijkl tok_short and \u4f60\u597d\U0001f600 b\u00fccher@example.de caf\u00e9",
    "The quick brown fox in 1995 met 12 others, 100 % plain.",
]


def look(text: str, origin: Origin) -> list[Finding]:
    found = [
        Finding(kind=kind, level=Level.HIGH, score=90, origin=origin, spans=(Span(0, *match.span()),))
        for kind, regex in KINDS.items()
        for match in re.finditer(regex, text, re.IGNORECASE)
    ]
    return sorted(found, key=lambda each: (each.spans[-1].end, each.spans[0].start))


def reader(**changes: Any) -> Reader:
    given: dict[str, Any] = {
        "kinds": ("pii", "secret", "toxicity"),
        "engines": [Engine(PATTERNS)],
        "weight": {kind: FOLLOW if kind == "toxicity" else LOOK for kind in KINDS},
        "openings": [Openings(PATTERNS[-1:])],
        "runs": True,
        "words": ("toxicity",),
        "look": look,
        "hides": lambda text: False,
        "comes": [lambda text, origin: any(found.kind == "toxicity" for found in look(text, origin))],
    }
    return Reader(**given | changes)


READER = reader()


def window() -> Window:
    return Window(READER, Origin.OUTPUT)


def redacted(passed: Sequence[Passed]) -> str:
    out = []
    for one in passed:
        text, at = "", 0
        for found in one.findings:
            for span in found.spans:
                text += one.text[at : span.start] + f"<{found.kind}>"
                at = span.end
        out.append(text + one.text[at:])
    return "".join(out)


def kinds(passed: Sequence[Passed]) -> list[str]:
    return [found.kind for one in passed for found in one.findings]


def read(pieces: Sequence[str]) -> list[Passed]:
    stream = window()
    return [*(stream.feed(piece) for piece in pieces), stream.end()]


# --- what is held -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("Hello there. ", ""),
        ("Hello", "Hello"),
        ("Write to ada.byron@exam", "ada.byron@exam"),
        ("Card 4111 1111 ", "4111 1111 "),
        ("Account GB82 WEST 12", "GB82 WEST 12"),
        ("Call +1 (415) 555-", "+1 (415) 555-"),
        ("In 1995 they ", ""),
        ("They said go jump in a ", "jump in a "),
        ("They said you are a t", "you are a t"),
        ("A line.\n-----BEGIN RSA PRIVATE KEY-----\nMII\n", "-----BEGIN RSA PRIVATE KEY-----\nMII\n"),
        ("A line.\n-----BEGIN CERTIFICATE-----\nMII\n", ""),
        ("A line.\n-----BEGIN RSA ", "-----BEGIN RSA "),
        (KEY + "\n", ""),
    ],
)
def test_only_what_may_still_become_a_finding_is_held(text: str, held: str) -> None:
    stream = window()
    assert stream.feed(text).text == text.removesuffix(held)
    assert stream.holds == bool(held)


@pytest.mark.parametrize("word", ["\u00fc", "\U0001f600", "+/"])
def test_plain_text_is_held_no_further_than_its_limit(word: str) -> None:
    stream = window()
    came = gone = 0
    for _ in range(2000):
        came += len(word.encode())
        gone += len(stream.feed(word).text.encode())
        assert came - gone <= MAX_PLAIN_BYTES
    assert gone + len(stream.end().text.encode()) == came


def test_a_key_is_held_until_its_end_and_found_as_a_whole() -> None:
    body = "\n".join(["MIIEpAIBAAKCAQEA" * 4] * 40)
    key = f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----"
    passed = read(["See ", *(key[at : at + 20] for at in range(0, len(key), 20)), " there"])
    assert redacted(passed) == "See <secret.private_key> there"


def test_a_key_without_an_end_is_a_failure_and_not_held_for_ever() -> None:
    stream = window()
    passed = stream.feed("-----BEGIN PRIVATE KEY-----\n")
    for _ in range(MAX_BEGUN // 32 + 2):
        assert not passed.text
        passed = stream.feed("MIIEpAIBAAKCAQEA" * 2)
        if passed.findings:
            break
    (found,) = passed.findings
    assert (found.kind, found.level, found.spans) == (FAILED, Level.HIGH, (Span(0, 0, len(passed.text)),))


def test_a_token_longer_than_any_key_goes_on() -> None:
    passed = read(["data:image/png;base64,", *["iVBORw0KGgoAAAANSUhEUgAA"] * 1000])
    assert kinds(passed) == []
    assert len("".join(one.text for one in passed)) == 22 + 24_000


# --- time ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "freed"),
    [
        ("Hello", "Hello"),
        ("go jump in a ", "jump in a "),
        ("In 1995", "1995"),
        ("ada.byron@exam", ""),
        ("to ada@example.or", ""),
        ("Card 4111 1111 ", ""),
        ("-----BEGIN RSA PRIVATE KEY-----\n", ""),
        ("tok_abcdefghijklmnop", ""),
    ],
)
def test_time_frees_plain_text_and_nothing_of_a_match_that_has_begun(text: str, freed: str) -> None:
    stream = window()
    stream.feed(text)
    assert stream.relax().text == freed


def test_what_became_a_finding_after_time_freed_its_beginning_is_told_and_the_rest_still_here() -> None:
    stream = window()
    assert stream.feed("Ask ada").text + stream.relax().text == "Ask ada"
    passed = stream.feed(".byron@example.org now")
    assert redacted([passed, stream.end()]) == "<pii.email> now"


# --- every way of cutting -------------------------------------------------------------------------


@settings(derandomize=True, database=None, deadline=None, max_examples=300)
@given(
    st.lists(st.sampled_from([*TEXTS, " ", "\n", "x" * 200, "lorem ipsum " * 90]), min_size=1, max_size=4),
    st.data(),
)
def test_any_cut_of_a_text_gives_the_findings_of_the_whole_and_lets_nothing_of_them_pass(
    texts: list[str], data: st.DataObject
) -> None:
    text = " ".join(texts)
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=12))
    at = [0, *sorted(cuts), len(text)]
    passed = read([text[a:b] for a, b in pairwise(at)])
    assert "".join(one.text for one in passed) == text
    assert kinds(passed) == [found.kind for found in look(text, Origin.OUTPUT)]
    assert redacted(passed) == redacted([Passed(text, tuple(look(text, Origin.OUTPUT)))])


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_small_pieces_give_the_findings_of_the_whole(size: int) -> None:
    text = " ".join(TEXTS) * 3
    passed = read([text[at : at + size] for at in range(0, len(text), size)])
    assert redacted(passed) == redacted([Passed(text, tuple(look(text, Origin.OUTPUT)))])


def test_what_is_kept_does_not_grow_with_the_stream() -> None:
    stream = window()
    for _ in range(300):
        stream.feed("The quick brown fox ada@example.org said so. ")
    assert len(stream._text) <= 2 * CONTEXT
    assert len(stream._told) <= CONTEXT


def test_what_raises_is_a_finding_of_all_that_is_held() -> None:
    def breaks(text: str, origin: Origin) -> list[Finding]:
        raise RuntimeError(text)

    stream = Window(reader(look=breaks), Origin.OUTPUT)
    passed = stream.feed("to ada@example.org ")
    assert [(found.kind, found.level) for found in passed.findings] == [(FAILED, Level.HIGH)]
    assert passed.text == "to ada@example.org "
    assert stream.feed("more ").text == "more "


def test_kinds_that_were_not_asked_for_are_not_told() -> None:
    stream = Window(reader(kinds=("secret",)), Origin.OUTPUT)
    assert stream.feed("to ada@example.org ") == Passed("to ada@example.org ")
