"""Secrets: keys of providers and clouds, private keys, tokens, passwords in URLs and commands, and values of
varied characters under telling names.

The engine says where a form or a name stands; how much the characters vary, and what stands around, says
whether it is a secret or stands for one. Row: `skip` lists kinds that are not wanted, `allow` values that
are none (fixtures that a site knows of).
"""

from __future__ import annotations

import re
import string
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from dataplane.findings import Origin
from dataplane.inspection.recognizer import PAUSE, PAUSE_AFTER, Candidate, Hit, Pattern, Recognizer
from dataplane.inspection.recognizers import (
    secrets_assigned,
    secrets_further,
    secrets_names,
    secrets_patterns,
    secrets_value,
    secrets_worded,
)

_B64URL: Final = r"[A-Za-z0-9_-]"
_BEGIN: Final = r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
_OTHERS: Final[Mapping[str, tuple[str, bool]]] = {
    # name: regex, caseless
    "private_key": (rf"{_BEGIN}[^-]{{1,8}}", False),
    "jwt": (rf"\bey[A-Za-z0-9]{_B64URL}{{10,}}\.ey{_B64URL}{{8,}}(?:\.{_B64URL}{{0,}})?", False),
    "jwe": (rf"\beyJ{_B64URL}{{16,}}(?:\.{_B64URL}{{0,}}){{4}}", False),
    "private_lines": (r"Private-Lines: \d{1,3}\s{1,3}[A-Za-z0-9+/]{40}", False),
    "private_exponent": (r"<D>\s{0,8}[A-Za-z0-9+/\s]{20,800}={0,2}\s{0,8}</D>", False),
    "encoded_private_key": (
        r"\bLS0tLS1CRUdJTi[A-Za-z0-9+/]{0,24}(?:UFJJVkFURSBLRVk|QUklWQVRFIEtFWS|BSSVZBVEUgS0VZ)[A-Za-z0-9+/]{40,}={0,2}"
        r"|\bMII[A-Za-z0-9+/]{2,5}BADANBgkqhkiG9w0BAQEFAASC[A-Za-z0-9+/]{100,}={0,2}"
        r"|\bMII[A-Za-z0-9+/]{2,3}IBAAK[A-Za-z0-9+/]{100,}={0,2}|\bMHcCAQEEI[A-Za-z0-9+/]{80,}={0,2}",
        False,
    ),
    "jwk": (r"\"kty\"\s{0,2}:", False),
    "kubernetes": (r"kind:\s{0,3}[\"']?secret\b", True),
    "password_hash": (
        r"\$(?:2[abxy]\$\d\d|argon2id?\$v=\d+\$[a-z0-9=,]+|[568]\$(?:rounds=\d+\$)?[./A-Za-z0-9]{4,16})\$[./A-Za-z0-9$+]{40,}"
        r"|\$(?:1|apr1)\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22}|\$krb5(?:asrep|tgs|pa)\$\d{1,2}\$[^\s]{60,}",
        False,
    ),
}
_WHOLE: Final = {**_OTHERS, **secrets_worded.ALL}
_BY_NAME: Final = {
    "named": secrets_names.NAMED,
    **{f"of_provider_{part}": regex for part, regex in enumerate(secrets_names.OF_PROVIDER)},
}
_END: Final = re.compile(r"-----END [A-Z0-9 ]{1,60}-----")
_KEY_LINE: Final = re.compile(r"[A-Za-z0-9+/=]{20}")
_KEY_HEADERS: Final = 400
"""Code points of headers before the lines of a private key."""
_SEALED_LENGTH: Final = 16_384
"""Code points in which the end of a private key is looked for; an RSA key of 16,384 bits takes 12,700."""
_SECRET_DATA: Final = re.compile(
    r"\b(?:data|stringData):((?:\s*\n\s+[\w.-]+:\s*[\"']?[^\s\"']{10,400}[\"']?)+)"
)

