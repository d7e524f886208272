"""Texts made of nothing but secrets: others have their turn, and findings that overlap are told apart."""

from __future__ import annotations

from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st
from secrets_kit import ENGINE, RECOGNIZER, varied

from dataplane.findings import Origin
from dataplane.inspection.recognizer import PAUSE, PAUSE_AFTER, Candidate
from dataplane.inspection.recognizers import secrets_worded
from dataplane.inspection.recognizers.secrets import _apart


def test_others_have_their_turn_between_many_secrets() -> None:
    text = "".join(f"ghp_{varied(36, seed=str(n))}\n" for n in range(3 * PAUSE_AFTER))
    said = list(RECOGNIZER.recognize(text, ENGINE.scan(text), Origin.USER))
    assert said.count(PAUSE) >= 3
    assert len([each for each in said if each is not PAUSE]) == 3 * PAUSE_AFTER


def test_a_header_of_nothing_but_cookies_is_read_once() -> None:
    text = "cookie: a=1;" * 2000
    with patch.object(secrets_worded, "of_cookies", wraps=secrets_worded.of_cookies) as read:
        assert list(RECOGNIZER.recognize(text, ENGINE.scan(text), Origin.USER)).count(PAUSE) > 0
    assert read.call_count <= len(text) // 4000 + 1


CANDIDATES = st.builds(
    lambda score, start, length: Candidate("secret.generic", score, start, start + length),
    st.integers(1, 4),
    st.integers(0, 30),
    st.integers(1, 8),
)


@given(st.lists(CANDIDATES, max_size=30))
def test_of_those_that_overlap_the_surest_is_kept_and_of_equals_the_longest(found: list[Candidate]) -> None:
    kept: list[Candidate] = []
    for each in sorted(found, key=lambda each: (-each.score, each.start - each.end)):
        if all(each.end <= other.start or other.end <= each.start for other in kept):
            kept.append(each)
    assert _apart(found) == sorted(kept, key=lambda each: each.start)
