"""Whether characters look like a secret: how much they vary, and what only stands for one."""

from __future__ import annotations

import math
import re
from collections import Counter
from itertools import pairwise
from typing import Final

_STANDS_FOR: Final = re.compile(
    r"x{4,}|\*{3,}|\.{3}|#{4,}|_{8,}|^<.*>$|\$\{|\$\(|\{\{|^[$%@][$\w]\w*$|^%\w+%$|<\w[\w -]*>|\[\w[\w -]*\]"
    r"|your[-_ ]?|my[-_]?(?:api|secret|token|key|password)|placeholder|example|sample|dummy|redacted|changeme"
    r"|change[-_]me|replace|insert|todo|fixme|not[-_]?real|fake[-_]|[-_]here\b|^(?:null|none|nil|undefined|true|false)$"
    r"|process\.env|os\.environ|getenv|secrets\.|vault:|env\(|import\b|function\b",
    re.IGNORECASE,
)
_RUNS: Final = tuple("abcdefghijklmnopqrstuvwxyz"[at : at + 9] for at in range(0, 18, 4))
_ALPHABET: Final = re.compile("abcdefghijklmnopqrstuvwxyz", re.IGNORECASE)
_MOSTLY: Final = 0.75
_COUNTED: Final = re.compile(r"\d{0,3}(?:1234567890){1,8}\d{0,9}[A-Za-z]?\Z")
"""The digits in their order, and no more than a letter besides."""
_PARTS: Final = re.compile(r"[-_./:@~,;+=# \\]+|(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD: Final = re.compile(
    r"(?:[a-z]{1,18}|[A-Z]{1,14}|[A-Z][a-z]{1,17}|v?\d{1,6}|[A-Za-z]{1,12}\d{1,5}(?:[A-Z][a-z]+)?)\Z"
)
_LETTERS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_VOWEL: Final = re.compile(r"[aeiouy]", re.IGNORECASE)
_ABBREVIATED_WORDS: Final = """
btn cb cfg cmd crc crl csr css csv ctl ctr ctrl ctx db dbg dns dst fk fmt fn ftp gb grp grpc gz hdr hkdf html
http https jp jpg js json jwk jwt kb kms ks ld lb lbl lhs md mfa mgr mk mp ms msg mtls nb ng ns nt ntlm pbkdf
pdf pg pgp pk pkcs pkg png prv ps ptr pts pvt pwd px rb rgb rhs rng rpc rpm rs rsp rst rtl sc sdk sftp sh sk
smb sms smtp sp sql src ss ssh ssl sso st std str svc svg tbl tcp tgt tgz th tk tls tmp tmpl ts tx txn txt tz
usr vm vnc vpc vpn wb wp ws xls xml xmpp xss yml
"""
_ABBREVIATED: Final = frozenset(_ABBREVIATED_WORDS.split())
"""What programmers write short."""
_VERSION: Final = re.compile(r"\d+\.\d+(?:\.\d+)*")


_SHORT: Final = 24
"""Characters; in longer values, a run of digits may be the masked part of a real form."""


_LONG: Final = 30
_MIXED: Final = 2
"""Characters from which on a run of the alphabet may be the masked part of a real form, in a value of as many
kinds of characters."""

_READ: Final = 160
"""Characters of a value in which a placeholder shows."""


def entropy(value: str) -> float:
    """Shannon's entropy in bits for each character."""
    length = len(value)
    return -sum(n / length * math.log2(n / length) for n in Counter(value).values())


def stands_for_another(value: str) -> bool:
    """Whether a value is a placeholder, a variable, or a run of the alphabet."""
    if _STANDS_FOR.search(value[:_READ]):
        return True
    lower = value.lower()
    if len(value) < _SHORT and "1234567890" in value:
        return True
    if _COUNTED.match(value):
        return True
    spelt = len(value) < _LONG or kinds_of_characters(value) < _MIXED
    return (spelt and any(run in lower for run in _RUNS)) or (
        len(set(lower)) <= min(8, max(2, len(lower) // 10))
    )


def is_alphabet(value: str) -> bool:
    """Whether a value is what code makes keys of: all letters, and nearly all of it in order."""
    in_order = sum(ord(after) - ord(before) == 1 for before, after in pairwise(value))
    return _ALPHABET.search(value) is not None and in_order > _MOSTLY * len(value)


def is_wordy(value: str) -> bool:
    """Whether a value is made of words and versions, as names of things are: `jjwt-jackson-0.11.2`."""
    parts = [part for part in _PARTS.split(_VERSION.sub("1", value)) if part]
    return all(_WORD.match(part) for part in parts)


def is_coined(value: str) -> bool:
    """Whether a value has a part that is no word: `Prl23Db` where `Sha256Hash` has none."""
    return any(
        len(part) > 1 and not part.isupper() and not _VOWEL.search(part) and part.lower() not in _ABBREVIATED
        for part in _LETTERS.findall(value)
    )


def varies(value: str, *, least: float) -> bool:
    """Whether the characters vary as those of random values do: `least` bits for each, and no placeholder."""
    return entropy(value) >= least and not stands_for_another(value)


def kinds_of_characters(value: str) -> int:
    """How many of lower case, upper case, digits and other characters a value has."""
    return (
        any(map(str.islower, value))
        + any(map(str.isupper, value))
        + any(map(str.isdigit, value))
        + (not value.isalnum())
    )