_STRETCH: Final = 600
_NAMES: Final = 24
"""Telling names that are looked at in so many code points: prose and code have five. A text that is made of
nothing else would take seconds."""
_LONG_VALUE: Final = 128
"""Characters of a value in which names are not looked for again: `key=key=key=` is one."""
_BEFORE_KIND: Final = 600
"""Code points of a manifest's `data` before its `kind`; twice as many behind it."""

_VARIED: Final = 3.0
"""Bits for each character after the issuer's own prefix: placeholders such as `ghp_xxxx` have fewer."""
_VARIED_AFTER_PREFIX: Final = 2.2
"""The same where letters joined by `_` or `-` say whose it is: nothing else begins like that, so that little
is enough, as in `0deadbeef0deadbeef`."""
_PREFIX: Final = re.compile(r"[A-Za-z]{1,8}\d{0,2}[A-Za-z]{0,6}[_-]|AIza|SG\.")
_VARIED_BY_KIND: Final[Mapping[str, float]] = {
    "aws_access_key": 2.5,
    "slack_token": 2.5,
    "facebook_token": 3.0,
    "octopus_key": 3.3,
}

SURE: Final = 95
LIKELY: Final = 75
_SCORES: Final = {"aws_access_key": 90, **dict.fromkeys(("mollie_key", "secret_key", "prefixed_key"), LIKELY)}
"""Those of forms that say less of whose they are than others do."""

_KINDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(secrets_further.FURTHER, "generic"),
    **secrets_worded.KINDS,
    **dict.fromkeys(("jwk", "private_lines", "private_exponent", "encoded_private_key"), "private_key"),
}


def _kind(name: str) -> str:
    """The kind of what a pattern of this name finds."""
    return f"secret.{_KINDS.get(name, name)}"


ALL_KINDS: Final = frozenset(map(_kind, (*secrets_patterns.ALL, *_WHOLE, "generic", "password")))


def make(row: Mapping[str, Any]) -> Recognizer:
    """See `recognizer.MakesRecognizer`."""
    skip = frozenset(row.get("skip", ()))
    if unknown := skip - ALL_KINDS:
        raise ValueError(f"secrets: skip names {sorted(unknown)[0]!r}, which is none of its kinds")
    return _Secrets(skip, frozenset(row.get("allow", ())))


class _Secrets:
    def __init__(self, skip: frozenset[str], allow: frozenset[str]) -> None:
        self._allow = allow
        patterns = [
            Pattern(id=f"secrets.{name}", regex=_after_underscore(regex), caseless=False)
            for name, regex in secrets_patterns.ALL.items()
            if _kind(name) not in skip
        ]
        patterns.extend(
            Pattern(id=f"secrets.{name}", regex=regex, caseless=caseless)
            for name, (regex, caseless) in _WHOLE.items()
            if _kind(name) not in skip
        )
        if not {"secret.generic", "secret.password"} <= skip:
            patterns.extend(Pattern(id=f"secrets.{name}", regex=regex) for name, regex in _BY_NAME.items())
        self._skip = skip
        self.patterns: Sequence[Pattern] = tuple(patterns)

    def recognize(self, text: str, hits: Sequence[Hit], origin: Origin) -> Iterable[Candidate]:
        """What is found, none overlapping another: what has an issuer's form first, then the longest."""
        found: list[Candidate] = []
        stretch = examined = manifests = keys = cookies = within = 0
        for count, hit in enumerate(hits, 1):
            if count % PAUSE_AFTER == 0:
                yield PAUSE
            name = hit.pattern[len("secrets.") :]
            match name:
                case _ if name in _BY_NAME:
                    if hit.start < within:
                        continue
                    if hit.start >= stretch:
                        stretch, examined = hit.start + _STRETCH, 0
                    examined += 1
                    if examined <= _NAMES and (value := secrets_assigned.find(text, hit.start)):
                        score, start, end, kind = value
                        if score:
                            found.append(Candidate(f"secret.{kind}", score, start, end))
                        if end - start >= _LONG_VALUE:
                            within = end
                case "private_key":
                    found.extend(_private_key(text, hit))
                case "private_lines" | "private_exponent" | "encoded_private_key":
                    found.extend(_private_part(text, hit, name))
                case "jwk":
                    if hit.start >= keys:
                        keys, parts = _json_web_key(text, hit)
                        found.extend(parts)
                case "kubernetes":
                    if hit.start >= manifests:
                        manifests = hit.end + _BEFORE_KIND
                        found.extend(_kubernetes(text, hit))
                case "cookie":
                    if hit.start >= cookies:
                        cookies, pairs = secrets_worded.of_cookies(text, hit.start, hit.end)
                        found.extend(Candidate(_kind(name), *pair) for pair in pairs)
                case "jwt" | "jwe":
                    if secrets_value.varies(text[hit.start : hit.end], least=_VARIED):
                        found.append(Candidate("secret.jwt", SURE, hit.start, hit.end))
                case _ if name in secrets_worded.ALL:
                    found.extend(_worded(text, hit, name))
                case _:
                    found.extend(_form(text, hit, name))
        if found:
            yield from _apart(
                each
                for each in found
                if each.kind not in self._skip and text[each.start : each.end] not in self._allow
            )


