"""Names that values are set under: which of them tell of a secret, and which words say that it is none."""

from __future__ import annotations

import re
from typing import Final

from dataplane.inspection.recognizers import secrets_patterns

_TRANSLATED: Final = (
    r"비밀번호|비번|암호|パスワード|密码|密碼|口令|пароль|contrase[ñn]a|mot de passe|passwort|kennwort"
    r"|senha|wachtwoord|parola|hasło|şifre"
)
_MISSPELT: Final = r"pa?s{1,2}w(?:o?r)?d"
_SHORT: Final = r"(?:\b|_)(?:pw|pass|psk)"
"""Names that are words of their own, where something is set to them at once."""
_NAMES: Final = (
    r"key|token|secret|passw|pwd|passphrase|passcode|credential|creds|auth|bearer|dsn|webhook|cookie|signature"
    rf"|login|securestring|{_MISSPELT}|{_TRANSLATED}"
)
_BARE: Final = r"(?:access|private)[ _=:-]{1,2}[A-Za-z0-9+/_-]{16}|(?:key|token|secret|auth)-[A-Za-z0-9]{8}"
"""Names that tell only where a value of some length follows at once, and values joined to their names."""
_QUOTED: Final = r"[\w.\[\]-]*[\"'`\])]*"
NAMED: Final = (
    rf"(?:{_NAMES}){_QUOTED}"
    r"(?:\s*[:=,>|?：]|\s(?:is|are|to|string)\s|\s[\"'`]|[ \t][A-Za-z0-9+/_=.!@#$%^&*-]{12}|\s-\s[\"']"
    r"|,?\s+[\"']?value[\"']?\s?[:=]|\s?\{\s|</(?:key|name)>|\([\"'])"
    rf"|{_SHORT}[\"'\])]*[ \t]?[:=>]|{_BARE}"
)
OF_PROVIDER: Final = rf"(?:{secrets_patterns.PROVIDERS}){_QUOTED}(?:\s*[:=,>|?]|\s[\"'])"
"""What the engine looks for: a name and what sets it. With what a value is made of behind it, hyperscan's
compiler takes minutes."""

PASSWORD: Final = re.compile(
    rf"passw|pwd|passphrase|passcode|{_MISSPELT}|{_TRANSLATED}|(?:^|[^A-Za-z])(?:pw|pass|psk)(?![A-Za-z])",
    re.IGNORECASE,
)
SECRETIVE: Final = re.compile(
    r"key|token|secret|credential|creds|auth\b|auth[_-]|_auth|securestring|access\b|private\b"
    rf"|{PASSWORD.pattern}",
    re.IGNORECASE,
)
ALONE: Final = re.compile(
    r"(?:token|secret|api[ _-]?key|access[ _-]?key|private[ _-]?key|access|private|[a-z]key)[ _-]?(?:key)?\Z",
    re.IGNORECASE,
)
"""Names after which a value needs no sign of being set: `service TOKEN 5e1f...`."""
_PROVIDER: Final = re.compile(rf"(?:{secrets_patterns.PROVIDERS})", re.IGNORECASE)
_WORDS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_HARMLESS_WORDS: Final = """
alg algorithm arn artifact author authority authors beta bucket cache change check checksum chksum class
code column commit continuation count cursor digest dir domain donkey endpoint etag event expires expiry
field file filename fingerprint foreign format hash header headers host hotkey id idempotency ids image
index integrity keyboard keyframe keyframes keypress keyring keystore keytab keyvault keyword keywords label
len length limit limits locale lookup max min mode monkey name next nonce object page pair partition path
policy prefix press pressed primary pub pubkey public region resolved results revision schema scheme
secretary selector sequence serial server shortcut size sort span state status storage suffix sync timeout
title tokenize tokenizer trace translation ttl turkey type uri url usage version
"""
_HARMLESS: Final = frozenset(_HARMLESS_WORDS.split())
"""Words of a name that say it is no secret: `public_key`, `token_type`, `sort key`."""
_LAST: Final = frozenset({"secret", "password", "passwd", "pwd", "passphrase"})
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


def names_provider(name: str) -> bool:
    """Whether a part of a name is a provider's: `sumo_id` and `mySumoId`, not `rookTable` nor `sumOf`."""
    found = _PROVIDER.search(name)
    if found is None:
        return False
    word, before = found[0], name[found.start() - 1 : found.start()]
    if before.isalpha() and not (before.islower() and word[0].isupper()):
        return False
    return not (word[0].islower() and word[-1].isupper())


def harmless(name: str, *, provider: bool) -> bool:
    """Whether a name's words say that what is set to it is no secret."""
    words = [word.lower() for word in _WORDS.findall(name)]
    if words and words[-1] in _LAST:
        return not _NOT_SET.isdisjoint(words)
    if _HARMLESS.isdisjoint(words):
        return False
    return not (provider and ("access" in words or "accessid" in words))
