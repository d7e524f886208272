import json
import math
from typing import Any

import jiter
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataplane.errors import Refused
from dataplane.surfaces.strict_json import MAX_DEPTH, dump, parse

SECRET = b"hunter2"


def nested(depth: int) -> bytes:
    """An object with lists in it, `depth` levels in all."""
    return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "ends too early"),
        (b"   ", "ends too early"),
        (b'{"a":"hunter2', "ends too early (line 1, column 13)"),
        (b'\xef\xbb\xbf{"a":1}', "byte order mark"),
        (b'\xff\xfe{\x00"\x00', "a value is expected"),
        (b'{"a":"hunter2\xff"}', "not valid UTF-8 (line 1, column 14)"),
        (b'{"a":"\xed\xa0\x80"}', "not valid UTF-8"),
        (b'{"a":"\xc0\x80"}', "not valid UTF-8"),
        (b'{"a":"\\ud800"}', "surrogate"),
        (b'{"a":"\\ud800hunter2"}', "surrogate"),
        (b'{"a":"\\udc00"}', "surrogate"),
        (b'{"a":"\\ud83d\\ud83d"}', "surrogate"),
        (b'{"\\ud800":1}', "surrogate"),
        (b'{"a":1} {"b":2}', "something follows"),
        (b'{"a":1}\x00', "something follows"),
        (b'{"hunter2":1,"hunter2":2}', "the same key twice"),
        (b'{"a":1,"\\u0061":2}', "the same key twice"),
        (b'{"x":[{"hunter2":1,"hunter\\u0032":1}]}', "the same key twice"),
        (b'{"a":NaN}', "a value is expected"),
        (b'{"a":Infinity}', "a value is expected"),
        (b'{"a":-Infinity}', "a number is not well-formed"),
        (b'{"a":1e999}', "a: the number is too large"),
        (b'{"a":{"b":[1,-1e400]}}', "a.b[1]: the number is too large"),
        (b'{"hunter2 x":1e400}', "*: the number is too large"),
        (b'{"n":123456789012345678901234567890,"a":1e999}', "a: the number is too large"),
        (b'{"a":' + b"9" * 400 + b".5}", "a: the number is too large"),
        (b'{"a":' + b"9" * 5000 + b"}", "too many digits"),
        (b'{"a":01}', "a number is not well-formed"),
        (b'{"a":1.}', "a number is not well-formed"),
        (b'{"a":+1}', "a value is expected"),
        (b'{"a":"\x01"}', "control character"),
        (b'{"a":"\\x41"}', "an escape that JSON does not know"),
        (b"{'a':1}", "a key must be a string"),
        (b'{"a":1,}', "a comma is followed by no value"),
        (b'{"a" 1}', "separator"),
        (b"/**/{}", "a value is expected"),
        (b'{\n"a":\n x}', "(line 3, column 2)"),
        (b"[1]", "the top level must be an object"),
        (b'"hunter2"', "the top level must be an object"),
        (b"null", "the top level must be an object"),
        (nested(MAX_DEPTH + 1), "more than 64 levels"),
        (nested(500), "more than 64 levels"),
        (b"[" * 1_000_000, "more than 64 levels"),
    ],
)
def test_what_is_not_strict_json_is_refused_by_what_and_where_without_its_content(
    body: bytes, says: str
) -> None:
    with pytest.raises(Refused) as caught:
        parse(body)
    refused = caught.value
    assert (refused.status, refused.code, refused.reasons) == (400, "invalid_json", ("gateway.invalid_json",))
    assert says in refused.message
    assert SECRET.decode() not in str(refused)


@pytest.mark.parametrize("body", [nested(MAX_DEPTH), b'{"a":"' + b"[" * 200 + b'"}', b' \t\r\n{"a":1}\r\n '])
def test_depth_counts_levels_and_not_brackets_and_white_space_may_surround(body: bytes) -> None:
    assert parse(body).value == json.loads(body)


@pytest.mark.parametrize(
    "digits",
    [
        "1.0",
        "1e5",
        "1E+5",
        "-0.0",
        "0.1000",
        "3.141592653589793238462643383279",
        "1e-999",
        "18446744073709551615",
    ],
)
def test_numbers_keep_their_digits(digits: str) -> None:
    assert parse(b'{ "a" : %s }' % digits.encode()).wire == b'{"a":%s}' % digits.encode()


def test_an_integer_beyond_64_bits_goes_on_in_the_original_bytes_while_nothing_changed() -> None:
    body = b'{ "messages": [{"x": 18446744073709551616}] }'
    parsed = parse(body)
    assert parsed.wire == body
    with pytest.raises(Refused) as caught:
        dump(parsed.value)
    assert caught.value.reasons == ("gateway.invalid_field",)
    assert caught.value.param == "messages[0].x"
    assert "1844" not in caught.value.message


def test_a_parse_never_shows_its_content_in_a_repr() -> None:
    assert "hunter2" not in repr(parse(b'{"a":"hunter2"}'))


class Raw(str):
    """The digits of a float."""


def meaning(value: Any) -> Any:
    if isinstance(value, jiter.LosslessFloat):
        return Raw(bytes(value).decode())
    if isinstance(value, dict):
        return {key: meaning(item) for key, item in value.items()}
    if isinstance(value, list):
        return [meaning(item) for item in value]
    return value


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**63), max_value=2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=5)


@settings(derandomize=True, database=None, deadline=None, max_examples=80)
@given(OBJECTS, st.booleans(), st.sampled_from([None, 2]))
def test_parse_then_dump_keeps_meaning_and_every_digit(
    value: dict[str, Any], ascii_only: bool, indent: Any
) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    parsed = parse(body)
    expected = json.loads(body, parse_float=Raw)
    assert meaning(parsed.value) == expected
    assert json.loads(parsed.wire, parse_float=Raw) == expected
    assert dump(parsed.value) == parsed.wire


def refusing_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError
    return result


def no_constant(name: str) -> None:
    raise ValueError(name)


def finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError
    return number


def oracle(body: bytes) -> Any:
    """The standard library made strict: what it refuses must be refused, what it reads must be equal."""
    if body.startswith(b"\xef\xbb\xbf"):
        raise ValueError
    value = json.loads(
        body.decode("utf-8"), object_pairs_hook=refusing_pairs, parse_constant=no_constant, parse_float=finite
    )
    json.dumps(value, ensure_ascii=False).encode("utf-8")
    if not isinstance(value, dict):
        raise ValueError
    return value


PIECES = st.sampled_from(
    [
        *'{}[]:," \n\\',
        '{"a":', '"a"', "\\ud83d", "\\ude00", "\\u0061", "\\n", "\x00", "NaN", "-", "1", "0", ".5", "e9",
        "e999", "true", "null", "9" * 25, "\ufeff", "é",
    ]
)  # fmt: skip


@settings(derandomize=True, database=None, deadline=None, max_examples=250)
@given(
    st.lists(PIECES, max_size=12).map(lambda parts: "".join(parts).encode())
    | st.lists(PIECES, max_size=8).map(lambda parts: ('{"a":"' + "".join(parts) + '"}').encode())
    | st.binary(max_size=30)
    | OBJECTS.flatmap(lambda value: st.integers(0, 200).map(lambda at: json.dumps(value).encode()[: at + 1]))
)
def test_it_accepts_exactly_what_a_strict_reader_accepts(body: bytes) -> None:
    try:
        expected = oracle(body)
    except ValueError:
        with pytest.raises(Refused):
            parse(body)
    else:
        parsed = parse(body)
        assert json.loads(parsed.wire) == expected
