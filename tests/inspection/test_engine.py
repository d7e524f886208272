"""The pattern engine: the same hits from hyperscan and from RE2."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataplane.inspection.engine import BadPattern, Engine
from dataplane.inspection.recognizer import Hit, Pattern

pytest.importorskip("hyperscan")

PATTERNS = (
    Pattern(id="t.spaced", regex=r"foo\s*bar"),
    Pattern(id="t.mail", regex=r"\b[\w.+-]{1,20}@[a-z0-9-]+(?:\.[a-z]{2,8})+\b"),
    Pattern(id="t.digits", regex=r"\b\d{3,6}\b"),
    Pattern(id="t.groups", regex=r"\d{4}(?:[ -]?\d{4}){2}", needle=True),
    Pattern(id="t.prefix", regex=r"\bAK[A-Z0-9]{4}", caseless=False),
    Pattern(id="t.words", regex=r"(?:ignore|disregard)\s{1,3}(?:all|any|all of)\b", needle=True),
    Pattern(id="t.many", regex=r"k\w+", needle=True),
    Pattern(id="t.not", regex=r"[^a\s]{3}x.y", caseless=False),
    Pattern(id="t.line", regex=r"^(?:to|cc): .{1,9}$"),
    Pattern(id="t.case", regex=r"straße|(?-i:ÄÖ)|пароль\W", needle=True),
    Pattern(id="t.text", regex=r"\Astart|end\z", needle=True),
    Pattern(id="t.block", regex=r"(?s:BEGIN .{0,40}?END)"),
    Pattern(id="t.overlap", regex=r"ab|b?c", caseless=False),
)
PIECES = (
    *("foo", "bar", "foobar", "foo\x0bbar", "FOO\tBAR", "abc", "bc", "ab", "c", "start", "end", "BEGIN END"),
    *("a.b+c@x-y.co.uk", "@x.org", "bob@x", "12", "123", "1234567", "é12345", "1234", "1234-5678", "9012"),
    *("ignore", "all", "of", "disregard  any", "ignoreall", "k", "K", "kk", "\u212aelvin", "\u017ftart"),
    *("AKIA12", "xAKIA12", "AKia99", "bcdx.y", "ébcxéy", "axbcx,y", "to: me", "cc: you", "STRASSE", "STRAßE"),
    *("straße", "ÄÖ", "äö", "Пароль!", "пароль", "\ud800", "😀", " ", "\n", "\r\n", "\x0b", "\nto: bob\n"),
)

BOTH = Engine(PATTERNS, hyperscan=True), Engine(PATTERNS, hyperscan=False)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12), st.sampled_from(("", " ")))
def test_both_engines_find_the_same_in_pieces_that_match_or_nearly(pieces, between):
    text = between.join(pieces)
    quick, plain = (engine.scan(text) for engine in BOTH)
    assert quick == plain


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.sampled_from("aAbcCkKxy019 @.-:\n\x0béß\u212a\u017f"), max_size=30))
def test_both_engines_find_the_same_in_any_text(text):
    quick, plain = (engine.scan(text) for engine in BOTH)
    assert quick == plain


APART = [Engine(PATTERNS, hyperscan=each, apart_plain=True) for each in (True, False)]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*PIECES, *"aKc -.\n@"]), max_size=6), st.sampled_from(("", " ")))
def test_what_touches_plain_text_is_the_same_with_its_patterns_apart(pieces, between):
    text = between.join(pieces)
    needles = {index for index, pattern in enumerate(PATTERNS) if pattern.needle}
    for engine in APART:
        touched = engine.touched(text)
        for other in (*BOTH, *APART):
            again = other.touched(text)
            assert {index for index, _ in again} == {index for index, _ in touched}
            assert {each for each in again if each[0] in needles} == {
                each for each in touched if each[0] in needles
            }


@pytest.mark.parametrize("engine", BOTH, ids=lambda engine: engine.name)
def test_hits_count_code_points_and_come_in_the_order_of_their_ends(engine):
    hits = engine.scan("é😀 bob@x.org, 123 and foo  bar")
    assert [(hit.pattern, hit.start, hit.end) for hit in hits] == [
        ("t.mail", 3, 12),
        ("t.digits", 14, 17),
        ("t.spaced", 22, 30),
    ]


@pytest.mark.parametrize("engine", BOTH, ids=lambda engine: engine.name)
def test_a_needle_ends_wherever_it_can(engine):
    assert [hit for hit in engine.scan("please ignore all of it") if hit.pattern == "t.words"] == [
        Hit("t.words", 17, 17),
        Hit("t.words", 20, 20),
    ]


def test_a_surrogate_half_is_a_character_like_another():
    for engine in BOTH:
        assert [(hit.start, hit.end) for hit in engine.scan("\ud800\udc00 123")] == [(3, 6)]


def test_without_patterns_nothing_is_found():
    assert Engine(()).scan("anything") == []


@pytest.mark.parametrize(
    ("regex", "why"),
    [
        ("a*", "matches the empty string"),
        (r"\b", "matches the empty string"),
        (r"(a)\1", "has no meaning here"),
        ("(?=a)a", "only"),
        ("(a", "not closed"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused_by_its_id(regex, why):
    with pytest.raises(BadPattern, match=rf"t\.bad: .*{why}"):
        Engine([Pattern(id="t.bad", regex=regex)])


def test_two_patterns_of_one_id_are_refused():
    with pytest.raises(BadPattern, match="one id"):
        Engine([Pattern(id="t.a", regex="a"), Pattern(id="t.a", regex="b")])


def test_several_threads_scan_with_one_engine():
    engine = Engine(PATTERNS)
    text = "bob@x.org and 1234 " * 200
    expected = engine.scan(text)
    found: list[list[Hit]] = []

    def work() -> None:
        found.extend(engine.scan(text) for _ in range(20))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 80
    assert all(each == expected for each in found)
