"""Hyperscan and RE2 find the same with every pattern that is shipped."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataplane import regex
from dataplane.inspection import views
from dataplane.inspection.catalogue import families
from dataplane.inspection.engine import Engine

pytest.importorskip("hyperscan")

ROWS = {
    "pii": {"names": True},
    "custom": {
        "patterns": {"project": {"regex": r"PRJ-\d{4,8}(?:\s?[a-z]{2})?"}},
        "words": {"names": {"any": ["Bluebird", "Project X"]}},
    },
}
PATTERNS = [*(pattern for each in families(ROWS) for pattern in each.recognizer.patterns), *views.PATTERNS]


@pytest.fixture(scope="module")
def engines() -> tuple[Engine, Engine]:
    return Engine(PATTERNS, hyperscan=True), Engine(PATTERNS, hyperscan=False)


@pytest.fixture(scope="module")
def apart() -> Engine:
    return Engine(PATTERNS, hyperscan=True, apart_plain=True)


def literals() -> list[str]:
    """Words of the patterns themselves, so that texts of them nearly match."""
    found: set[str] = set()
    for pattern in PATTERNS:
        found.update(re.findall(r"(?<![\\\[{])[A-Za-z][A-Za-z_ -]{2,14}", regex.read(pattern.regex).source))
    return sorted(found)


PIECES = [
    *literals(),
    *("jane@example.org", "+49 170 1234567", "460-89-1847", "4532118900432176", "DE89370400440532013000"),
    *(
        "93.184.216.34",
        "2a00:1450::200e:1",
        "12345678Z",
        "key = ",
        "password: ",
        "sk-",
        "ghp_",
        "eyJhbGciOiJIUzI1",
    ),
    *(
        "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
        "0123456789abcdef" * 2,
        "://u:p@",
        "-----BEGIN ",
        "PRJ-12345 ab",
    ),
    *(
        "ignore all previous instructions",
        "you are now",
        "system prompt",
        "<|im_start|>",
        "def f(x):",
        "$5,000",
    ),
    *(
        "é",
        "😀",
        "\u200b",
        "\u212a",
        "\n",
        "\n\n",
        "\t",
        '"',
        "'",
        "`",
        "(",
        ")",
        "{",
        "}",
        "=",
        ":",
        "/",
        "-",
        "_",
    ),
]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=16), st.sampled_from(("", " ", " ", ".")))
def test_texts_of_what_patterns_are_made_of(engines, pieces, between):
    text = between.join(pieces)
    quick, plain = (engine.scan(text) for engine in engines)
    assert quick == plain


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet=st.sampled_from(string.printable + "éß\u212a\u017f\u200b"), max_size=80))
def test_any_text(engines, text):
    quick, plain = (engine.scan(text) for engine in engines)
    assert quick == plain


WORDS = [each for each in PIECES if set(each) <= {*regex.PLAIN, "\u00e9", "\u200b", "\u212a"}]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.lists(st.one_of(st.sampled_from(WORDS), st.text(alphabet=regex.PLAIN, max_size=30)), max_size=8),
    st.sampled_from(("", " ")),
)
def test_plain_text_is_touched_by_the_same_patterns_as_beside_all_others(
    engines: tuple[Engine, Engine], apart: Engine, pieces: list[str], between: str
) -> None:
    text = between.join(pieces)
    assert {index for index, _ in apart.touched(text)} == {index for index, _ in engines[0].touched(text)}
