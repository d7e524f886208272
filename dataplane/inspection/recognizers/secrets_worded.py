"""Passwords and keys told by the words of an address, a header, a command, a statement or a call around them.

The engine says where such words stand; what the value is, and whether it stands for another, is said here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from dataplane.inspection.recognizers import secrets_value

ALL: Final[Mapping[str, tuple[str, bool]]] = {
    # name: regex, caseless
    "url_credentials": (r"://[^\s/:\"'<>?#]*:[^\s/\"'<>]{3,200}@[\w.\[-]", True),
    "oracle_login": (r"jdbc:oracle:\w+:[^\s/:@\"']+/[^\s/@\"']{4,}@", True),
    "login_call": (
        r"(?:NetworkCredentials?|PSCredential|SqlCredential|getConnection|DirectoryEntry"
        r"|BasicAuth(?:entication)?|basic_auth|PasswordCredentials|PlainAuth"
        r"|\blogin|\.authenticate|\bauth\s?=)\s?\(\s?(?:\w{1,24},\s?)?"
        r"(?:[\"'][^\"'\n]*[\"']\s?,\s{0,40}){1,2}[\"'][^\"'\n]{6,}[\"']",
        True,
    ),
    "curl_option": (
        r"CURLOPT_(?:PROXY|TLSAUTH_)?(?:USERPWD|PASSWORD|KEYPASSWD|XOAUTH2_BEARER)\s?(?:,|=>)\s?"
        r"[\"'][^\"'\s]{6,}[\"']",
        False,
    ),
    "command_password": (
        r"(?:psexec(?:\.exe|64)?|sshpass|mysql(?:dump|admin|import)?|mongo(?:sh|dump|restore)?|net use"
        r"|(?:docker|podman|az|oras|helm registry) login|redis-cli|ldap(?:search|modify|add)|xfreerdp)"
        r"(?:\s[^\n]*?)?\s-[apw] ?[\"']?[^\s\"'-][^\s\"']{5,}",
        True,
    ),
    "command_option": (
        r"\s--[a-z-]*(?:passw(?:or)?d|passphrase|pwd|pass|secret|token|api-?key|bearer) "
        r"[\"']?[^\s\"'-][^\s\"']{7,}"
        r"|\s-pass(?:in|out) [\"']?pass:[^\s\"']{4,}",
        True,
    ),
    "sql_password": (
        r"\bidentified\s(?:with\s[\w'\"]+\s)?by\s(?:password\s)?[\"']?[^\s\"';]{6,}"
        r"|\b(?:login|role|user)\s[^\n;]{0,60}\bpassword\s[\"']?[^\s\"';]{6,}",
        True,
    ),
    "curl_user": (r"\s(?:-u|--user|--proxy-user)[ =]?[ =]?[\"']?[^\s\"':]*:[\"']?[^\s\"']{3,}", True),
    "authorization": (
        r"(?:authorization|x-api-key|api-key|apikey|x-auth-token|private-token|x-vault-token)[\"']{0,2}\s{0,2}[:=,]\s{0,4}[\"']?"
        r"(?:(?:bearer|basic|token|apikey|api-token|splunk|ssws|ntlm|negotiate)\s{1,4})?[A-Za-z0-9+/=_.~-]{10,}",
        True,
    ),
    "cookie": (r"\bcookie[\"']?\s{0,2}[:,]\s{0,2}[\"']?[\w.%$-]+=", True),
    "netrc": (r"\blogin\s+[^\s]+\s+password\s+[^\s]{4,}", True),
    "bundler": (
        r"BUNDLE_(?:ENTERPRISE|GEMS)__[A-Z0-9_]+[\"']?\s{0,2}[:=]{1,2}\s{0,2}[\"']?[^\s\"']{6,}",
        False,
    ),
    "config_password": (r"<add\s+key=\"[a-z]*(?:password|secret|token|key)\"\s+value=\"[^\"\s]{8,}\"", True),
}
"""What the engine looks for: the words, and a value at the end of them."""

KINDS: Final[Mapping[str, str]] = {
    "oracle_login": "url_credentials",
    "curl_option": "login_call",
    "command_option": "command_password",
    "sql_password": "password",
    "cookie": "generic",
}
"""The kinds of those that have none of their own."""

LIKELY: Final = 75
CERTAIN: Final = 90
UNLIKELY: Final = 40
"""Scores: a value that could be one, one that looks like one, one that is letters alone."""

_LAST: Final[Mapping[str, re.Pattern[str]]] = {
    "login_call": re.compile(r"[^\"']+[\"']\Z"),
    "curl_option": re.compile(r"[^\"':]+[\"']\Z"),
    "command_password": re.compile(r"\s-[apw] ?[\"']?([^\"'\s]+)\Z", re.IGNORECASE),
    "command_option": re.compile(r"\s[\"']?(?:pass:)?([^\"'\s]+)\Z"),
    "sql_password": re.compile(r"[^\"'\s]+\Z"),
    "curl_user": re.compile(r"(?:-u|user)[ =]{0,2}[\"']?([^\s\"':]*:[\"']?[^\s\"']{3,})\Z", re.IGNORECASE),
    "netrc": re.compile(r"\S+\Z"),
    "bundler": re.compile(r"[^\s\"'=:]+(?::[^\s\"']+)?\Z"),
    "config_password": re.compile(r"[^\"\s]{8,}\"\Z"),
    "authorization": re.compile(r"[A-Za-z0-9+/=_.~|-]+\Z"),
    "oracle_login": re.compile(r"[^/]+@\Z"),
}
"""The value at the end of a match."""
_COMMAND: Final = 600
"""Code points of a command before its `--user`."""
_MACHINE: Final = 200
"""Code points of an entry before its `login`."""
_VARIED: Final = 3.0
"""Bits for each character of a header's value."""
_KEEPS: Final = re.compile(
    r"(?:postgres(?:ql)?|mysql|mariadb|mongodb|redis|amqp|mssql|sqlserver|clickhouse|ldap|s?ftp|smtp)s?(?:\+\w{2,8})?\Z",
    re.IGNORECASE,
)
"""Schemes of servers that are asked for a password by programs, which seldom spell out one that is none."""
_SCHEME: Final = 24
"""Code points of the scheme of an address."""
_SPELT: Final = 6
"""Letters from which on what such a server is given is a password."""
_LONG: Final = 20
"""Characters from which on what stands where a password does is one."""
_NAME: Final = re.compile(r"[A-Za-z]+\d?[A-Za-z]*(?:_[A-Za-z]+\d?[A-Za-z]*)+\Z")
"""A variable's name, such as code sets a header to."""
_STOCK: Final = frozenset(
    {"password", "pass", "passwd", "pwd", "pw", "secret", "token", "key", "user", "username", "port"}
    | {"apikey", "api_key"}
)
_VARIABLE: Final = re.compile(r"^\$|^%|^\{|^<|^\[|\}$|^:?$|\$\{|\$\w{3,}|\\[SsdDwW]|\]\{")
_COOKIE: Final = re.compile(
    r"(?:sess\w*|[\w.-]*(?:sid|session|auth|token|jwt|login|csrf|xsrf)[\w.-]*)=([A-Za-z0-9%+/=_.~|:-]{16,2000})",
    re.IGNORECASE,
)
_COOKIES_END: Final = re.compile(r"[\r\n\"'<]")
_COOKIES: Final = 4096
"""Code points of a header of cookies, as much as browsers keep of one."""
_NUMBERS: Final = re.compile(r"[\d:.,/]+\Z")
_CODE: Final = re.compile(r"[(){}<>\[\];]|->|::|\w\.\w+\.\w|^\.{0,2}/")


