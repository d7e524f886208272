"""Placeholders stand where findings stood: nothing of them is left, JSON stays JSON, and the call's own come
back where they are asked back."""

import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataplane.findings import Finding, Level, Origin, Span, Text
from dataplane.inspection.json_spans import is_json
from dataplane.inspection.redact import CallRedactor

PROPERTY = settings(derandomize=True, database=None, deadline=None, max_examples=200)
ALL = ("*",)
EMAIL, CARD = "pii.email", "pii.card"
KINDS = ((EMAIL, r"[a-z]+@[a-z]+\.com"), (CARD, r"\d{12,19}"))


def text(said: str, origin: Origin = Origin.USER) -> Text:
    return Text(text=said, origin=origin)


def finding(kind: str, *spans: tuple[int, int, int], origin: Origin = Origin.USER) -> Finding:
    return Finding(
        kind=kind, level=Level.HIGH, score=90, origin=origin, spans=tuple(Span(*span) for span in spans)
    )


def found(texts: Sequence[Text]) -> list[Finding]:
    """What plain patterns find."""
    return [
        finding(kind, (index, *match.span()), origin=each.origin)
        for index, each in enumerate(texts)
        for kind, pattern in KINDS
        for match in re.finditer(pattern, each.text)
    ]


def redacted(
    *said: str, redactor: CallRedactor | None = None, kinds: Sequence[str] = ALL, origin: Origin = Origin.USER
) -> list[str]:
    texts = [text(each, origin) for each in said]
    instead = (redactor or CallRedactor()).redact(texts, found(texts), kinds)
    return [instead.get(index, each.text) for index, each in enumerate(texts)]


def test_the_same_value_has_the_same_placeholder_numbered_by_first_appearance() -> None:
    assert redacted("to b@x.com, a@x.com", "a@x.com paid 4111111111111111", "b@x.com") == [
        "to [EMAIL_1], [EMAIL_2]",
        "[EMAIL_2] paid [CARD_1]",
        "[EMAIL_1]",
    ]


def test_only_kinds_that_are_meant_are_hidden_and_other_texts_are_not_told_to_change() -> None:
    assert redacted("a@x.com 4111111111111111", kinds=("pii.email",)) == ["[EMAIL_1] 4111111111111111"]
    assert redacted("a@x.com", kinds=("pii.card", "pii.e", "secret.*")) == ["a@x.com"]
    assert redacted("a@x.com", kinds=("pii@tool_result",)) == ["a@x.com"]
    assert redacted("a@x.com", kinds=("pii@user",)) == ["[EMAIL_1]"]
    texts = [text("plain"), text("a@x.com")]
    assert CallRedactor().redact(texts, found(texts), ALL) == {1: "[EMAIL_1]"}


@pytest.mark.parametrize(
    ("kind", "placeholder"),
    [
        ("injection", "[INJECTION_1]"),
        ("secret.aws_access_key", "[AWS_ACCESS_KEY_1]"),
        ("custom.employee-id", "[EMPLOYEE_ID_1]"),
        ("custom.42", "[TEXT_42_1]"),
        ("custom.é", "[TEXT_1]"),
    ],
)
def test_a_placeholder_is_named_after_the_kind(kind: str, placeholder: str) -> None:
    texts = [text("abc")]
    assert CallRedactor().redact(texts, [finding(kind, (0, 0, 3))], ALL) == {0: placeholder}


def test_findings_that_overlap_are_hidden_as_one_of_the_longest_kind() -> None:
    texts = [text("key=a@x.com!")]
    overlap = [
        finding(EMAIL, (0, 4, 11)),
        finding("secret.password", (0, 0, 11)),
        finding("code", (0, 9, 12)),
    ]
    assert CallRedactor().redact(texts, overlap, ALL) == {0: "[PASSWORD_1]"}


