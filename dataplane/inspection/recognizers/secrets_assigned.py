"""Values that are set under a telling name: `api_token = "..."`, `"password": "..."`, `--token ...`."""

from __future__ import annotations

import re
from typing import Final

from dataplane.inspection.recognizers import secrets_patterns, secrets_value

_NAMES: Final = (
    r"key|token|secret|passw|pwd|passphrase|credential|creds|auth|bearer|dsn|webhook|cookie|signature|login"
    r"|securestring"
)
_BARE: Final = r"(?:access|private)[ _=:-]{1,2}[A-Za-z0-9+/_-]{16}|(?:key|token|secret|auth)-[A-Za-z0-9]{8}"
"""Names that tell only where a value of some length follows at once, and values joined to their names."""
_QUOTED: Final = r"[\w.\[\]-]*[\"'`\])]*"
NAMED: Final = (
    rf"(?:{_NAMES}){_QUOTED}"
    r"(?:\s*[:=,>|?]|\s(?:is|are|to|string)\s|\s[\"'`]|[ \t][A-Za-z0-9+/_=.!@#$%^&*-]{12})"
    rf"|{_BARE}"
)
OF_PROVIDER: Final = rf"(?:{secrets_patterns.PROVIDERS}){_QUOTED}\s*[:=,>|?]"
"""What the engine looks for: a name and what sets it. With what a value is made of behind it, hyperscan's
compiler takes minutes."""

_ASSIGNED: Final = re.compile(
    r"(?P<tail>[\w.\[\]-]{0,40}?(?: [\w]{1,12}){0,2})[\"'`\]\)]{0,3}"
    r"(?P<op>\s{0,8}(?:=>|[:?|!+]{0,2}={1,3}|:)\s{0,24}(?:string\s*=\s*)?|(?<=[\"'`])\s?,\s{0,8}|>\s{0,8}"
    r"|\s?\|\s{0,8}|\s(?:is|are|to)[\s:]{1,8}|[ \t]{1,4}|-(?=[A-Za-z0-9]{8}))"
    r"(?P<quote>[\"'`]?)(?:Bearer |Basic |Token )?(?P<value>[A-Za-z0-9+/=_.~@!#$%^&*"
    r"|?:;,()\[\]{}<>-]{4,600})",
    re.IGNORECASE,
)
_PROVIDER: Final = re.compile(rf"(?:{secrets_patterns.PROVIDERS})", re.IGNORECASE)
_PASSWORD: Final = re.compile(r"passw|pwd|passphrase", re.IGNORECASE)
_SECRETIVE: Final = re.compile(
    r"key|token|secret|passw|pwd|credential|creds|auth\b|auth[_-]|_auth|securestring|access\b|private\b",
    re.IGNORECASE,
)
_HARMLESS: Final = frozenset(
    {
        "public",
        "pub",
        "name",
        "file",
        "filename",
        "path",
        "dir",
        "length",
        "len",
        "size",
        "type",
        "url",
        "uri",
    }
    | {
        "endpoint",
        "version",
        "count",
        "max",
        "min",
        "field",
        "column",
        "index",
        "check",
        "checksum",
        "chksum",
    }
    | {"keyword", "keywords", "keyboard", "keyframe", "keyframes", "keystore", "keytab", "primary", "foreign"}
    | {"sort", "partition", "cache", "bucket", "schema", "sequence", "storage", "tokenizer", "tokenize"}
    | {
        "author",
        "authors",
        "authority",
        "monkey",
        "turkey",
        "donkey",
        "hotkey",
        "keypress",
        "pressed",
        "press",
        "secretary",
        "pubkey",
    }
    | {"shortcut", "keyvault", "keyring", "nonce", "id", "ids", "object", "event", "label", "title", "locale"}
    | {"translation", "format", "algorithm", "alg", "mode", "scheme", "status", "state", "policy", "prefix"}
    | {"suffix", "header", "headers", "class", "host", "selector", "code", "lookup", "hash", "etag", "digest"}
    | {
        "fingerprint",
        "serial",
        "trace",
        "span",
        "next",
        "page",
        "continuation",
        "change",
        "idempotency",
        "sync",
    }
    | {"cursor", "arn", "commit", "revision", "image", "artifact", "integrity", "resolved", "results", "beta"}
    | {
        "expiry",
        "expires",
        "ttl",
        "timeout",
        "limit",
        "limits",
        "usage",
        "pair",
        "server",
        "domain",
        "region",
    }
)
"""Words of a name that say it is no secret: `public_key`, `token_type`, `sort key`."""
_WORDS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\Z", re.IGNORECASE)
_HEX: Final = re.compile(r"(?:[0-9a-f]{30,}|[0-9A-F]{30,})\Z")
_EXPRESSION: Final = re.compile(
    r"[()\[\]{}<>;]|::|\w\.\w+\.[a-z]|->|^[a-z_]+\.[a-z_]+$|^[a-z]{2,12}:/|^/|^\.{0,2}/|^[\w-]+\.\w{2,4}$"
)
_ENDS: Final = re.compile(r"[\"'`,;)\]}<>]|\\n|\\\"")

