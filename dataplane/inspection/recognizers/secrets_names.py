"""Names that values are set under: which of them tell of a secret, and which words say that it is none."""

from __future__ import annotations

import re
from typing import Final

from dataplane.inspection.recognizers import secrets_providers

_TRANSLATED: Final = (
    r"비밀번호|비번|암호|パスワード|密码|密碼|口令|пароль|contrase[ñn]a|mot de passe|passwort|kennwort"
    r"|senha|wachtwoord|parola|hasło|şifre"
)
_MISSPELT: Final = r"pa?s{1,2}w(?:o?r)?d"
_SHORT: Final = r"(?:(?:\b|_)(?:pw|pass|psk)|[_-]pat)"
"""Names that are words of their own, where something is set to them at once."""
_NAMES: Final = (
    r"key|token|secret|passw|pwd|passphrase|passcode|credential|creds|auth|bearer|dsn|webhook|cookie|signature"
    rf"|login|securestring|{_MISSPELT}|{_TRANSLATED}"
)
_BARE: Final = r"(?:access|private)[ _=:-]{1,2}[A-Za-z0-9+/_-]{16}|(?:key|token|secret|auth)-[A-Za-z0-9]{8}"
"""Names that tell only where a value of some length follows at once, and values joined to their names."""
_QUOTED: Final = r"[\w.\[\]-]*[\\\"'`\])]*"
NAMED: Final = (
    rf"(?:{_NAMES}){_QUOTED}"
    r"(?:\s*[:=,>|?：]|\s(?:is|are|to|string)\s|\s[\"'`]|[ \t][A-Za-z0-9+/_=.!@#$%^&*-]{12}|\s-\s[\"']"
    r"|,?\s+[\"']?value[\"']?\s?[:=]|\s?\{\s|</(?:key|name)>|\([\"']|\s-string\s|\sencoding=)"
    rf"|{_SHORT}[\"'\])]*(?:[ \t]?[:=>]|\sencoding=)|{_BARE}"
)
OF_PROVIDER: Final = tuple(
    rf"(?:{providers}){_QUOTED}(?:\s*[:=,>|?]|\s[\"']|\([\"'])" for providers in secrets_providers.PROVIDERS
)
"""What the engine looks for: a name and what sets it. With what a value is made of behind it, hyperscan's
compiler takes minutes."""

PASSWORD: Final = re.compile(
    rf"passw|pwd|passphrase|passcode|{_MISSPELT}|{_TRANSLATED}|(?:^|[^A-Za-z])(?:pw|pass|psk)(?![A-Za-z])",
    re.IGNORECASE,
)
SECRETIVE: Final = re.compile(
    r"key|token|secret|credential|creds|auth\b|auth[_-]|_auth|securestring|access\b|private\b|bearer|[_-]pat\b"
    rf"|{PASSWORD.pattern}",
    re.IGNORECASE,
)
ALONE: Final = re.compile(
    r"(?:token|secret|api[ _-]?key|access[ _-]?key|private[ _-]?key|access|private|[a-z]key)[ _-]?(?:key)?\Z",
    re.IGNORECASE,
)
"""Names after which a value needs no sign of being set: `service TOKEN 5e1f...`."""
_BEFORE: Final = re.compile(r"(?<![\w-])(?:secret|access|private|api|auth|service) \Z", re.IGNORECASE)
_WORD_BEFORE: Final = re.compile(r"(?<![\w-])[\w-]{4,16} \Z")
_APART: Final = 18
"""Code points before a name in which a word may stand that belongs to it."""
_PROVIDER: Final = re.compile(secrets_providers.BY_LETTER)
_WORDS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_HARMLESS_WORDS: Final = """
alg algorithm arn artifact author authority authors beta bucket cache change check checksum chksum class
code column commit continuation count cursor digest dir domain donkey endpoint error etag event expires
expiry field file filename fingerprint foreign format formkey hash header headers host hotkey id
idempotency ids image index integrity keyboard keyframe keyframes keypress keyring keystore keytab
keyvault keyword keywords label len length limit limits locale lookup max min mode monkey name next nonce
object page pair partition path policy prefix press pressed primary pub pubkey public region resolved
results revision schema scheme secretary selector sequence serial server shortcut size sort span state
status storage suffix sync timeout title tokenize tokenizer trace translation ttl turkey type uri url
usage version
"""
_HARMLESS: Final = frozenset(_HARMLESS_WORDS.split())
"""Words of a name that say it is no secret: `public_key`, `token_type`, `sort key`."""
_MILD: Final = frozenset({"server", "storage", "domain", "code", "region", "status", "object", "trace"})
"""Of those, the words that a secret's own name may have too: `X-Server-Token`."""
_LAST: Final = frozenset({"secret", "password", "passwd", "pwd", "passphrase"})
_NAMED_LAST: Final = frozenset({"token", "key", "auth", "secret"})
"""The last word of a secret's own name."""
_NOT_SET: Final = frozenset(
    {
        "change",
        "check",
        "checksum",
        "count",
        "event",
        "hash",
        "label",
        "limit",
        "max",
        "min",
        "object",
        "public",
    }
)
"""Of a name that ends in one of `_LAST`, the words before that say it is none; `host_secret` is one."""


def before(text: str, first: int) -> str:
    """What belongs to a name that begins at `first` though it is written apart: `SECRET key`."""
    start = max(0, first - _APART)
    found = _BEFORE.search(text, start, first)
    if found is None:
        found = _WORD_BEFORE.search(text, start, first)
        if found is None or _PROVIDER.match(found[0].lower()) is None:
            return ""
    return found[0]


def names_provider(name: str) -> bool:
    """Whether a part of a name is a provider's: `sumo_id` and `mySumoId`, not `rookTable` nor `sumOf`."""
    found = _PROVIDER.search(name.lower()) if name.isascii() else None
    if found is None:
        return False
    word, before = name[found.start() : found.end()], name[found.start() - 1 : found.start()]
    if before.isalpha() and not (before.islower() and word[0].isupper()):
        return False
    return not (word[0].islower() and word[-1].isupper())


def harmless(name: str, *, provider: bool, certain: bool) -> bool:
    """Whether a name's words say that what is set to it is no secret; `certain`: the value could be nothing
    else but for strong words."""
    words = [word.lower() for word in _WORDS.findall(name)]
    if words and words[-1] in _LAST:
        return not _NOT_SET.isdisjoint(words)
    if words[-2:] == ["secret", "id"]:  # the password of a program, as HashiCorp's Vault calls it
        return not certain
    found = _HARMLESS.intersection(words)
    if not found or (certain and found <= _MILD and words[-1] in _NAMED_LAST):
        return False
    return not (provider and ("access" in words or "accessid" in words))
