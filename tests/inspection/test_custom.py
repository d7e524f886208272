"""A site's own patterns and words, and which patterns are refused."""

from __future__ import annotations

import pytest

from dataplane.findings import Origin
from dataplane.inspection.engine import Engine
from dataplane.inspection.recognizers import custom
from dataplane.site_patterns import fault_of, faults

ROW = {
    "patterns": {
        "project": {"regex": r"PRJ-\d{6}", "level": "high"},
        "badge": {"regex": r"\bB[0-9]{5}\b", "caseless": False, "score": 55},
    },
    "words": {
        "codenames": {"any": ["Bluebird", "Project X", "c++-lab"]},
        "brand": {"any": ["acme"], "inside": True, "level": "low"},
    },
}


def found(text: str, row=ROW, *, hyperscan: bool | None = None) -> list[tuple[str, int, str]]:
    recognizer = custom.make(row)
    hits = Engine(recognizer.patterns, hyperscan=hyperscan).scan(text)
    return [
        (each.kind, each.score, text[each.start : each.end])
        for each in recognizer.recognize(text, hits, Origin.USER)
    ]


@pytest.mark.parametrize("hyperscan", [True, False])
def test_patterns_and_words_are_found_with_their_scores(hyperscan):
    text = "prj-123456 of B12345, b12345: bluebird, PROJECT\n x, C++-lab, bluebirds, myacmeshop"
    assert found(text, hyperscan=hyperscan) == [
        ("custom.project", 90, "prj-123456"),
        ("custom.badge", 55, "B12345"),
        ("custom.codenames", 60, "bluebird"),
        ("custom.codenames", 60, "PROJECT\n x"),
        ("custom.codenames", 60, "C++-lab"),
        ("custom.brand", 30, "acme"),
    ]


@pytest.mark.parametrize(
    ("regex", "why"),
    [
        (r"(a+)+$", "repeats what itself repeats"),
        (r"(.*a){20}", "repeats what itself repeats"),
        (r"(\w*)*", "repeats without end what can be empty"),
        (r"(a?){50}a{50}", "can be empty"),
        (r"(a|aa)+b", "begins another"),
        (r"(x|x)*y", "begins another"),
        (r"(a{100}){100}", "too large"),
        (r"\w{501}", "too large"),
        (r"(?=secret)s", "only"),
        (r"(?<!a)b", "only"),
        (r"(a)\1", "has no meaning"),
        (r"(?>a)b", "only"),
        (r"a*", "empty string"),
        (r"", "empty string"),
        (r"^$", "empty string"),
        (r"\bx?", "empty string"),
        (r"(?:a|b|c|d|e).{0,99}(?:f|g).{0,99}(?:h|i).{0,99}j", "hyperscan"),
        (r"a++b", "repeats a repetition"),
        (r"(a", "not closed"),
        (r"a)", "unbalanced"),
        (r"[a", "not closed"),
        (r"\p{L}+", "has no meaning"),
        ("a" * 5000, "longer than"),
        ("(" * 60 + "a" + ")" * 60, "groups in groups"),
        ("a\nb", "not printable"),
    ],
)
def test_a_pattern_that_could_hurt_is_refused_with_the_reason(regex, why):
    assert why in (fault_of(regex) or "nothing")
    with pytest.raises(ValueError, match=r"custom: patterns\.bad\.regex: "):
        custom.make({"patterns": {"bad": {"regex": regex}}})


@pytest.mark.parametrize(
    "regex", [r"PRJ-\d{4,8}", r"(?:acme|globex)-\d+", r"\b[A-Z]{3}\d{6}\b", r"(?:\d{4} ){3}\d{4}", r"a.*b"]
)
def test_an_ordinary_pattern_is_not_refused(regex):
    assert fault_of(regex) is None
    assert Engine(custom.make({"patterns": {"fine": {"regex": regex}}}).patterns)


@pytest.mark.parametrize(
    ("row", "path"),
    [
        ({"words": {"a": {"any": [" "]}}}, ("words", "a", "any", 0)),
        ({"words": {"a": {"any": ["x" * 201]}}}, ("words", "a", "any", 0)),
        ({"words": {"a": {"any": ["x"] * 2001}}}, ("words",)),
        ({"patterns": {"A-b": {"regex": "x"}}}, ("patterns", "A-b")),
        ({"patterns": {"a": {"regex": "x"}}, "words": {"a": {"any": ["x"]}}}, ("words", "a")),
        ({"patterns": {f"p{n}": {"regex": "x"} for n in range(501)}}, ()),
    ],
)
def test_a_row_that_cannot_be_used_says_where(row, path):
    assert path in [where for where, _ in faults(row)]
