"""How OPA hashes the files of a signed bundle, and how we hash what a bundle means."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any, Final, NoReturn

from dataplane.bundle.archive import DATA, MANIFEST, SIGNATURES, Member, tar

STRUCTURED: Final = frozenset({DATA, MANIFEST})
"""Files that OPA hashes as JSON values rather than bytes (v1/bundle/bundle.go, IsStructuredDoc)."""


class NotStrictJSON(ValueError):
    """The text is not JSON that every reader takes alike."""


class _Number(str):
    """A number exactly as it was written; Go's json.Number keeps the text, and so does the hash."""

    __slots__ = ()


def file_digest(name: str, data: bytes) -> str:
    """SHA-256 in hex of a file, by OPA's rule (v1/bundle/hash.go, walk).

    Rego is hashed as it stands. JSON is hashed as a value: keys sorted, no white space, numbers as
    written, strings as Go's encoder writes them without HTML escapes. Raises `NotStrictJSON`.
    """
    if name not in STRUCTURED:
        return hashlib.sha256(data).hexdigest()
    value = strict_json(data, numbers_as_written=True)
    pieces: list[str] = []
    try:
        _walk(value, pieces)
        return hashlib.sha256("".join(pieces).encode()).hexdigest()
    except (RecursionError, UnicodeEncodeError) as error:
        raise NotStrictJSON("nested too deeply, or half of a surrogate pair") from error


def content_digest(members: Iterable[Member]) -> str:
    """SHA-256 in hex of the uncompressed tar without manifest and signature.

    It names what a bundle decides, apart from the channel, sequence and key it came with: gzip differs
    between Go versions and ES256 signatures are random.
    """
    content = [one for one in members if one.name not in (MANIFEST, SIGNATURES)]
    return hashlib.sha256(tar(content)).hexdigest()


def strict_json(data: bytes, *, numbers_as_written: bool = False) -> Any:
    """Parse UTF-8 JSON; duplicate keys, NaN and trailing bytes raise `NotStrictJSON`."""
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_once,
            parse_constant=_no_constant,
            parse_int=_Number if numbers_as_written else None,
            parse_float=_Number if numbers_as_written else None,
        )
    except NotStrictJSON:
        raise
    except (ValueError, RecursionError) as error:
        raise NotStrictJSON("not strict JSON") from error


def _walk(value: Any, pieces: list[str]) -> None:
    match value:
        case dict():
            pieces.append("{")
            # Go sorts by bytes, Python by code point: the same order for UTF-8
            for position, key in enumerate(sorted(value)):
                pieces.append(("," if position else "") + _string(key) + ":")
                _walk(value[key], pieces)
            pieces.append("}")
        case list():
            pieces.append("[")
            for position, item in enumerate(value):
                if position:
                    pieces.append(",")
                _walk(item, pieces)
            pieces.append("]")
        case _Number():
            pieces.append(str(value))
        case str():
            pieces.append(_string(value))
        case _:
            pieces.append(json.dumps(value))


def _string(text: str) -> str:
    escaped = json.dumps(text, ensure_ascii=False)
    return escaped.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotStrictJSON("a key that is there twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise NotStrictJSON(f"{name} is not JSON")
