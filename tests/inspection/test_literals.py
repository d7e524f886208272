"""Hyperscan and the automaton find words at the same places."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataplane.inspection.literals import finder

WORDS = (b"ignore", b"ignored", b"norei", b"re", b"gnor", b"abab", b"bab")
PIECES = st.sampled_from([b"ig", b"nore", b"d", b"i", b"abab", b"ab", b"x", b"re", b"\n"])


def test_overlapping_words_are_all_found() -> None:
    places = finder(WORDS, hyperscan=False)(b"xignoredx")
    assert [(WORDS[index], start, end) for index, start, end in sorted(places, key=lambda each: each[2])] == [
        (b"gnor", 2, 6),
        (b"ignore", 1, 7),
        (b"re", 5, 7),
        (b"ignored", 1, 8),
    ]


@given(st.lists(PIECES, max_size=12).map(b"".join))
def test_both_engines_find_the_same(text: bytes) -> None:
    pytest.importorskip("hyperscan")
    by_one, by_other = finder(WORDS, hyperscan=True), finder(WORDS, hyperscan=False)
    assert sorted(by_one(text)) == sorted(by_other(text))
    assert by_one(b"") == []
