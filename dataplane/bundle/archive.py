"""The one form of tar that `opa build` writes, read and written byte by byte.

A general tar reader accepts several dialects (pax, GNU, sparse files, links, doubled members), and two
readers that choose differently see two bundles. OPA writes plain USTAR regular files (Go's archive/tar,
mode 0600, times and owners 0), so nothing else is taken: no links, devices, folders, long-name
extensions, repeated members, padding that is not zero, or bytes after the end.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

MAX_BUNDLE_BYTES: Final = 32 * 2**20
"""A compressed bundle: 10,000 clients take about 0.2 MB."""

MAX_TAR_BYTES: Final = 64 * 2**20
"""An uncompressed one: no file in it can then exceed the 64 MiB a file that our OPA is configured with."""

MAX_MEMBERS: Final = 5_000

MANIFEST: Final = ".manifest"
SIGNATURES: Final = ".signatures.json"
DATA: Final = "data.json"

_BLOCK: Final = 512
_END: Final = bytes(2 * _BLOCK)
_NAME: Final = re.compile(
    r"/(?:\.manifest|\.signatures\.json|data\.json|regogate(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)+\.rego)"
)
"""What our bundles hold. OPA gives meaning to more names (patch.json, data.yaml, policy.wasm,
any name that ends in .manifest), none of which we build."""
_OCTAL: Final = re.compile(rb"[0-7]+[\0 ]?")


class ArchiveRefused(ValueError):
    """The bytes are not a bundle in the form that `opa build` writes; the text says where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file of a bundle: `name` without the leading slash, `block` = header, data and padding."""

    name: str
    data: bytes = field(repr=False)
    block: bytes = field(repr=False)


def member(name: str, data: bytes) -> Member:
    """A member as Go's archive/tar writes it for OPA. Raises `ArchiveRefused` for a name we never build."""
    full = f"/{name}"
    if _NAME.fullmatch(full) is None:
        raise ArchiveRefused(f"no file of a bundle may be named {name[:200]!r}")
    prefix, base = _split(full)
    header = bytearray(_BLOCK)
    header[0:100] = base.encode().ljust(100, b"\0")
    header[100:108] = b"0000600\0"
    header[108:116] = header[116:124] = b"0000000\0"
    header[124:136] = b"%011o\0" % len(data)
    header[136:148] = b"00000000000\0"
    header[148:156] = b" " * 8
    header[156:157] = b"0"
    header[257:265] = b"ustar\x0000"
    header[329:337] = header[337:345] = b"0000000\0"
    header[345:500] = prefix.encode().ljust(155, b"\0")
    header[148:156] = b"%06o\0 " % sum(header)
    return Member(name=name, data=data, block=bytes(header) + data + bytes(-len(data) % _BLOCK))


def _split(name: str) -> tuple[str, str]:
    """Go's splitUSTARPath: names over 100 bytes are cut at the last slash of the first 156 bytes."""
    if len(name) <= 100:
        return "", name
    cut = name.rfind("/", 0, 156)
    if cut <= 0 or len(name) - cut - 1 > 100 or cut > 155:
        raise ArchiveRefused(f"the name {name[:200]!r} is too long for a bundle")
    return name[:cut], name[cut + 1 :]


def pack(members: Iterable[Member]) -> bytes:
    """The gzipped tar of these members, in this order."""
    press = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    return press.compress(tar(members)) + press.flush()


def tar(members: Iterable[Member]) -> bytes:
    """The uncompressed tar of these members, in this order, as OPA writes it."""
    return b"".join(one.block for one in members) + _END


def unpack(content: bytes) -> tuple[Member, ...]:
    """The members of a gzipped tar. Raises `ArchiveRefused`; memory stays under `MAX_TAR_BYTES` twice."""
    data = _inflate(content)
    found: dict[str, Member] = {}
    at = 0
    while any(data[at : at + _BLOCK]):
        one = _member_at(data, at)
        if one.name in found:
            raise ArchiveRefused(f"the file {one.name} is there twice")
        if len(found) == MAX_MEMBERS:
            raise ArchiveRefused(f"more than {MAX_MEMBERS} files")
        found[one.name] = one
        at += len(one.block)
    if data[at:] != _END:
        raise ArchiveRefused("the archive does not end with its two empty blocks and nothing else")
    return tuple(found.values())


def _inflate(content: bytes) -> bytes:
    if len(content) > MAX_BUNDLE_BYTES:
        raise ArchiveRefused(f"larger than {MAX_BUNDLE_BYTES} bytes")
    reader = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        data = reader.decompress(content, MAX_TAR_BYTES + 1)
    except zlib.error as error:
        raise ArchiveRefused("not a gzip file, or a damaged one") from error
    if len(data) > MAX_TAR_BYTES:
        raise ArchiveRefused(f"larger than {MAX_TAR_BYTES} bytes when unpacked")
    if not reader.eof:
        raise ArchiveRefused("cut short")
    if reader.unused_data:
        raise ArchiveRefused("bytes after the end of the gzip stream")
    return data


def _member_at(data: bytes, at: int) -> Member:
    header = data[at : at + _BLOCK]
    if len(header) < _BLOCK:
        raise ArchiveRefused("cut short in a header")
    total = sum(header) - sum(header[148:156]) + 8 * 0x20
    if header[257:265] != b"ustar\x0000" or _octal(header[148:156]) != total:
        raise ArchiveRefused(f"no USTAR header at byte {at}")
    if header[156:157] != b"0" or any(header[157:257]):
        raise ArchiveRefused(f"the entry at byte {at} is not a regular file")
    base, prefix = _text(header[0:100]), _text(header[345:500])
    name = f"{prefix}/{base}" if prefix else base
    if _NAME.fullmatch(name) is None:
        raise ArchiveRefused(f"no file of a bundle may be named {name[:200]!r}")
    size = _octal(header[124:136])
    start = at + _BLOCK
    end = start + size + -size % _BLOCK
    if end > len(data) - len(_END):
        raise ArchiveRefused(f"cut short in the file {name[1:]}")
    if any(data[start + size : end]):
        raise ArchiveRefused(f"bytes after the end of the file {name[1:]}")
    return Member(name=name[1:], data=data[start : start + size], block=data[at:end])


def _text(field_bytes: bytes) -> str:
    text, _, rest = field_bytes.partition(b"\0")
    if any(rest) or not text.isascii():
        raise ArchiveRefused("a name with bytes after its end, or not in ASCII")
    return text.decode("ascii")


def _octal(field_bytes: bytes) -> int:
    number = field_bytes.rstrip(b"\0 ")
    if _OCTAL.fullmatch(number) is None or number[-1:] in b"\0 ":
        raise ArchiveRefused("a header field that is not an octal number")
    return int(number, 8)