def find(text: str, start: int, end: int, name: str) -> tuple[int, int, int] | None:
    """The value at a hit of the pattern of `name`: score and range; None where it is none."""
    whole = text[start:end]
    if name == "url_credentials":
        return _of_url(text, start, whole)
    last = _LAST[name].search(whole)
    if last is None:
        return None
    group = last.lastindex or 0
    value = last[group].rstrip("\"'@" if name == "oracle_login" else "\"'")
    first = start + last.start(group)
    quoted = text[first - 1 : first] in ("'", '"')
    if not _meant(name, value, text[max(0, start - _COMMAND) : start], quoted=quoted):
        return None
    password = value.partition(":")[2] if name in ("curl_user", "bundler") else value
    if _stands_for_another(value, password):
        return None
    return LIKELY, first, first + len(value)


def _of_url(text: str, start: int, whole: str) -> tuple[int, int, int] | None:
    user, _, rest = whole.partition("://")[2].partition(":")
    value = rest.rpartition("@")[0]
    if "@" in user and ("/" in value or _NUMBERS.match(value)):
        return None
    score = LIKELY
    if (_is_password(value) and user != value) or len(value) >= _LONG:
        score = CERTAIN
    elif value.lower() in _STOCK or value == user:
        return None
    elif value.isalpha() and (len(value) < _SPELT or not _KEEPS.search(text, max(0, start - _SCHEME), start)):
        score = UNLIKELY
    if _stands_for_another(value, value):
        return None
    first = start + len(whole) - len(rest)
    return score, first, first + len(value)


