"""What of a text's end is held: beginnings of matches, runs, blocks."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataplane.inspection.recognizer import Pattern
from dataplane.inspection.stream_hold import Openings, begun, block_start, run_start
from dataplane.regex import read

REGEXES = [
    r"\bgo (?:and )?jump in (?:a|the) lake\b",
    r"a{2,4}b?c",
    r"(?:foo|ba+r)?\d{3}x",
    r"[a-z]+@[a-z]+\.com",
    r"!\[[^\]]{0,9}\]\(https?://",
    r"\bx(?:yz){1,3}?\s+\S+;",
]


@settings(derandomize=True, database=None, deadline=None, max_examples=150)
@given(st.sampled_from(REGEXES), st.data(), st.sampled_from(["", "so ", "\U0001f600 \u00fc "]))
def test_every_beginning_of_a_match_is_held_from_its_start(
    regex: str, data: st.DataObject, before: str
) -> None:
    match = data.draw(st.from_regex(re.compile(regex, re.ASCII), fullmatch=True).filter(str.isprintable))
    text = before + match[: data.draw(st.integers(1, len(match)))]
    assert Openings([Pattern(id="x.y", regex=regex)]).start(text, 0) <= len(before)


@pytest.mark.parametrize("text", ["", "gone ", "go jumping", "x yz", "to a lake", "foo12 "])
def test_what_begins_no_match_is_not_held(text: str) -> None:
    assert Openings([Pattern(id="x.y", regex=regex) for regex in REGEXES[:1]]).start(text, 0) == len(text)


def test_beginnings_of_a_pattern() -> None:
    assert read(r"\bab\b").begun == r"\ba(?:b)?"
    assert read(r"\b").begun == ""
    assert read(r"(?:ab|c)+").begun == r"(?:ab|c)*(?:a(?:b)?|c)"


WORDS = ["ignore", "ignoring", "ig", "a.b", "line\nend", "pay|me", "\u043d\u0435"]


@settings(derandomize=True, database=None, deadline=None, max_examples=150)
@given(st.data(), st.sampled_from(["", "so ", "IG", "\u00fc"]))
def test_words_are_held_by_the_beginnings_that_they_share(data: st.DataObject, before: str) -> None:
    """What is held is the longest of all their beginnings, as plain comparison finds it."""
    escaped = [re.escape(word).replace("\\\n", r"\n") for word in WORDS]
    half = len(escaped) // 2
    openings = Openings(
        Pattern(id=f"x.{place}", regex="|".join(some), needle=True)
        for place, some in enumerate((escaped[:half], escaped[half:]))
    )
    word = data.draw(st.sampled_from(WORDS))
    text = before + word[: data.draw(st.integers(1, len(word)))] + data.draw(st.sampled_from(["", "i", "?"]))
    starts = [at for at in range(len(text)) if any(w.startswith(text[at:].lower()) for w in WORDS)]
    assert openings.start(text, 0) == min(starts, default=len(text))


def test_nothing_before_the_start_is_held() -> None:
    openings = Openings([Pattern(id="x.y", regex=REGEXES[0])])
    assert openings.start("go jump in", 3) == len("go jump in")
    assert run_start("4111 1111 11", 5) == 5
    assert begun("4111 1111 11", 5) == 5
    assert block_start("-----BEGIN PRIVATE KEY-----\nx", 5) == 29


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("word", "word"),
        ("two words", "words"),
        ("words ", ""),
        ("4111-1111 22", "4111-1111 22"),
        ("tel 0 30 / 123 45", "0 30 / 123 45"),
        ("in 1995 we", "we"),
        ("BIG WORDS", "WORDS"),
    ],
)
def test_a_run_is_the_last_word_or_the_last_groups_of_digits(text: str, held: str) -> None:
    assert text[run_start(text, 0) :] == held


def test_long_runs_are_found_in_no_more_than_linear_time() -> None:
    for text in ("1" * 100_000, "1 " * 50_000, "A" * 100_000, "-" * 100_000, "-----BEGIN " * 9000):
        assert run_start(text, 0) >= 0
        assert block_start(text, 0) >= 0
        assert begun(text, 0) >= 0