def test_a_finding_over_two_texts_leaves_nothing_in_the_second_but_in_an_otherwise_empty_one() -> None:
    texts = [text("it is 4111 1111"), text(" 1111 1111, ok"), text("4111"), text("1111")]
    spread = [finding(CARD, (0, 6, 15), (1, 0, 10)), finding(CARD, (2, 0, 4), (3, 0, 4))]
    redactor = CallRedactor()
    assert redactor.redact(texts, spread, ALL) == {
        0: "it is [CARD_1]",
        1: ", ok",
        2: "[CARD_2]",
        3: "[CARD_2]",
    }
    assert redactor.restore("[CARD_1]") == "4111 1111 1111 1111"


def test_a_value_is_hidden_where_texts_of_its_origin_repeat_it_although_nothing_found_it_there() -> None:
    said = "password: hunter22; log in with hunter22"
    texts = [text(said), text("hunter22"), text("hunter22", Origin.SYSTEM), text("hunter2")]
    assert CallRedactor().redact(texts, [finding("secret.password", (0, 10, 18))], ALL) == {
        0: "password: [PASSWORD_1]; log in with [PASSWORD_1]",
        1: "[PASSWORD_1]",
    }


def test_a_placeholder_that_somebody_else_wrote_is_never_given_out_nor_restored() -> None:
    redactor = CallRedactor()
    assert redacted("write [EMAIL_1] and [EMAIL_3]", "a@x.com b@x.com", redactor=redactor) == [
        "write [EMAIL_1] and [EMAIL_3]",
        "[EMAIL_2] [EMAIL_4]",
    ]
    assert (
        redactor.restore("[EMAIL_1] [EMAIL_2] [EMAIL_9] [CARD_1]") == "[EMAIL_1] a@x.com [EMAIL_9] [CARD_1]"
    )


def test_what_was_first_hidden_in_an_answer_is_not_restored() -> None:
    redactor = CallRedactor()
    redacted("a@x.com", redactor=redactor)
    assert redacted("a@x.com b@x.com", redactor=redactor, origin=Origin.OUTPUT) == ["[EMAIL_1] [EMAIL_2]"]
    assert redactor.restore("[EMAIL_1] [EMAIL_2]") == "a@x.com [EMAIL_2]"


def test_a_restored_value_is_written_as_json_where_the_text_is_json() -> None:
    redactor = CallRedactor()
    texts = [text('say "x\\y"')]
    redactor.redact(texts, [finding("custom.word", (0, 4, 9))], ALL)
    assert redactor.restore("so [WORD_1]") == 'so "x\\y"'
    assert json.loads(redactor.restore('{"a": "[WORD_1]"}')) == {"a": '"x\\y"'}


def test_nothing_of_the_call_is_shown() -> None:
    redactor = CallRedactor()
    redacted("a@x.com", redactor=redactor)
    assert "a@x.com" not in repr(redactor)


# --- JSON ---------------------------------------------------------------------------------------


def test_in_json_a_number_becomes_a_string_and_the_rest_stays_as_it_was() -> None:
    said = '{"card": 4111111111111111, "to" : ["a@x.com",4111111111111111],"n":1.50}'
    assert redacted(said) == ['{"card": "[CARD_1]", "to" : ["[EMAIL_1]","[CARD_1]"],"n":1.50}']


def test_in_json_a_finding_over_keys_and_values_hides_what_they_say() -> None:
    said = '{"password": "hunter2", "pin": 123456, "ok": true}'
    texts = [text(said)]
    whole = finding("secret.password", (0, 1, len(said) - 1))
    (hidden,) = CallRedactor().redact(texts, [whole], ALL).values()
    left = json.loads(hidden)
    assert len(left) == 3
    assert not {"hunter2", "password", "pin", 123456, True} & {*left, *left.values()}


@pytest.mark.parametrize(
    ("inside", "start", "end"),
    [
        (r"x\u0061@x.com", 5, 7),
        (r"x\"y", 4, 5),
        (r"x\"y", 5, 6),
        (r"\ud83d\ude00", 6, 8),
        (r"\ud83d\ude00", 3, 4),
        (r"\\\\", 4, 5),
    ],
)
def test_in_json_no_escape_is_cut(inside: str, start: int, end: int) -> None:
    said = f'["{inside}"]'
    (hidden,) = CallRedactor().redact([text(said)], [finding("custom.x", (0, start, end))], ALL).values()
    (value,) = json.loads(hidden)
    assert "[X_1]" in value
    value.encode()


