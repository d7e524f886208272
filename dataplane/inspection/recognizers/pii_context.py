"""What the words before a number say it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from dataplane.inspection.engine_re2 import ANYWHERE, compile_one

BEFORE: Final = 72
"""Code points before a value in which words count: about a line of prose."""

_PHONE: Final = re.compile(
    r"phones?(?![^\W_])|phone[ _-]?n(?:o|r|um)|\btelf?\b|mobiles?(?![^\W_])|mobile[ _-]?(?:n(?:o|r"
    r"|um)|phone)|\bmob\b|\bcell|\bfax|\bcall(?:s|ed|ing|er|back)?\b|\bdial(?:s|ed|ing)?\b|\bring\b"
    r"|\bsms\b|whatsapp"
    r"|\btext(?:ed|ing)?\b|\bcontact|\breach|messages? to|answering|registered|\bdesk\b|\bpager\b|hotline"
    r"|helpline|voicemail|landline|\boffice\b|t[eé]l[eé]fono|t[eé]l[eé]phone|telefon|m[oó]vil"
    r"|portable|celular|\bhandy"
    r"|rufnummer|puhelin|cellulare|ll[aá]m|appel|joindre|chiama|anruf|телефон|звоните|電話|电话|手机|\bph\b"
    r"|\b(?:my|his|her|our|their|your)(?: \w+)? number (?:is|was)\b|\bgsm\b|\bcep no\b",
    re.IGNORECASE,
)
_CARD: Final = re.compile(
    r"card\b|card ?n(?:o|um)|\bcc\b|\bccn?um|\bvisa\b|mastercard|\bamex\b|american express"
    r"|discover\b|diners"
    r"|maestro|\bpan\b|kreditkarte|tarjeta|\bcarte\b|carta di credito|cart[aã]o|карт",
    re.IGNORECASE,
)
_THINGS: Final = (
    r"order|tracking|track|shipment|parcel|invoice|part|model|serial|sku|isbn|issn|doi|ean|upc|gtin"
    r"|asin|build|version"
    r"|upgrade|release|batch|commit|ticket|case|ref|reference|request|req|transaction|txn|trace"
    r"|span|session|job|run"
    r"|seed|nonce|block|offset|checksum|crc|product|item|lot|imei|iccid|vin|patent|zip|postal"
    r"|postcode|lat|lon|lng"
    r"|latitude|longitude|coordinates?|timestamp|epoch|unix|time|ts|port|pid|bug|issue|rfc|hash"
    r"|uuid|guid|sha\d*|md5"
    r"|confirmation|booking|reservation|flight|claim|sample|sequence|accession|barcode|container"
    r"|waybill|awb|sum"
    r"|total|amount|price|costs?|population|distance|size|bytes|latency\w*|duration|revision|row"
    r"|record|counter|count"
    r"|index|user|account|customer|po|meeting|zoom|webinar|passcode|meter|device|asset|equals?"
    r"|result|answer"
    r"|number of|digits"
)
_LINK: Final = (
    r"(?:[\s:#=\"'(\[,._/-]|\b(?:number|num|no|nr|ids?|code|key|value|is|was|are|the|for|ms|ns|us|at)\b)*$"
)
_LINKED: Final = re.compile(
    rf"(?:(?<![^\W_])(?:{_THINGS})(?![^\W_])|[_-](?:id|no|num|key|ts|ms|ns|us|at))s?{_LINK}|[$€£¥]\s?$"
    r"|\d{1,2}:\d{2}:$|(?-i:\b[A-Z]{2}\d\d ?[A-Z]{4} ?)$",
    re.IGNORECASE,
)
_LINK_REACH: Final = 40
"""Code points of `tracking number for the order is: `."""
_ID: Final = re.compile(r"(?<![^\W_])(?:u|pk|g)?ids?[\"']?\s?[:=]\s?[\"']?$", re.IGNORECASE)
_NEARBY: Final = re.compile(rf"(?<![^\W_])(?:{_THINGS})(?![^\W_])[^.!?\n]{{0,36}}$", re.IGNORECASE)
_COUNTED_AFTER: Final = re.compile(
    r"\s(?:times|units|rows|records|users|people|bytes|items|points|tokens|requests|ms|seconds"
    r"|minutes|miles|km)\b",
    re.IGNORECASE,
)
_LABEL_AFTER: Final = re.compile(
    r"[ \-]{0,2}\(?(?:office|fax|mobile|cell|home|work|direct|tel)\b"
    r"|,? (?:is|was) (?:my|his|her|our|their|the) (?:\w+ )?(?:mobile|cell|phone|telephone|fax|landline)\b",
    re.IGNORECASE,
)
_PAYS: Final = re.compile(
    r"\bcards?\b|visa|master ?card|amex|\bcvv|\bcvc|\bexp(?:\b|ir|[./])|\bpa(?:y|id)|\bcharge"
    r"|\bbill(?:ed|ing)\b|checkout|purchas|debit|credit|\bcc\b|refund|subscri|renew",
    re.IGNORECASE,
)
_IS_SAID: Final = re.compile(
    r"[\s:=#\"'()\[\],.-]*(?:(?:number|num|no|nr|is|was|card|id)\b[\s:=#.\"'(]*){0,4}\Z", re.I
)


def _may_say(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    """Whether a pattern may match, by RE2, which is asked what it would match without regard to what stands
    around it: that takes a fortieth of the time, and most numbers have no such words before them."""
    match = compile_one(f"(?i)(?:{_AROUND.sub('', pattern.pattern)})")

    def may_say(words: str) -> bool:
        return not words.isascii() or match(ANYWHERE, words.encode(), 0, len(words))[0][0] >= 0

    return may_say


_AROUND: Final = re.compile(r"\\b|\(\?!\[\^\\W_\]\)")
_may_say_phone: Final = _may_say(_PHONE)
_may_say_card: Final = _may_say(_CARD)


def before(text: str, start: int) -> str:
    """What stands before a value."""
    return text[max(0, start - BEFORE) : start]


def names_thing(words: str) -> bool:
    """Whether words end by naming what the number is of, and it is no person's: `order no. `, `build `."""
    return _LINKED.search(words, max(0, len(words) - _LINK_REACH)) is not None


def names_id(words: str) -> bool:
    """Whether words end in the name of a field that identifies something: `uid: `."""
    return _ID.search(words[-12:]) is not None


def speaks_of_thing(words: str) -> bool:
    """Whether words speak of such a thing in the sentence that the number is in."""
    return _NEARBY.search(words) is not None


def says_phone(words: str) -> bool:
    """Whether words speak of a telephone."""
    return _may_say_phone(words) and _PHONE.search(words) is not None


def labelled_phone(text: str, end: int) -> bool:
    """Whether a label such as ` fax` follows, as on visiting cards."""
    return _LABEL_AFTER.match(text, end) is not None


def counts(text: str, end: int) -> bool:
    """Whether what follows is counted: `5334048 times`."""
    return _COUNTED_AFTER.match(text, end) is not None


def says_card(words: str) -> bool:
    """Whether words speak of a payment card."""
    return _may_say_card(words) and _CARD.search(words) is not None


def pays(text: str, start: int, end: int) -> bool:
    """Whether a number stands alone, or beside words of paying."""
    if len(text) - (end - start) < _ALONE:
        return True
    return _PAYS.search(text[max(0, start - BEFORE) : start] + " " + text[end : end + BEFORE]) is not None


_ALONE: Final = 8
"""Code points that a text may have besides a number that is all it says."""


def is_said(between: str) -> bool:
    """Whether nothing but `number is` and the like stands between a name and its number."""
    return _IS_SAID.match(between) is not None