def _after_underscore(regex: str) -> str:
    """The form where it is joined to a name by an underscore too: `call_AKIA...`."""
    return regex.replace(r"\b", r"(?:\b|_)")


def _form(text: str, hit: Hit, name: str) -> Iterable[Candidate]:
    """A match of an issuer's form, if it ends there and varies."""
    if text[hit.start] == "_":
        hit = hit._replace(start=hit.start + 1)
    elif hit.start and text[hit.start - 1] == "_":
        return
    after = text[hit.end : hit.end + 1]
    value = text[hit.start : hit.end]
    prefixed = _PREFIX.match(value) is not None
    if after.isalnum() and (name in _OF_ONE_LENGTH or not prefixed):
        return
    if (hit.start and text[hit.start - 1] in _NOT_BEFORE.get(name, "")) or (
        name == "slack_token" and after in ("#", "[")
    ):
        return
    telling = prefixed and name not in _LIKE_CODE
    least = _VARIED_BY_KIND.get(name, _VARIED_AFTER_PREFIX if telling else _VARIED)
    tail = value if len(value) < 24 else value[6:]
    if name in _LIKE_CODE and not any(map(str.isdigit, tail)):
        return
    if name in _OF_ONE_LENGTH and secrets_value.is_name(tail):
        return
    if secrets_value.entropy(tail) < least or (_masked(value) and name != "azure_service_key"):
        return
    yield Candidate(_kind(name), _SCORES.get(name, SURE), hit.start, hit.end)


_LIKE_CODE: Final = frozenset(
    {
        "vault_token",
        "crates_token",
        "voyage_key",
        "fireworks_key",
        "render_key",
        "modal_token",
        "mandrill_key",
        "mollie_key",
        "secret_key",
        "prefixed_key",
        "statsig_key",
        "courier_key",
        "dbt_token",
        "yandex_secret",
        "yandex_oauth",
        "ably_key",
        "sanity_token",
        "trigger_key",
        "mercury_token",
        "pubnub_secret",
    }
)
"""Forms that a method's name has too (`s.includeEmbedded...`): one in fifty random tokens has no digit."""
_OF_ONE_LENGTH: Final = _LIKE_CODE | {"huggingface_token", "notion_token"}
"""Forms whose beginning names have too, so that what goes on is none, nor what reads as one."""
_NOT_BEFORE: Final[Mapping[str, str]] = {
    "octopus_key": "/.-",
    "vault_token": "/.-",
    "infracost_key": "/.-",
    "azure_client_secret": "~.-" + string.ascii_letters + string.digits,
}
"""What before a match says that it is a part of something longer."""
_MASK: Final = re.compile(r"(.)\1{11,}|x{6,}|your[-_]?|_here\b|[-_]token[-_]|\.\.\.", re.IGNORECASE)