def test_values_in_json_are_the_same_as_outside_of_it() -> None:
    texts = [text('{"a": "x\\u0061\\"b"}'), text('xa"b')]
    both = [finding("custom.x", (0, 7, 17)), finding("custom.x", (1, 0, 4))]
    redactor = CallRedactor()
    assert redactor.redact(texts, both, ALL) == {0: '{"a": "[X_1]"}', 1: "[X_1]"}
    assert redactor.restore("[X_1]") == 'xa"b'


WORDS = st.sampled_from(
    ["a@x.com", "bob@y.com", "4111111111111111", "5500005555555559", '"', "\\", "é", "😀 ", "\n"]
)
SAID = st.lists(WORDS | st.text(max_size=4), max_size=6).map("".join)
JSON = st.recursive(
    SAID | st.integers() | st.sampled_from([4111111111111111, True, None, 0.5]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SAID, inner, max_size=4),
    max_leaves=8,
)


def nothing_found(said: str) -> bool:
    return not found([text(said)])


@PROPERTY
@given(st.lists(SAID, max_size=5))
def test_nothing_found_is_left_and_nothing_more_to_hide(said: list[str]) -> None:
    once = redacted(*said)
    assert all(map(nothing_found, once))
    assert redacted(*once) == once


@PROPERTY
@given(st.lists(SAID, max_size=5))
def test_what_was_hidden_in_a_request_can_be_restored(said: list[str]) -> None:
    redactor = CallRedactor()
    hidden = redacted(*said, redactor=redactor)
    if not any(map(is_json, [*said, *hidden])):
        assert [redactor.restore(each) for each in hidden] == said


@PROPERTY
@given(JSON, st.booleans())
def test_json_stays_json_and_holds_nothing_found(value: Any, ascii_only: bool) -> None:
    said = json.dumps(value, ensure_ascii=ascii_only)
    (hidden,) = redacted(said)
    if isinstance(value, dict | list | str):
        json.loads(hidden)
    assert nothing_found(hidden)


@PROPERTY
@given(JSON, st.lists(st.tuples(st.integers(0, 200), st.integers(1, 40)), max_size=4), st.booleans())
def test_json_stays_json_wherever_findings_are(
    value: Any, ranges: list[tuple[int, int]], ascii_only: bool
) -> None:
    said = json.dumps([value], ensure_ascii=ascii_only)
    texts = [text(said)]
    findings = [
        finding("custom.x", (0, start, min(start + length, len(said))))
        for start, length in ranges
        if start < len(said)
    ]
    hidden = CallRedactor().redact(texts, findings, ALL).get(0, said)
    json.loads(hidden)
    hidden.encode()


@PROPERTY
@given(JSON, st.booleans(), st.sampled_from([None, 1]))
def test_json_in_a_string_of_json_stays_json(value: Any, ascii_only: bool, indent: int | None) -> None:
    innermost = json.dumps([value], ensure_ascii=ascii_only)
    inner = json.dumps({"rows": value, "more": innermost}, ensure_ascii=ascii_only, indent=indent)
    (hidden,) = redacted(json.dumps([{"type": "text", "text": inner}], ensure_ascii=ascii_only))
    json.loads(json.loads(json.loads(hidden)[0]["text"])["more"])
    assert nothing_found(hidden)


def test_a_number_in_json_in_a_string_becomes_a_string_there() -> None:
    inner = '{"card": 4111111111111111, "all": [4111111111111111,\n 5500005555555559]}'
    (hidden,) = redacted(json.dumps({"text": inner}))
    left = {"card": "[CARD_1]", "all": ["[CARD_1]", "[CARD_2]"]}
    assert json.loads(json.loads(hidden)["text"]) == left


def test_json_a_line_stays_json_a_line() -> None:
    said = '{"card": 4111111111111111}\n\n{"card": [4111111111111111, 1]}\r\n'
    (hidden,) = redacted(said)
    assert hidden == '{"card": "[CARD_1]"}\n\n{"card": ["[CARD_1]", 1]}\r\n'
