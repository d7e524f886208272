"""E-mail and IP addresses."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

_LOCAL: Final = re.compile(r"[\w!#$%&'*+/=?^`{|}~.-]{1,64}\Z")
_DOMAIN: Final = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_][\w-]{0,22}[^\W_]")
_FILE_ENDINGS: Final = frozenset(
    {"png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "bmp", "js", "mjs", "ts", "tsx", "jsx", "css", "scss"}
    | {
        "html",
        "htm",
        "json",
        "yaml",
        "yml",
        "xml",
        "txt",
        "py",
        "rb",
        "go",
        "java",
        "cpp",
        "php",
        "sql",
        "csv",
    }
    | {"log", "gz", "tar", "pdf"}
)
"""`icon@2x.png` and the like."""

_VERSION_BEFORE: Final = re.compile(
    r"(?:version|release|build|firmware|driver|\bv|\bver|\brev|upgraded?(?: from)?|updated?(?: from)?"
    r"|[=><~]=|@"
    r"|section|clause|chapter|oid|identifier)[\s:=v(\"']*(?:[\d.]+ to )?$",
    re.IGNORECASE,
)
_URL_REACH: Final = 80
_USER_INFO: Final = re.compile(r"\w://[^\s/@]*$")
"""In a URL, what stands before `@` is a user and a password."""

_ADDRESS_WORDS: Final = re.compile(r"\bip\b|address|host|server|client|remote|login|visitor", re.IGNORECASE)
_LOW: Final = 32
"""Four numbers below it are rather a version or a section, unless words speak of an address."""
_STAND_INS: Final = tuple(map(ipaddress.IPv4Network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")))
"""Networks for documentation (RFC 5737): who writes such an address means somebody's."""
_WELL_KNOWN: Final = frozenset({"8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "1.2.3.4", "4.4.4.4"})
"""Public resolvers, and what stands for any address: nobody's."""


def email(text: str, at: int) -> tuple[int, int] | None:
    """The range of the address whose `@` is at `at`."""
    start = at - 64 if at > 64 else 0
    local = _LOCAL.search(text[start:at])
    domain = _DOMAIN.match(text, at + 1)
    if local is None or domain is None:
        return None
    name = local[0]
    if "=" in name:
        name = name.rpartition("=")[2]
    if "/" in name:
        name = name.rpartition("/")[2]
    name = name.lstrip("!#$%&'*+/=?^`{|}~.-")
    if not name or name.endswith(".") or ".." in name:
        return None
    end = domain.end()
    if domain[0].rpartition(".")[2].lower() in _FILE_ENDINGS:
        return None
    if text.startswith(":", end) and (
        name == "git" or (text[end + 1 : end + 2].isalpha() and "/" in text[end : end + 40])
    ):
        return None  # git@host:path
    start = at - len(name)
    if text.startswith("@", end) or _USER_INFO.search(text[max(0, start - _URL_REACH) : start]):
        return None
    return start, end


def ip4(text: str, start: int, end: int) -> int:
    """The score of a dotted quad: 0 where it is a version, a network, or an address that tells nobody apart
    (private, local, public resolvers)."""
    quad = text[start:end]
    before = text[max(0, start - 40) : start]
    if before[-1:] in ("-", "_") or before[-1:].isalnum() or (before[-1:] == "." and before[-2:-1].isalnum()):
        return 0
    after = text[end : end + 2]
    if after[:1].isalnum() or after[:1] in ("-", "_") or (after[:1] == "." and after[1:].isalnum()):
        return 0
    if quad in _WELL_KNOWN or any(len(part) > 1 and part[0] == "0" for part in quad.split(".")):
        return 0
    try:
        address = ipaddress.IPv4Address(quad)
    except ValueError:
        return 0
    standin = any(address in network for network in _STAND_INS)
    if not (address.is_global or standin) or address.is_multicast or after[:1] == "/":
        return 0
    low = max(map(int, quad.split("."))) < _LOW
    if (low or _says_version(before)) and not _ADDRESS_WORDS.search(before):
        return 0
    return 90


def _says_version(before: str) -> bool:
    # in lists of addresses each stands behind another, and no word that says so ends in a digit
    last = before.rstrip(_BETWEEN)[-1:]
    return not (last.isdigit() or last == ".") and _VERSION_BEFORE.search(before) is not None


_BETWEEN: Final = " \t\n\r\f\v,;:(\"'"
"""What may stand between such a word and the number, and between two addresses."""


def ip6(text: str, start: int, end: int) -> int:
    """The score of what may be an IPv6 address."""
    if (
        text[start - 1 : start].isalnum()
        or text[start - 1 : start] in (":", "_", ".")
        or text[end : end + 1] in (":", "_")
    ):
        return 0
    if text[end : end + 1].isalnum():
        return 0
    value = text[start:end]
    if sum(map(str.isdigit, value)) < 3:
        return 0
    try:
        address = ipaddress.IPv6Address(value)
    except ValueError:
        return 0
    local = (
        address in _UNIQUE_LOCAL
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
    )
    return 0 if local or value.count(":") < 3 else 90


_UNIQUE_LOCAL: Final = ipaddress.IPv6Network("fc00::/7")
