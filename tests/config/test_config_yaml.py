"""The text of a configuration file: strict YAML, hostile or not, is a value or one clear error."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataplane.config import parse_yaml
from dataplane.errors import ConfigError


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, "f.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\na: 2\n", "f.yaml:2:1: key 'a' stands twice"),
        ("s:\n  a: 1\n  b: 1\n  'a': 2\n", "f.yaml:4:3: key 'a' stands twice"),
        ("a: &x [1]\nb: *x\n", "f.yaml:2:4: aliases are not allowed"),
        ("a: &x {<<: *x}\n", "f.yaml:1:12: aliases are not allowed"),
        ("<<: {a: 1}\n", "f.yaml:1:1: keys must be strings"),
        ("1: x\n", "f.yaml:1:1: keys must be strings"),
        ("? [a]\n: x\n", "f.yaml:1:3: keys must be strings"),
        ("a: !!python/name:os.system x\n", "f.yaml:1:4: tags are not allowed"),
        ("a: !!python/object/apply:os.system [id]\n", "f.yaml:1:4: tags are not allowed"),
        ("a: !env SECRET\n", "f.yaml:1:4: tags are not allowed"),
        ("a: !!str 1\n", "f.yaml:1:4: tags are not allowed"),
        ("! a: 1\n", "f.yaml:1:1: tags are not allowed"),
        ('a: "\\ud800"\n', "f.yaml:1:4: "),
        ('"\\0": 1\n', "f.yaml:1:1: "),
        ("a: [1\n", "f.yaml:2:1: "),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1: "),
        ("a\x00b", "f.yaml: not YAML"),
        ("a: 2001-99-99\n", "f.yaml: not YAML"),
        ('a: "\\UFFFFFFFF"\n', "f.yaml: not YAML"),
        ("a: " + "9" * 5000, "f.yaml: not YAML"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused_with_its_place(text: str, says: str) -> None:
    assert refusal(text).startswith(says)


@pytest.mark.parametrize(
    "text",
    [
        '!!timestamp "x"',
        '!!int ""',
        '!!float ""',
        "!!bool maybe",
        "!!map [a]",
        "!!map ab",
        "!!omap {a: b}",
        '!!binary "a"',
        "!!set [a]",
        "!!pairs [a]",
        "%TAG ! tag:yaml.org,2002:\n--- !int ''",
    ],
)
def test_an_explicit_tag_meets_no_constructor(text: str) -> None:
    assert "tags are not allowed" in refusal(text)


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_is_refused_quickly(opening: str) -> None:
    assert refusal(opening * 1000).startswith("f.yaml")


def test_an_alias_bomb_does_not_expand() -> None:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 64)]
    assert "aliases are not allowed" in refusal("\n".join(lines))


def test_plain_settings_are_read_as_yaml_means_them() -> None:
    text = "server: {bind: '127.0.0.1:0', graceful_s: 1.5}\nupstreams:\n  a: {models: [m, 'n*']}\n"
    assert parse_yaml(text, "f") == {
        "server": {"bind": "127.0.0.1:0", "graceful_s": 1.5},
        "upstreams": {"a": {"models": ["m", "n*"]}},
    }
    assert parse_yaml("", "f") is None


WORDS = (
    """!! ! &a *a <<: : - [ ] { } , ? | > ' " \\ % # --- ... a 1 0b_ 0x 1:60 .inf .nan ~ 2001-01-32 = \\U"""
)
words = st.sampled_from([" ", "\n", "\n  ", *WORDS.split(), *(f"{word} " for word in WORDS.split())])


def read(text: str) -> Any:
    try:
        return parse_yaml(text, "f")
    except ConfigError as error:
        return error


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(words, max_size=20).map("".join)))
def test_any_text_is_a_value_or_a_config_error(text: str) -> None:
    value = read(text)
    repr(value).encode()  # nothing in it that cannot be shown
    assert not isinstance(value, ConfigError) or str(value).startswith("f:")
