"""The language of patterns: what is read, how large and long it is, what is refused."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataplane import regex


@pytest.mark.parametrize(
    ("source", "shortest", "longest", "size"),
    [
        ("abc", 3, 3, 3),
        ("a?b", 1, 2, 2),
        ("a{2,5}", 2, 5, 5),
        ("(?:ab|c)+", 1, None, 3),
        (r"\bx\z", 1, 1, 3),
        (r"[\w.-]{3}|\d", 1, 3, 4),
        ("", 0, 0, 0),
    ],
)
def test_lengths_and_size_are_known(source, shortest, longest, size):
    read = regex.read(source)
    assert (read.shortest, read.longest, read.size) == (shortest, longest, size)


def test_blanks_are_written_out_for_engines_differ_about_the_vertical_tab():
    assert regex.read(r"a\s[\s,]\S").source == r"a[\t\n\f\r\x20][\t\n\f\r\x20,][^\t\n\f\r\x20]"


def test_groups_with_names_are_plain_ones():
    assert regex.read("(?P<user>a)(b)").source == "(?:a)(?:b)"


ATOMS = st.sampled_from(["a", "b", "[ab]", "(?:ab|c)", "a{2}", "b?", "(?:a|bc)?"])


@given(st.lists(ATOMS, min_size=1, max_size=5), st.text(alphabet="abc", max_size=8))
def test_a_mirrored_pattern_matches_the_mirrored_text(atoms, text):
    read = regex.read("".join(atoms))
    assert (re.fullmatch(read.source, text) is None) == (re.fullmatch(read.mirrored, text[::-1]) is None)


@pytest.mark.parametrize(
    ("source", "plain"),
    [
        ("abc", True),
        (r"a@b|\d", False),
        (r"a@b|c\d*", True),
        (r"(?:@|[0-9:]){1,3}b", False),
        (r"(?:@){0,3}b", True),
        (r"[0-9-]{3}", True),
        (r"[^a]\W\S\s.", True),
        (r"^\b[=:]", False),
        (r"\{|\+|{", False),
        (r"[\x40]|[[:digit:]]", True),  # not known to be none
        ("\u00e9\u00e8", True),
    ],
)
def test_what_plain_text_may_match_is_known(source, plain):
    assert regex.read(source).plain == plain


PLAIN_OR_NOT = st.sampled_from(
    ["a", "=", r"\d", "[b-]", "[0-9c]", "(?:a|=)", "(?:@|:)", "[^a]", r"\W", ".", r"[=\s]", "a{2}", "=?"]
)


@given(st.lists(PLAIN_OR_NOT, min_size=1, max_size=5), st.text(alphabet=regex.PLAIN + "\u00e9", max_size=8))
def test_what_is_not_plain_matches_no_plain_text(atoms, text):
    read = regex.read("".join(atoms))
    assert read.plain or re.search(read.source, text) is None


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(regex.BadRegex):
        assert regex.read(text, strict=True).shortest >= 0
