"""Text that stands in a request as a data URL or in base64, as the content of an attached file does.

What was declared counts only where the bytes leave it open: bytes that read as UTF-8 are text, whatever they
are called.
"""

from __future__ import annotations

import binascii
import codecs
import re
from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes

from dataplane.findings import Origin, Place, Text
from dataplane.surfaces.json_texts import add_names, add_texts, find, put
from dataplane.surfaces.tokens import size

MAX_ENCODED_CHARS: Final = 1 << 20
"""Decoded at most, 2 ms; what is longer stays unread, and counts as that."""

SHORT: Final = 1024
"""Characters up to which a string is looked at as it stands too, whatever it may encode: no image or
recording is so short, and many a word is good base64."""

SHORTEST: Final = 24
"""Characters from which on base64 is decoded where nothing says that it is any: a shorter word or identifier
is too often good base64 of something that reads as text."""

BASE64_LINE: Final = 64
"""The shortest line of base64 that is broken into lines (PEM, RFC 7468); MIME has 76."""

_DATA_URL: Final = re.compile(
    r"\s*data:(?P<type>[^,;]{0,128})(?P<parameters>(?:;[^,;]{0,128}){0,8}),", re.IGNORECASE
)
_NO_CODE: Final = ("{", "[", "<", '"')
"""Beginnings of what is neither a data URL nor base64, but often long."""

_CHARSET: Final = re.compile(r";\s*charset=\"?(?P<name>[\w-]{1,32})\"?", re.IGNORECASE)
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{4,}={0,2}")
_SPACE: Final = re.compile(r"\s+")
_URL_SAFE: Final = str.maketrans("-_", "+/")
_CONTROL: Final = bytes({*range(32), 127} - {*b"\t\n\f\r\x1b"})
_UNREADABLE: Final = (b"%PDF-", b"%!PS")
"""Beginnings of formats that may be all ASCII and yet say what they say in compressed streams."""
_TEXT_TYPE: Final = re.compile(
    r"text/.*|application/(?:[\w.-]+\+)?(?:json|xml|yaml|csv|javascript|sql|x-ndjson|jsonl)", re.IGNORECASE
)
_CODECS: Final = frozenset(
    [
        *("utf-16", "utf-16le", "utf-16be", "gb18030", "big5", "euc-jp", "euc-kr", "shift_jis", "koi8-r"),
        *("iso-8859-2", "iso-8859-15", "windows-1251", "windows-1252"),
    ]
)
"""Encodings that a declaration may name: those of the WHATWG Encoding standard that are still met."""


def encoded_text(value: str) -> str | None:
    """The text that a data URL or base64 stands for; None for what is neither, is no text or is too long."""
    if len(value) > MAX_ENCODED_CHARS or value[:1] in _NO_CODE:
        return None
    url = _DATA_URL.match(value)
    if url is None:
        data = _from_base64(value) if len(value) >= SHORTEST else None
        return None if data is None else _read(data, "", "")
    parameters = url["parameters"].lower()
    data = unquote_to_bytes(value[url.end() :])
    if parameters.rstrip().endswith(";base64"):
        data = _from_base64(data.decode("ascii", "replace"))
    return None if data is None else _read(data, url["type"].strip(), parameters)


def add_encoded_texts(value: Any, origin: Origin, place: Place, texts: list[Text]) -> int:
    """As `json_texts.add_texts`, for what may hold images, recordings, files or encrypted content.

    Encoded text is yielded as what it stands for. A short string that may be base64 is yielded as it stands
    too, and only that can be rewritten. Encoded content that is no text is left out, but for how it calls
    itself; returns how many bytes of it.
    """
    if type(value) is dict:
        add_names(value, origin, texts)
        return sum([add_encoded_texts(item, origin, (*place, key), texts) for key, item in value.items()])
    if type(value) is list:
        return sum(
            [add_encoded_texts(item, origin, (*place, index), texts) for index, item in enumerate(value)]
        )
    if type(value) is not str or not value:
        add_texts(value, origin, place, texts)
        return 0
    document = encoded_text(value)
    url = _DATA_URL.match(value)
    if document is not None:
        stands_too = url is None and len(value) <= SHORT
        texts.append(Text(text=document, origin=origin, place=None if stands_too else place))
        if stands_too:
            add_texts(value, origin, place, texts)
    elif len(value) <= SHORT or not _is_encoded(value):
        add_texts(value, origin, place, texts)
        return 0
    if url is not None:
        texts.append(Text(text=url[0], origin=origin))
    return 0 if document is not None else size(value)


def put_encoded(document: Any, text: Text, instead: str) -> None:
    """As `json_texts.put`, for a document walked with `add_encoded_texts`: a text that was encoded is written
    encoded, its characters in UTF-8."""
    holder, last, there = find(document, text)
    if type(there) is str and there != text.text and encoded_text(there) == text.text:
        holder[last] = _encoded_like(there, instead)
    else:
        put(document, text, instead)


def left_out(value: Any) -> int:
    """The bytes that `add_encoded_texts` leaves out."""
    return add_encoded_texts(value, Origin.OTHER, (), [])


def unread_bytes(value: Any) -> int:
    """Bytes of all strings in a part that is not text, but for those that stand for a text."""
    if type(value) is str:
        return 0 if len(value) > SHORT and encoded_text(value) is not None else size(value)
    if type(value) is dict:
        return sum(map(unread_bytes, value.values()))
    if type(value) is list:
        return sum(map(unread_bytes, value))
    return 0


def _encoded_like(value: str, text: str) -> str:
    data = text.encode("utf-8", "replace")
    url = _DATA_URL.match(value)
    if url is None:
        return binascii.b2a_base64(data, newline=False).decode()
    head = _CHARSET.sub(";charset=utf-8", url[0])
    if not url["parameters"].lower().rstrip().endswith(";base64"):
        return head + quote(data)
    return head + binascii.b2a_base64(data, newline=False).decode()


def _is_encoded(value: str) -> bool:
    if _DATA_URL.match(value) is not None:
        return True
    lines = value.count("\n")
    dense = value.replace("\n", "").replace("\r", "") if lines else value
    return lines * BASE64_LINE <= len(value) and _BASE64.fullmatch(dense) is not None


def _from_base64(value: str) -> bytes | None:
    dense = _SPACE.sub("", value)
    if not _BASE64.fullmatch(dense):
        return None
    dense = dense.rstrip("=").translate(_URL_SAFE)
    try:
        return binascii.a2b_base64(dense + "=" * (-len(dense) % 4))
    except binascii.Error:
        return None


def _read(data: bytes, media_type: str, parameters: str) -> str | None:
    if not data or data.startswith(_UNREADABLE):
        return None
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _decode(data, "utf-16")
    controls = data.translate(None, _CONTROL) != data
    if not controls and (text := _decode(data, "utf-8-sig")) is not None:
        return text
    if not _TEXT_TYPE.fullmatch(media_type):
        return None
    named = _CHARSET.search(parameters)
    if named is not None and named["name"] in _CODECS:
        return _decode(data, named["name"])
    return None if controls else data.decode("latin-1")


def _decode(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        return None
