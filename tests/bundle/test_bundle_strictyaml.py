"""A table has one meaning, or none."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataplane.bundle.strictyaml import MAX_DEPTH, parse


def problems(text: str | bytes) -> list[str]:
    data = text if isinstance(text, bytes) else text.encode()
    return [f"{one.line}:{one.column} {one.message}" for one in parse(data, "t.yaml").problems]


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "3:1", 'the key "a" is already on line 1'),
        ('a: 1\n"a": 3\n', "2:1", "already on line 1"),
        ("x: &a {b: 1}\ny: 1\n", "1:4", "an anchor"),
        ("x:\n  <<: {a: 1}\n", "2:3", "a merge key"),
        ("x: !!python/object/apply:os.system [id]\n", "1:4", "a tag"),
        ("x: !!str 1\n", "1:4", "a tag"),
        ("x: !mine 1\n", "1:4", "a tag"),
        ("? [a]\n: 1\n", "1:3", "a key that is not plain text"),
        ("1: a\n", "1:1", "the key 1 would not be text"),
        ("true: a\n", "1:1", "the key true would not be text"),
        ("no: norway\n", "1:1", "the key no would not be text"),
        ("null: a\n", "1:1", "the key null would not be text"),
        ("a: no\n", "1:4", "means different things"),
        ("a: on\n", "1:4", "means different things"),
        ("a: 010\n", "1:4", "means different things"),
        ("a: 0o10\n", "1:4", "means different things"),
        ("a: 0x10\n", "1:4", "means different things"),
        ("a: 1_000\n", "1:4", "means different things"),
        ("a: 1:30\n", "1:4", "means different things"),
        ("a: 1e3\n", "1:4", "means different things"),
        ("a: 1.0e+3\n", "1:4", "means different things"),
        ("a: +1\n", "1:4", "means different things"),
        ("a: .5\n", "1:4", "means different things"),
        ("a: .inf\n", "1:4", "means different things"),
        ("a: .nan\n", "1:4", "means different things"),
        ("a: =\n", "1:4", "means different things"),
        ("a: 9007199254740992\n", "1:4", "beyond"),
        ("a:\n", "1:3", "null or empty"),
        ("a: ~\n", "1:4", "null or empty"),
        ("a: [1, null]\n", "1:8", "null or empty"),
        ("- a\n", "1:1", "the top of a table is a mapping"),
        ("text\n", "1:1", "the top of a table is a mapping"),
        ("a: 1\n---\nb: 2\n", "2:1", "a second document"),
        ("a: [1\n", "2:1", "did not find expected ',' or ']'"),
        ("a: b: c\n", "1:5", "mapping values are not allowed"),
        ("a:\n\t- b\n", "2:1", "found character that cannot start any token"),
        ("a: " + "[" * (MAX_DEPTH + 1), "1:35", "nested deeper"),
        (b"a: 1\nb: \xff\n", "2:0", "not valid UTF-8"),
        (b"a: \x00\n", "0:0", "a character that YAML does not allow"),
    ],
)
def test_what_two_readers_could_take_differently_is_refused_with_its_place(
    text: str | bytes, place: str, message: str
) -> None:
    found = problems(text)
    assert len(found) == 1, found
    assert found[0].startswith(f"{place} "), found
    assert message in found[0]


def test_a_billion_laughs_are_not_laughed() -> None:
    text = "a: &a [x,x,x,x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(20)
    )
    assert any("an alias" in one for one in problems(text))


def test_every_mistake_of_a_file_is_shown() -> None:
    found = problems("a: no\nb: 010\nc: {d: 1, d: 2}\ne:\n")
    assert [one.split(":")[0] for one in found] == ["1", "2", "3", "4"]


def test_plain_values_are_read_and_dates_are_text() -> None:
    document = parse(
        b"a: {t: true, f: false, i: -12, n: 0.15, s: text, q: 'no', d: 2026-01-01, v: 1.2.3,\n"
        b'    ip: 10.0.0.0/8, six: "::1/128", l: [1, two, [3]]}\n',
        "t.yaml",
    )
    assert document.problems == []
    assert document.value == {
        "a": {
            "t": True,
            "f": False,
            "i": -12,
            "n": 0.15,
            "s": "text",
            "q": "no",
            "d": "2026-01-01",
            "v": "1.2.3",
            "ip": "10.0.0.0/8",
            "six": "::1/128",
            "l": [1, "two", [3]],
        }
    }
    assert document.where["a", "l", 1] == (2, 44)


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "{}\n", "---\n"])
def test_an_empty_file_is_an_empty_table(text: str) -> None:
    document = parse(text.encode(), "t.yaml")
    assert (document.value, document.problems) == ({}, [])


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
@settings(max_examples=200, deadline=None)
def test_whatever_the_bytes_there_is_a_value_or_a_problem(data: bytes) -> None:
    document = parse(data, "t.yaml")
    json.dumps(document.value, allow_nan=False)


def test_the_shipped_tables_are_plain() -> None:
    for path in sorted((Path(__file__).parents[2] / "policies").glob("**/data/*.yaml")):
        assert parse(path.read_bytes(), str(path)).problems == []