def _masked(value: str) -> bool:
    return _MASK.search(value) is not None and "EXAMPLE" not in value


def _private_key(text: str, hit: Hit) -> Iterable[Candidate]:
    """From its first line to its last; to the end of the text where that is cut off."""
    begin = text.find("-----", hit.start + 11) + 5
    end = _END.search(text, begin, begin + _SEALED_LENGTH)
    body_end = end.start() if end else min(len(text), begin + _SEALED_LENGTH)
    body = text[begin:body_end]
    letters = sum(map(str.isalnum, body[:400]))
    line = _KEY_LINE.search(body, 0, _KEY_HEADERS)
    if (
        letters >= 24
        and line
        and not secrets_value.is_name(line[0])
        and secrets_value.entropy(body[:400]) >= 3.5
    ):
        yield Candidate("secret.private_key", SURE, hit.start, end.end() if end else body_end)


def _private_part(text: str, hit: Hit, name: str) -> Iterable[Candidate]:
    """The private part of a key of PuTTY's, of an RSA key as .NET writes it, or a key in base64 (what begins
    the lines of one, or what RFC 8017 and 5915 say that a key begins with)."""
    end = hit.end
    if name == "private_lines":
        past = text.find("Private-MAC", end, end + _SEALED_LENGTH)
        end = past if past > 0 else min(len(text), end + _SEALED_LENGTH)
    if secrets_value.entropy(text[hit.start : end][:400]) >= 3.5:
        yield Candidate(_kind(name), SURE, hit.start, end)


def _json_web_key(text: str, hit: Hit) -> tuple[int, list[Candidate]]:
    """Where a JSON web key ends, and its private part (RFC 7518, section 6): `d`; of a symmetric one `k`."""
    first = max(text.rfind("{", max(0, hit.start - _KEY_OBJECT), hit.start), 0)
    past = text.find("}", hit.end, hit.end + _KEY_OBJECT)
    past = past if past > 0 else hit.end + _KEY_OBJECT
    return past, [
        Candidate(_kind("jwk"), SURE, member.start(1), member.end(1))
        for member in _PRIVATE_PART.finditer(text, first, past)
        if secrets_value.varies(member[1], least=_VARIED)
    ]


_KEY_OBJECT: Final = 4096
"""Code points of a JSON web key; one of RSA with 4,096 bits takes 3,300."""
_PRIVATE_PART: Final = re.compile(r"\"(?:d|k)\"\s{0,2}:\s{0,2}\"([A-Za-z0-9_-]{16,1400})\"")


def _kubernetes(text: str, hit: Hit) -> Iterable[Candidate]:
    """The values of a manifest's `data`, which stands shortly before or after its `kind`."""
    for block in _SECRET_DATA.finditer(text, max(0, hit.start - _BEFORE_KIND), hit.end + 2 * _BEFORE_KIND):
        for entry in re.finditer(r"[\w.-]+:\s*[\"']?([^\s\"']{10,400})", block[1]):
            if block[0].startswith("stringData") and secrets_value.is_wordy(entry[1]):
                continue
            if not secrets_value.stands_for_another(entry[1]):
                yield Candidate(
                    "secret.kubernetes",
                    LIKELY,
                    block.start(1) + entry.start(1),
                    block.start(1) + entry.end(1),
                )


def _worded(text: str, hit: Hit, name: str) -> Iterable[Candidate]:
    if (value := secrets_worded.find(text, hit.start, hit.end, name)) is not None:
        score, start, end = value
        yield Candidate(_kind(name), score, start, end)


def _apart(found: Iterable[Candidate]) -> list[Candidate]:
    """Of those that overlap, the surest; of equals, the longest."""
    kept: list[Candidate] = []  # in order, as `starts`
    starts: list[int] = []
    for each in sorted(found, key=lambda each: (-each.score, each.start - each.end)):
        at = bisect_left(starts, each.end)
        if at == 0 or kept[at - 1].end <= each.start:
            kept.insert(at, each)
            starts.insert(at, each.start)
    return kept