def of_cookies(text: str, start: int, past: int) -> tuple[int, list[tuple[int, int, int]]]:
    """Where a header of cookies ends, the first of which has its name up to `past`, and those of random
    characters, as `find` says them: a session is whose cookie one has."""
    found = _COOKIES_END.search(text, past, start + _COOKIES)
    end = found.start() if found else min(len(text), start + _COOKIES)
    return end, [
        (LIKELY, pair.start(1), pair.end(1))
        for pair in _COOKIE.finditer(text, start, end)
        if any(map(str.isdigit, pair[1]))
        and _NUMBERS.match(pair[1]) is None
        and not secrets_value.is_wordy(pair[1])
        and not secrets_value.is_name(pair[1])
        and secrets_value.varies(pair[1], least=_VARIED)
    ]


def _stands_for_another(value: str, password: str) -> bool:
    return (
        secrets_value.stands_for_another(value)
        or _VARIABLE.search(password or value) is not None
        or len(value) < 3
    )


def _meant(name: str, value: str, before: str, *, quoted: bool) -> bool:
    """Whether what stands where a value does is one."""
    stock = value.lower() in _STOCK
    match name:
        case "curl_user":
            return "curl" in before.lower() and value.strip(":") != ""
        case "netrc":
            return "machine" in before[-_MACHINE:] and not (stock or value.isalpha())
        case "authorization":
            return secrets_value.encodes_login(value) or (
                secrets_value.varies(value, least=_VARIED)
                and (any(map(str.isdigit, value)) or secrets_value.is_scrambled(value))
                and not secrets_value.is_wordy(value)
                and _NAME.match(value) is None
            )
        case "command_option":
            return (
                any(map(str.isdigit, value))
                and secrets_value.kinds_of_characters(value) > 1
                and (not secrets_value.is_wordy(value) or secrets_value.is_coined(value))
                and _CODE.search(value) is None
            )
        case "sql_password" if not quoted:
            return (
                any(map(str.isdigit, value))
                and secrets_value.kinds_of_characters(value) >= 3
                and (not secrets_value.is_wordy(value) or secrets_value.is_coined(value))
                and _CODE.search(value) is None
                and "`" not in value
            )
        case "login_call" | "command_password" | "sql_password" | "curl_option" | "oracle_login":
            return (
                not (value.isalpha() and secrets_value.reads(value))
                and not stock
                and _NUMBERS.match(value) is None
            )
        case _:
            return True


def _is_password(value: str) -> bool:
    return value.lower() not in _STOCK and (secrets_value.kinds_of_characters(value) >= 2 or len(value) >= 8)