SURE: Final = 85
LIKELY: Final = 65
UNCLEAR: Final = 35
"""Scores: named and varied; named or varied enough; words could as well be meant."""


def find(text: str, start: int) -> tuple[int, int, int, str] | None:
    """The value at a hit of the needle, as score (0: no secret), range and kind of secret; None where nothing
    is set."""
    found = _ASSIGNED.match(text, start)
    if found is None:
        return None
    first = start
    while (
        first and start - first < _LONGEST_NAME and (text[first - 1].isalnum() or text[first - 1] in "_.:-")
    ):
        first -= 1
    name = text[first:start] + found["tail"]
    value, at, quote, op = found["value"], found.start("value"), found["quote"], found["op"]
    if quote:
        close = text.find(quote, at, at + 600)
        if close > at:
            value = text[at:close]
    if not quote or len(value) == 600:
        cut = _ENDS.search(value)
        value = value if cut is None else value[: cut.start()]
        value = value.rstrip(".:?!" if not quote else "")
        if first and text[first - 1] in "?&":  # in a URL's query
            value = value.partition("&")[0]
    if " " in value or "\n" in value:
        return None
    if len(value) < _LEAST and not (_PASSWORD.search(name) and _connects(text, start, at + len(value))):
        return None
    if text.startswith("...", at + len(value)):
        return None
    score = _score(name, op.strip(), value, quoted=bool(quote))
    if not score and _PASSWORD.search(name) and "=" in op and _connects(text, start, at + len(value)):
        score = 0 if secrets_value.stands_for_another(value) or _EXPRESSION.search(value) else LIKELY
    kind = "password" if _PASSWORD.search(name) else "generic"
    return score, at, at + len(value), kind


def _names_provider(name: str) -> bool:
    """Whether a part of a name is a provider's: `sumo_id` and `mySumoId`, not `rookTable` nor `sumOf`."""
    found = _PROVIDER.search(name)
    if found is None:
        return False
    word, before = found[0], name[found.start() - 1 : found.start()]
    if before.isalpha() and not (before.islower() and word[0].isupper()):
        return False
    return not (word[0].islower() and word[-1].isupper())


_LONGEST_NAME: Final = 48
"""Characters of a name before what tells; with colons, for `arn:aws:secretsmanager:`."""


def _connects(text: str, start: int, end: int) -> bool:
    """Whether a password stands in a connection string, between a user and a server."""
    return _CONNECTION.search(text[max(0, start - _CONNECTION_PART) : end + _CONNECTION_PART]) is not None


