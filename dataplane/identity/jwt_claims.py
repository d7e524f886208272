"""What a verified token says: whether it counts now and here, and whom it names.

A claim of the wrong type or beyond its bounds is a fault of the token: half of an identity is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from dataplane.config import JwtClaims
from dataplane.identity.jwt_form import BadToken, from_base64url

MAX_TEXT_CHARS: Final = 256
"""Of a name in a token; what query columns of records hold."""

MAX_NAMES: Final = 512
"""Of roles, groups and scopes each; Microsoft's tokens stop at 200 groups."""

MAX_ACTORS: Final = 8
"""Links of a delegation chain. Two or three are seen; each is a name in every record of the call."""

MAX_TIME: Final = 2.0**53
"""Seconds that a double tells apart."""

THUMBPRINT_BYTES: Final = 32

_SPACES: Final = " "


def judge_times(claims: Mapping[str, Any], *, now: float, leeway_s: float) -> float:
    """When the token ends, in Unix seconds, leeway included (RFC 7519, 4.1.4 to 4.1.6).

    Raises `BadToken`: it must say when it ends, be neither over nor early, nor made in the future.
    """
    expires = _time(claims, "exp")
    if expires is None:
        raise BadToken("claims")
    for name in ("nbf", "iat"):
        begins = _time(claims, name)
        if begins is not None and begins > now + leeway_s:
            raise BadToken("early")
    if now >= expires + leeway_s:
        raise BadToken("expired")
    return expires + leeway_s


def judge_audience(claims: Mapping[str, Any], audiences: frozenset[str]) -> None:
    """Raise `BadToken` unless `aud`, a string or a list of strings, names one of ours."""
    match claims.get("aud"):
        case str() as one:
            named = {one}
        case list() as several if all(type(one) is str for one in several):
            named = set(several)
        case _:
            raise BadToken("audience")
    if audiences.isdisjoint(named):
        raise BadToken("audience")


def judge_type(typ: str | None, types: frozenset[str]) -> None:
    """Raise `BadToken` unless the header's `typ` is one of `types` (lower case; `none` for absent). A media
    type may be written with or without `application/`, in any case (RFC 7515, 4.1.9)."""
    if ("none" if typ is None else typ.lower().removeprefix("application/")) not in types:
        raise BadToken("type")


def missing(claims: Mapping[str, Any], paths: Sequence[str]) -> bool:
    """Whether one of the claims is absent, null or empty."""
    return any(_at(claims, path) in (None, "", [], {}) for path in paths)


def bound_to(claims: Mapping[str, Any]) -> bytes | None:
    """SHA-256 of the certificate that the token is bound to (RFC 8705, 3.1), None where it is to none.

    Raises `BadToken` for a confirmation that says anything else: a binding we cannot check is not met.
    """
    if "cnf" not in claims:
        return None
    match claims["cnf"]:
        case {"x5t#S256": str() as text, **others} if not others:
            try:
                thumbprint = from_base64url(text)
            except ValueError:
                raise BadToken("binding") from None
            if len(thumbprint) != THUMBPRINT_BYTES:
                raise BadToken("binding")
            return thumbprint
        case _:
            raise BadToken("binding")


def text_of(claims: Mapping[str, Any], paths: Sequence[str]) -> str | None:
    """The first of the claims that is there, as a name. Raises `BadToken` where it is none."""
    value = _first(claims, paths)
    return None if value is None else _name(value)


def names_of(claims: Mapping[str, Any], paths: Sequence[str], *, spaced: bool = False) -> tuple[str, ...]:
    """The first of the claims that is there, as names without repeats: a list of strings or one string, which
    holds several where `spaced` (RFC 8693, 4.2). Raises `BadToken` where it is neither."""
    match _first(claims, paths):
        case None:
            return ()
        case str() as text:
            values: list[Any] = [one for one in text.split(_SPACES) if one] if spaced else [text]
        case list() as values:
            pass
        case _:
            raise BadToken("claims")
    if len(values) > MAX_NAMES:
        raise BadToken("claims")
    return tuple(dict.fromkeys(_name(value) for value in values))


def actors_of(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """Who acts for the subject, the current actor first (RFC 8693, 4.1). Raises `BadToken` for a chain that
    is too long or names nobody."""
    return tuple(_actors(claims.get("act")))


def visible_of(claims: Mapping[str, Any], settings: JwtClaims) -> dict[str, str | int | float | bool]:
    """The claims that policy may see, by the names in the settings. Those that are no scalar are left out."""
    found: dict[str, str | int | float | bool] = {}
    for path in settings.visible:
        match _at(claims, path):
            case bool() as flag:
                found[path] = flag
            case str() as text if len(text) <= MAX_TEXT_CHARS:
                found[path] = text
            case int() | float() as number if abs(number) < MAX_TIME:
                found[path] = number
            case _:
                pass
    return found


def _actors(act: Any) -> Iterator[str]:
    for _ in range(MAX_ACTORS):
        if act is None:
            return
        if type(act) is not dict:
            raise BadToken("claims")
        yield _name(act.get("sub", act.get("client_id")))
        act = act.get("act")
    if act is not None:
        raise BadToken("claims")


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    if name not in claims:
        return None
    value = claims[name]
    # A bool is an int to Python. Infinity and NaN are in no range; an integer may be too large for a float.
    if type(value) not in (int, float) or not 0 <= value < MAX_TIME:
        raise BadToken("claims")
    return float(value)


def _first(claims: Mapping[str, Any], paths: Sequence[str]) -> Any:
    return next((value for path in paths if (value := _at(claims, path)) is not None), None)


def _at(claims: Mapping[str, Any], path: str) -> Any:
    """The value of the claim of that very name, else at the dotted path; None where there is none."""
    if path in claims:
        return claims[path]
    value: Any = claims
    for part in path.split("."):
        if type(value) is not dict or part not in value:
            return None
        value = value[part]
    return value


def _name(value: Any) -> str:
    if type(value) is not str or not 0 < len(value) <= MAX_TEXT_CHARS or not value.isprintable():
        raise BadToken("claims")
    return value
