"""What can tell names apart: the strings of tables, and the words and literals of the Rego."""

from __future__ import annotations

import ipaddress
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from dataplane.authoring.policy_set import PolicySet

_STRING: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"|`[^`]*`')
_INSIDE: Final = re.compile(r"\b(contains|indexof|indexof_n|split)\(|\b(regex|glob)\.")
MIN_PART: Final = 3

_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Marks:
    """Which of many strings a name has to do with: equal to it, its beginning or its end; inside it where
    `inside`. Strings of less than `MIN_PART` characters count only where they are equal."""

    def __init__(self, strings: Iterable[str], *, inside: bool) -> None:
        self._inside = inside
        self._exact = set(strings)
        self._parts = {one.removesuffix("*") for one in self._exact}
        self._lengths = sorted({len(one) for one in self._parts if len(one) >= MIN_PART})

    def of(self, name: str) -> frozenset[tuple[str, str]]:
        """Costs at most the square of the name's length, however many strings there are."""
        found = {("=", name)} if name in self._exact else set()
        for length in self._lengths:
            if length > len(name):
                break
            last = len(name) - length
            for at in range(last + 1) if self._inside else {0, last}:
                part = name[at : at + length]
                if part in self._parts:
                    found.add(("^" if at == 0 else "$" if at == last else "~", part))
        return frozenset(found)


def looks_inside(*policies: PolicySet) -> bool:
    """Whether the Rego has a built-in that looks for text inside a name."""
    return any(_INSIDE.search(line) for policy in policies for line in _code(policy))


def rego_of(policy: PolicySet) -> dict[str, str]:
    """The Rego in the bundle, by file."""
    found = {}
    with tarfile.open(policy.bundle) as archive:
        for entry in archive:
            file = archive.extractfile(entry) if entry.name.endswith(".rego") else None
            if file is not None:
                found[entry.name.lstrip("/")] = file.read().decode("utf-8", "replace")
    return found


def _code(policy: PolicySet) -> Iterator[str]:
    for text in rego_of(policy).values():
        yield from (line for line in text.splitlines() if not line.lstrip().startswith("#"))


def words_of(policy: PolicySet) -> set[str]:
    """Every word of the code, comments left out."""
    return {word for line in _code(policy) for word in _WORD.findall(line)}


def literals(policy: PolicySet) -> Iterator[str]:
    """The strings of the code, without the shortest."""
    return (text[1:-1] for line in _code(policy) for text in _STRING.findall(line) if len(text) > 3)


def without(value: Any, words: set[str]) -> Any:
    """Without the fields that the code has no word for; names that are no words may be looked up."""
    if isinstance(value, dict):
        return {
            key: without(one, words) for key, one in value.items() if key in words or not _WORD.fullmatch(key)
        }
    return [without(one, words) for one in value] if isinstance(value, list) else value


def touched_rows(old: Mapping[str, Any], new: Mapping[str, Any]) -> set[str]:
    """The keys of rows that are not the same in both."""
    return {
        key
        for name in {*old, *new}
        for key in {*rows_of(old, name), *rows_of(new, name)}
        if rows_of(old, name).get(key) != rows_of(new, name).get(key)
    }


def sample(pattern: str) -> str:
    """A name that a pattern covers."""
    return f"{pattern[:-1]}any" if pattern.endswith("*") else pattern


def network_of(text: Any) -> Any:
    """The range of addresses that a text is, None where it is none."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def borders(networks: Sequence[Any]) -> Iterator[str]:
    """The ends of every range and their neighbours: some address of every region between them."""
    for network in networks:
        low, high = int(network.network_address), int(network.broadcast_address)
        kind = type(network.network_address)
        most = 2**network.max_prefixlen - 1
        yield from (str(kind(one)) for one in (low, high, low - 1, high + 1) if 0 <= one <= most)


def rows_of(tables: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A table, empty where it is none or not of rows."""
    found = tables.get(name)
    return found if isinstance(found, dict) else {}


def keys_of(both: Iterable[Mapping[str, Any]], name: str) -> list[str]:
    """The keys of a table, of both policies."""
    return list(dict.fromkeys(key for tables in both for key in rows_of(tables, name)))


def list_in(row: Any, name: str) -> list[Any]:
    """A field that is a list, else an empty one."""
    found = row.get(name) if isinstance(row, dict) else None
    return found if isinstance(found, list) else []


def all_strings(value: Any) -> Iterator[str]:
    """Every string and key inside a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from all_strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from all_strings(one)


def numbers_of(value: Any, name: str = "") -> Iterator[tuple[str, int]]:
    """Every integer inside a value, with the field it stands in."""
    if isinstance(value, int) and not isinstance(value, bool):
        yield name, value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from numbers_of(one, key)
    elif isinstance(value, list):
        for one in value:
            yield from numbers_of(one, name)