_CONNECTION: Final = re.compile(
    r"(?:^|[;\"'\s])(?:user ?id|uid|user|username|server|data source|host|initial catalog|database"
    r"|provider|driver)"
    r"\s?=[^;\n]{1,80};[^\n]*(?:passw|pwd)|(?:passw\w*|pwd)\s?=[^;\n]{1,80};\s?(?:initial catalog"
    r"|database|server"
    r"|data source|user ?id|uid|host|port)\s?=",
    re.IGNORECASE,
)
_CONNECTION_PART: Final = 160
"""Code points of a connection string on either side of a password."""
_NAMED_ALONE: Final = re.compile(
    r"(?:token|secret|api[ _-]?key|access[ _-]?key|private[ _-]?key|access|private|[a-z]key)[ _-]?(?:key)?\Z",
    re.IGNORECASE,
)
"""Names after which a value needs no sign of being set: `service TOKEN 5e1f...`."""
_HEX_VARIED: Final = 3.0

_LEAST: Final = 8
"""Characters; shorter ones are a matter of words."""


def _score(name: str, op: str, value: str, *, quoted: bool) -> int:
    provider = _names_provider(name)
    secretive = _SECRETIVE.search(name) is not None
    assigned = any(each in op for each in "=:>")
    words = {word.lower() for word in _WORDS.findall(name)}
    if words & _HARMLESS and not (provider and words & {"access", "accessid"}):
        return 0
    if not (secretive or provider) or value.startswith("arn:") or secrets_value.stands_for_another(value):
        return 0
    if quoted and secrets_value.is_alphabet(value):
        return 0
    if _UUID.match(value):
        told = assigned or quoted or _NAMED_ALONE.search(name) is not None
        return LIKELY if (secretive or (provider and assigned)) and told else 0
    varied = secrets_value.entropy(value)
    digits = any(map(str.isdigit, value))
    if _HEX.match(value):
        if varied < _HEX_VARIED or not (assigned or quoted or _NAMED_ALONE.search(name)):
            return 0
        return SURE if assigned or quoted else LIKELY
    if _PASSWORD.search(name) and (assigned or op in ("is", "")):
        return _password(value, varied, quoted=quoted, assigned=assigned)
    kinds = secrets_value.kinds_of_characters(value)
    length = len(value)
    if (
        quoted
        and assigned
        and secretive
        and kinds >= 3
        and digits
        and length >= _KEY
        and varied >= _KEY_VARIED
    ):
        return 0 if _CALL.search(value) else LIKELY
    if assigned and secretive and digits and varied >= _TOKEN_VARIED and _TOKEN.match(value):
        return LIKELY
    if not digits or _EXPRESSION.search(value) or secrets_value.is_wordy(value):
        return 0
    if not assigned and not quoted:
        return LIKELY if kinds >= 2 and length >= _LONG and varied >= 3.3 else 0
    if length >= _LONG and varied >= 3.4 and kinds >= 2:
        return SURE if secretive else LIKELY
    if kinds >= (3 if length < 12 else 2) and varied >= (3.0 if kinds >= 3 else 3.2):
        return LIKELY
    return 0


_KEY: Final = 32
_KEY_VARIED: Final = 4.0
"""Characters and bits for each of generated keys, which may hold what code is made of, as those of Django."""
_TOKEN: Final = re.compile(r"[A-Za-z0-9_.~+=-]{60,}\Z")
_TOKEN_VARIED: Final = 4.7
"""Tokens in parts, `Rh83q...Y8.LdWO...`, look like members of objects, which vary less."""
_CALL: Final = re.compile(r"://|\w\([\w.,\s'\"]*\)|->|::|^[/.]|\w\.\w+\.\w+[(\[]")

_LONG: Final = 16
"""Characters from which on random values tell themselves from names: 3.4 bits each, where words have 3."""


def _password(value: str, varied: float, *, quoted: bool, assigned: bool) -> int:
    """Passwords are short, and words of code stand where they could."""
    kinds = secrets_value.kinds_of_characters(value)
    if _EXPRESSION.search(value) and (not quoted or value[-1:] in ")]}"):
        return 0
    if kinds < 2 or varied < 2.5 or (value[0] in "/#." and secrets_value.is_wordy(value[1:])):
        return 0
    if secrets_value.is_wordy(value) and (not quoted or not any(map(str.isdigit, value))):
        return 0
    if quoted and assigned:
        return LIKELY
    return LIKELY if kinds >= 3 and any(map(str.isdigit, value)) else UNCLEAR
