"""The form of a JSON Web Token, judged before any cryptography (RFC 7515 compact form, RFC 8725).

Three segments in strict base64url, a strict JSON header that asks for nothing we do not do. One parse:
what is verified is what is read afterwards.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import Any, Final

import jiter

from dataplane.errors import RegoGateError

MAX_TOKEN_CHARS: Final = 16_384
"""Half of what the guard takes as a whole head. Tokens that list 200 groups by UUID have about 11,000."""

MAX_HEADER_CHARS: Final = 2048
"""Of the first segment. `alg`, `kid`, `typ` and a thumbprint have about 200."""

MAX_KID_CHARS: Final = 256
MAX_DEPTH: Final = 16
"""Levels of objects and lists in a header, payload or key set; real ones have four."""

NOT_OBEYED: Final = frozenset({"crit", "jku", "jwk", "x5u", "x5c", "b64", "zip", "enc"})
"""Header parameters that bring or fetch a key, or change what is signed: a token with one is refused."""

_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


class BadToken(RegoGateError):
    """A token that proves nothing. `fault` is one word for the record, never told to the caller.

    Faults: size, form, header, issuer, algorithm, type, key, signature, claims, expired, early, audience,
    binding, revoked, inactive, ambiguous.
    """

    def __init__(self, fault: str) -> None:
        self.fault = fault
        super().__init__(f"bad token: {fault}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Jws:
    """A signed message whose signature was not looked at yet. Nothing in it may be believed."""

    alg: str
    kid: str | None
    typ: str | None
    signing_input: bytes = field(repr=False)
    payload: bytes = field(repr=False)
    signature: bytes = field(repr=False)


def looks_like_token(text: str) -> bool:
    """Whether a bearer means to be a JSON Web Token: it has the dots of one (a JWE has more)."""
    return text.count(".") >= 2


def split(text: str) -> Jws:
    """The parts of a compact JWS. Raises `BadToken`; the work is bounded by `MAX_TOKEN_CHARS`."""
    if len(text) > MAX_TOKEN_CHARS:
        raise BadToken("size")
    segments = text.split(".")
    if len(segments) != 3 or not segments[0] or not segments[2]:
        raise BadToken("form")
    if len(segments[0]) > MAX_HEADER_CHARS:
        raise BadToken("size")
    try:
        head, payload, signature = map(from_base64url, segments)
        header = strict_object(head)
    except ValueError:
        raise BadToken("form") from None
    alg, kid, typ = header.get("alg"), header.get("kid"), header.get("typ")
    if not NOT_OBEYED.isdisjoint(header) or type(alg) is not str:
        raise BadToken("header")
    if "kid" in header and (type(kid) is not str or len(kid) > MAX_KID_CHARS):
        raise BadToken("header")
    if "typ" in header and type(typ) is not str:
        raise BadToken("header")
    signing_input = text.rpartition(".")[0].encode("ascii")
    return Jws(alg=alg, kid=kid, typ=typ, signing_input=signing_input, payload=payload, signature=signature)


def from_base64url(text: str) -> bytes:
    """Strict base64url: no padding, no other character, no bit that no byte uses. Raises `ValueError`."""
    if _SEGMENT.fullmatch(text) is None or len(text) % 4 == 1:
        raise ValueError("not base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    # Two texts for one value would make two tokens of one, of which a revocation list knows but one.
    if base64.urlsafe_b64encode(data).rstrip(b"=") != text.encode("ascii"):
        raise ValueError("not canonical base64url")
    return data


def strict_object(data: bytes) -> dict[str, Any]:
    """A JSON object in UTF-8 without duplicate members, NaN or deep nesting. Raises `ValueError`."""
    value = jiter.from_json(data, catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="keys")
    if type(value) is not dict:
        raise ValueError("not an object")
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH and _too_deep(value):
        raise ValueError("nested too deeply")
    return value


def _too_deep(value: Any) -> bool:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for node in level
            for child in (node.values() if type(node) is dict else node)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True
