"""Whether characters look like a secret: how much they vary, and what only stands for one."""

from __future__ import annotations

import base64
import math
import re
from collections import Counter
from itertools import pairwise
from typing import Final

_STANDS_FOR: Final = re.compile(
    r"x{4,}|\*{3,}|\.{3}|#{4,}|_{8,}|^<.*>$|\$\{|\$\(|\{\{|^[$%@][$\w]\w*$|^%\w+%$|^\$[a-z]\w*[:@/.-]\$"
    r"|<\w[\w -]*>|\[\w[\w -]*\]"
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


_FOLLOWERS: Final = {
    "a": "bcdgiklmnprstuvy",
    "b": "aeilorsu",
    "c": "acehiklortu",
    "d": "aeiosu",
    "e": "abcdefgilmnpqrstvxy",
    "f": "aefiloru",
    "g": "aehinoru",
    "h": "aeiot",
    "i": "abcdefglmnoprstvz",
    "k": "ei",
    "l": "adeilostuy",
    "m": "abeimop",
    "n": "acdefginostuv",
    "o": "bcdgilmnoprstuvw",
    "p": "aehiloprstu",
    "q": "u",
    "r": "acdegikmnorstuy",
    "s": "acehilopstuy",
    "t": "acehilorstuy",
    "u": "abceilmnprst",
    "v": "aei",
    "w": "aeio",
    "x": "px",
    "y": "p",
    "z": "e",
}
"""The letters that follow each other in words and names: nine in ten pairs of those, a third of random
ones."""
_RUN_OF_ONE_KIND: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{4,16}\Z")
_READS: Final = 0.5
_SPELT: Final = 0.8
"""Shares of pairs: half of them are of no random value, four in five are of a name."""
_LEAST_PAIRS: Final = 6
_FEW_DIGITS: Final = 0.25
_SHORT_RUNS: Final = 2.4
"""Characters of one kind in a row: random ones have two, names have four."""
_SCRAMBLED: Final = 10
_WORDS_LONG: Final = 20
"""Characters from which on the parts of a value must read as words, which short ones look like by chance."""
_LOGIN: Final = re.compile(r"[\x21-\x39\x3b-\x7e]{2,64}:[\x20-\x7e]{3,128}\s?\Z")
_LOGIN_LENGTHS: Final = range(8, 241)

_SHORT: Final = 24
"""Characters; in longer values, a run of digits may be the masked part of a real form."""


_LONG: Final = 30
_MIXED: Final = 2
"""Characters from which on a run of the alphabet may be the masked part of a real form, in a value of as many
kinds of characters."""

_READ: Final = 160
"""Characters of a value in which a placeholder, or a name, shows."""


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
    return all(_WORD.match(part) for part in parts) and (len(value) < _WORDS_LONG or reads(value))


def _pairs(value: str) -> tuple[int, int]:
    """Neighbouring letters of `value`, and how many of them words have."""
    pairs = usual = 0
    value = value[:_READ]
    for before, after in pairwise(value):
        if before.isalpha() and after.isalpha() and not (before.islower() and after.isupper()):
            pairs += 1
            usual += after.lower() in _FOLLOWERS.get(before.lower(), "")
    return pairs, usual


def reads(value: str) -> bool:
    """Whether the letters of a value follow each other as those of words do, and not those of random ones."""
    pairs, usual = _pairs(value)
    return usual >= _READS * pairs


def is_name(value: str) -> bool:
    """Whether a value is what code calls something: `login_2fa_token`, `AUTH_AD_B2C_CLIENT_SECRET`."""
    value = value[:_READ]
    pairs, usual = _pairs(value)
    return (
        pairs >= _LEAST_PAIRS
        and usual >= _SPELT * pairs
        and sum(map(str.isdigit, value)) <= _FEW_DIGITS * len(value)
    )


def is_scrambled(value: str) -> bool:
    """Whether capitals, small letters and digits take turns as in random values: `vZrEclFwOqeA`."""
    value = value[:_READ]
    runs = _RUN_OF_ONE_KIND.findall(value)
    letters = sum(map(len, runs))
    return (
        max(_SCRAMBLED, len(value) - 2) <= letters <= _SHORT_RUNS * len(runs)
        and _ADDRESS.match(value) is None
        and not is_name(value)
    )


def encodes_login(value: str) -> bool:
    """Whether a value is a name and a password joined by a colon, in base64, as headers have them."""
    if len(value) not in _LOGIN_LENGTHS or len(value) % 4:
        return False
    try:
        return _LOGIN.match(base64.b64decode(value, validate=True).decode("ascii")) is not None
    except ValueError:  # no base64, or not of text
        return False


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
