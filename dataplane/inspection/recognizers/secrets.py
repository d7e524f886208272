"""Secrets: keys of providers and clouds, private keys, tokens, passwords in URLs and commands, and values of
varied characters under telling names.

The engine says where a form or a name stands; how much the characters vary, and what stands around, says
whether it is a secret or stands for one. Row: `skip` lists kinds that are not wanted, `allow` values that
are none (fixtures that a site knows of).
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from dataplane.findings import Origin
from dataplane.inspection.recognizer import Candidate, Hit, Pattern, Recognizer
from dataplane.inspection.recognizers import secrets_assigned, secrets_patterns, secrets_value

_B64URL: Final = r"[A-Za-z0-9_-]"
_BEGIN: Final = r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
_OTHERS: Final[Mapping[str, tuple[str, bool]]] = {
    # name: regex, caseless
    "private_key": (rf"{_BEGIN}[^-]{{1,8}}", False),
    "jwt": (rf"\bey[A-Za-z0-9]{_B64URL}{{10,}}\.ey{_B64URL}{{8,}}(?:\.{_B64URL}{{0,}})?", False),
    "jwe": (rf"\beyJ{_B64URL}{{16,}}(?:\.{_B64URL}{{0,}}){{4}}", False),
    "url_credentials": (r"://[^\s/:@\"'<>?#]*:[^\s/\"'<>]{3,200}@[\w.\[-]", True),
    "login_call": (
        r"(?:NetworkCredentials?|DirectoryEntry|BasicAuth(?:entication)?|basic_auth|PasswordCredentials|PlainAuth"
        r"|\.login|\.authenticate)\s?\((?:[\"'][^\"'\n]*[\"'],\s?){1,2}[\"'][^\"'\n]{6,}[\"']",
        True,
    ),
    "command_password": (
        r"(?:psexec(?:\.exe|64)?|sshpass|mysql(?:dump|admin|import)?|net use)\s[^\n]*?"
        r"\s-p ?[\"']?[^\s\"'-][^\s\"']{5,}",
        True,
    ),
    "curl_user": (r"\s(?:-u|--user|--proxy-user)[ =]?[ =]?[\"']?[^\s\"':]*:[\"']?[^\s\"']{3,}", True),
    "authorization": (
        r"(?:authorization|x-api-key|api-key|apikey|x-auth-token|private-token|x-vault-token)[\"']{0,2}\s{0,2}[:=]\s{0,4}[\"']?"
        r"(?:(?:bearer|basic|token|apikey|api-token|splunk|ssws)\s{1,4})?[A-Za-z0-9+/=_.~-]{10,}",
        True,
    ),
    "netrc": (r"\blogin\s+[^\s]+\s+password\s+[^\s]{4,}", True),
    "kubernetes": (r"kind:\s{0,3}[\"']?secret\b", True),
    "bundler": (
        r"BUNDLE_(?:ENTERPRISE|GEMS)__[A-Z0-9_]+[\"']?\s{0,2}[:=]{1,2}\s{0,2}[\"']?[^\s\"']{6,}",
        False,
    ),
    "config_password": (r"<add\s+key=\"[a-z]*(?:password|secret|token|key)\"\s+value=\"[^\"\s]{8,}\"", True),
    "password_hash": (
        r"\$(?:2[abxy]\$\d\d|argon2id?\$v=\d+\$[a-z0-9=,]+|[568]\$(?:rounds=\d+\$)?[./A-Za-z0-9]{4,16})\$[./A-Za-z0-9$+]{40,}"
        r"|\$(?:1|apr1)\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22}|\$krb5(?:asrep|tgs|pa)\$\d{1,2}\$[^\s]{60,}",
        False,
    ),
}
_END: Final = re.compile(r"-----END [A-Z0-9 ]{1,60}-----")
_KEY_LINE: Final = re.compile(r"[A-Za-z0-9+/=]{20}")
_SEALED_LENGTH: Final = 16_384
"""Code points in which the end of a private key is looked for; an RSA key of 16,384 bits takes 12,700."""
_SECRET_DATA: Final = re.compile(
    r"\b(?:data|stringData):((?:\s*\n\s+[\w.-]+:\s*[\"']?[^\s\"']{10,400}[\"']?)+)"
)
_LAST_WORD: Final = re.compile(r"[A-Za-z0-9+/=_.~|-]+\Z")

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
_VARIED_BY_KIND: Final[Mapping[str, float]] = {
    "aws_access_key": 2.5,
    "slack_token": 2.5,
    "facebook_token": 3.0,
    "octopus_key": 3.3,
}

SURE: Final = 95
LIKELY: Final = 75

ALL_KINDS: Final = frozenset(
    f"secret.{name}" for name in (*secrets_patterns.ALL, *_OTHERS, "generic", "password")
)


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
            if f"secret.{name}" not in skip
        ]
        patterns.extend(
            Pattern(id=f"secrets.{name}", regex=regex, caseless=caseless)
            for name, (regex, caseless) in _OTHERS.items()
            if f"secret.{name}" not in skip
        )
        if not {"secret.generic", "secret.password"} <= skip:
            patterns.append(Pattern(id="secrets.named", regex=secrets_assigned.NAMED))
            patterns.append(Pattern(id="secrets.of_provider", regex=secrets_assigned.OF_PROVIDER))
        self._skip = skip
        self.patterns: Sequence[Pattern] = tuple(patterns)

    def recognize(self, text: str, hits: Sequence[Hit], origin: Origin) -> Iterable[Candidate]:
        """What is found, none overlapping another: what has an issuer's form first, then the longest."""
        found: list[Candidate] = []
        stretch = examined = manifests = within = 0
        for hit in hits:
            name = hit.pattern[len("secrets.") :]
            match name:
                case "named" | "of_provider":
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
                case "kubernetes":
                    if hit.start >= manifests:
                        manifests = hit.end + _BEFORE_KIND
                        found.extend(_kubernetes(text, hit))
                case "jwt" | "jwe":
                    if secrets_value.varies(text[hit.start : hit.end], least=_VARIED):
                        found.append(Candidate("secret.jwt", SURE, hit.start, hit.end))
                case (
                    "curl_user"
                    | "login_call"
                    | "command_password"
                    | "netrc"
                    | "bundler"
                    | "config_password"
                    | "authorization"
                    | "url_credentials"
                ):
                    found.extend(_worded(text, hit, name))
                case _:
                    found.extend(_form(text, hit, name))
        if not found:
            return found
        found = [
            each
            for each in found
            if each.kind not in self._skip and text[each.start : each.end] not in self._allow
        ]
        return _apart(found)


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
    if after.isalnum():
        return
    if (hit.start and text[hit.start - 1] in _NOT_BEFORE.get(name, "")) or (
        name == "slack_token" and after in ("#", "[")
    ):
        return
    least = _VARIED_BY_KIND.get(name, _VARIED)
    tail = value if len(value) < 24 else value[6:]
    if name in _LIKE_CODE and not any(map(str.isdigit, tail)):
        return
    if secrets_value.entropy(tail) < least or (_masked(value) and name != "azure_service_key"):
        return
    yield Candidate(f"secret.{name}", SURE if name != "aws_access_key" else 90, hit.start, hit.end)


_LIKE_CODE: Final = frozenset({"vault_token", "crates_token", "voyage_key", "fireworks_key", "render_key"})
"""Forms that a method's name has too (`s.includeEmbedded...`): one in fifty random tokens has no digit."""
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
    if letters >= 24 and _KEY_LINE.search(body) and secrets_value.entropy(body[:400]) >= 3.5:
        yield Candidate("secret.private_key", SURE, hit.start, end.end() if end else body_end)


def _kubernetes(text: str, hit: Hit) -> Iterable[Candidate]:
    """The values of a manifest's `data`, which stands shortly before or after its `kind`."""
    for block in _SECRET_DATA.finditer(text, max(0, hit.start - _BEFORE_KIND), hit.end + 2 * _BEFORE_KIND):
        for entry in re.finditer(r"[\w.-]+:\s*[\"']?([^\s\"']{10,400})", block[1]):
            if not secrets_value.stands_for_another(entry[1]):
                yield Candidate(
                    "secret.kubernetes",
                    LIKELY,
                    block.start(1) + entry.start(1),
                    block.start(1) + entry.end(1),
                )


def _worded(text: str, hit: Hit, name: str) -> Iterable[Candidate]:
    """The value at the end of a match: a user and a password, or what follows a header's name."""
    whole = text[hit.start : hit.end]
    match name:
        case "url_credentials":
            user, _, rest = whole.partition("://")[2].partition(":")
            value = rest.rpartition("@")[0]
            start = hit.start + len(whole) - len(rest)
            score = LIKELY
            if (_is_password(value) and user != value) or len(value) >= 20:
                score = 90
            elif value.lower() in _STOCK or value == user:
                return
            elif value.isalpha():
                score = 40
        case "curl_user":
            if "curl" not in text[max(0, hit.start - _COMMAND) : hit.start].lower():
                return
            value = re.split(r"\s(?:-u|--user|--proxy-user)[ =]{0,4}[\"']?", whole)[-1]
            start, score = hit.end - len(value), LIKELY
        case "login_call" | "command_password":
            last = re.search(r"[^\"'\s]+[\"']?\Z" if name == "command_password" else r"[^\"']+[\"']\Z", whole)
            if last is None:
                return
            value = last[0].rstrip("\"'").removeprefix("-p")
            start, score = hit.start + last.end() - len(last[0].removeprefix("-p")), LIKELY
            if value.isalpha() or value.lower() in _STOCK:
                return
        case "netrc":
            value = whole.split()[-1]
            start, score = hit.end - len(value), LIKELY
            if "machine" not in text[max(0, hit.start - 200) : hit.start] or secrets_value.is_wordy(value):
                return
        case "bundler" | "config_password":
            last = re.search(
                r"[^\s\"'=:]+(?::[^\s\"']+)?[\"']?\Z" if name == "bundler" else r"[^\"\s]{8,}\"\Z", whole
            )
            if last is None:
                return
            value = last[0].rstrip("\"'")
            start, score = hit.start + last.start(), LIKELY
        case _:
            last = _LAST_WORD.search(whole)
            if last is None or not last[0]:
                return
            value = last[0]
            start, score = hit.start + last.start(), LIKELY
            if not secrets_value.varies(value, least=_VARIED) or not any(map(str.isdigit, value)):
                return
            if secrets_value.is_wordy(value) or _NAME.match(value):
                return
    password = value.partition(":")[2] if name in ("curl_user", "bundler") else value
    if secrets_value.stands_for_another(value) or _VARIABLE.search(password or value) or len(value) < 3:
        return
    if name == "curl_user" and not value.strip(":"):
        return
    yield Candidate(f"secret.{name}", score, start, start + len(value))


_NAME: Final = re.compile(r"[A-Za-z]+\d?[A-Za-z]*(?:_[A-Za-z]+\d?[A-Za-z]*)+\Z")
"""A variable's name, such as code sets a header to."""
_COMMAND: Final = 600
"""Code points of a command before its `--user`."""
_STOCK: Final = frozenset(
    {
        "password",
        "pass",
        "passwd",
        "pwd",
        "secret",
        "token",
        "key",
        "user",
        "username",
        "port",
        "apikey",
        "api_key",
        "pw",
    }
)
_VARIABLE: Final = re.compile(r"^\$|^%|^\{|^<|^\[|\}$|^:?$|\$\{|\$\w{3,}")


def _is_password(value: str) -> bool:
    return value.lower() not in _STOCK and (secrets_value.kinds_of_characters(value) >= 2 or len(value) >= 8)


def _apart(found: list[Candidate]) -> list[Candidate]:
    """Of those that overlap, the surest; of equals, the longest."""
    kept: list[Candidate] = []
    for each in sorted(found, key=lambda each: (-each.score, each.start - each.end)):
        if all(each.end <= other.start or other.end <= each.start for other in kept):
            kept.append(each)
    kept.sort(key=lambda each: each.start)
    return kept
